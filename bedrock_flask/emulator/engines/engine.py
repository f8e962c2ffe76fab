"""The protocol of the emulator's engines, with defaults for what only some of them do."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from bedrock_flask.converse import Event, Request
from bedrock_flask.emulator.account.guardrail_policy import GuardrailVerdict
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.replies.reply import Reply


class EmulatorEngine(Protocol):
    """What answers in a model's place; the first three methods are also what a plugin's `emulate` may use."""

    # Whether the engine has answered this call in Converse's terms.
    has_conversed: bool = False

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events."""

    def embed(self, text: str, dimensions: int) -> list[float]:
        """A vector of length 1, the same for the same text."""

    def count(self, text: str) -> int:
        """The number of tokens in a text."""

    def find_native_reply(self, request: Request) -> Reply | None:
        """The scripted reply in the model's own format, if there is one for this request."""
        return None

    def find_reply(self, texts: Sequence[str], *, writes_text: bool) -> Reply | None:
        """The scripted reply to a body in a format of a plugin's own, of which any text may be the prompt."""
        return None

    def find_error(self, texts: Sequence[str]) -> tuple[EmulatedError, int] | None:
        """The error that one of these texts orders, and the number of pieces of the answer before it."""
        return None

    def check_input(self, texts: Sequence[str]) -> GuardrailVerdict | None:
        """The guardrail's verdict on a question; None without a guardrail."""
        return None

    def check_output(self, texts: Sequence[str]) -> GuardrailVerdict | None:
        """The guardrail's verdict on an answer; None without a guardrail."""
        return None

    @property
    def unguarded_engine(self) -> "EmulatorEngine":
        """The engine without its guardrail."""
        return self
