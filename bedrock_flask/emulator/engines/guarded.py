"""An engine with a guardrail before and behind it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bedrock_flask.converse import Event, Json, Request, Response, fold, member, replay
from bedrock_flask.emulator.account.guardrail_policy import GuardrailPolicy, GuardrailVerdict
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.replies.reply import Reply

BLOCKED_MESSAGE = "Sorry, the model cannot answer this question."

_IDENTIFIER = re.compile(r"[a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+")
_VERSION = re.compile(r"[1-9][0-9]{0,7}|DRAFT")
_COUNT_NAMES = ("inputTokens", "outputTokens", "totalTokens")


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """The guardrail that a request names, and whether its findings are reported."""

    id: str
    trace: bool = False

    @classmethod
    def from_version(cls, identifier: str, version: str, *, trace: bool = False) -> "Guardrail":
        """The guardrail of an id or an ARN, every one of which exists; an EmulatedError if it cannot be one."""
        if not identifier or not version:
            raise validation_error("A guardrail is named by both its identifier and its version.")
        if not _IDENTIFIER.fullmatch(identifier) or not _VERSION.fullmatch(version):
            raise validation_error("The guardrail identifier or version provided in the request does not exist.")
        return cls(id=identifier.rpartition("/")[2], trace=trace)


@dataclass
class GuardedEngine(EmulatorEngine):
    """An engine with a guardrail before and behind it. It checks an answer as a whole before any of it is sent."""

    engine: EmulatorEngine
    guardrail: Guardrail
    policy: GuardrailPolicy
    input_verdict: GuardrailVerdict | None = field(default=None, init=False)
    output_verdict: GuardrailVerdict | None = field(default=None, init=False)

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, or the guardrail's message in its place."""
        if self.check_input(_find_texts_to_check(request)).is_blocked:
            usage = {"usage": dict.fromkeys(_COUNT_NAMES, 0)}
            yield from replay(self._replace_content(usage, [{"text": BLOCKED_MESSAGE}]))
            return
        events = list(self.engine.converse(request))
        response = fold(events)
        content = response["output"]["message"]["content"]
        verdict = self.check_output([block["text"] for block in content if "text" in block])
        if verdict.has_intervened:
            yield from replay(self._replace_content(response, _mask_content(content, verdict)))
        else:
            yield from map(self._add_trace, events)

    def embed(self, text: str, dimensions: int) -> list[float]:
        """The engine's vector."""
        return self.engine.embed(text, dimensions)

    def count(self, text: str) -> int:
        """The engine's count."""
        return self.engine.count(text)

    def find_native_reply(self, request: Request) -> Reply | None:
        """The scripted reply in the model's own format, which is not checked; None for a blocked question."""
        is_blocked = self.policy.check(_find_texts_to_check(request)).is_blocked
        return None if is_blocked else self.engine.find_native_reply(request)

    def find_reply(self, texts: Sequence[str], *, writes_text: bool) -> Reply | None:
        """The scripted reply to a body in a format of a plugin's own."""
        return self.engine.find_reply(texts, writes_text=writes_text)

    def find_error(self, texts: Sequence[str]) -> tuple[EmulatedError, int] | None:
        """The error that one of these texts orders."""
        return self.engine.find_error(texts)

    def check_input(self, texts: Sequence[str]) -> GuardrailVerdict:
        """The verdict on a question."""
        self.input_verdict = self.policy.check(texts)
        return self.input_verdict

    def check_output(self, texts: Sequence[str]) -> GuardrailVerdict:
        """The verdict on an answer."""
        self.output_verdict = self.policy.check(texts)
        return self.output_verdict

    @property
    def unguarded_engine(self) -> EmulatorEngine:
        """The engine without its guardrail."""
        return self.engine

    def describe(self) -> Json:
        """The members of a native reply about the guardrail."""
        has_intervened = (self.input_verdict is not None and self.input_verdict.is_blocked) or (
            self.output_verdict is not None and self.output_verdict.has_intervened
        )
        members: Json = {"amazon-bedrock-guardrailAction": "INTERVENED" if has_intervened else "NONE"}
        if self.guardrail.trace:
            outputs = [{self.guardrail.id: self.output_verdict.describe()}] if self.output_verdict else []
            members["amazon-bedrock-trace"] = {"guardrail": {"input": self._describe_input(), "outputs": outputs}}
        return members

    def _replace_content(self, response: Response, content: list[Json]) -> Response:
        message = {"output": {"message": {"role": "assistant", "content": content}}}
        return {**response, **message, "stopReason": "guardrail_intervened", **self._make_trace()}

    def _add_trace(self, event: Event) -> Event:
        return {"metadata": {**event["metadata"], **self._make_trace()}} if "metadata" in event else event

    def _make_trace(self) -> Json:
        if not self.guardrail.trace:
            return {}
        trace: Json = {"inputAssessment": self._describe_input()}
        last = self.output_verdict or self.input_verdict
        if self.output_verdict is not None:
            trace["outputAssessments"] = {self.guardrail.id: [self.output_verdict.describe()]}
        return {"trace": {"guardrail": trace | ({"actionReason": last.reason} if last else {})}}

    def _describe_input(self) -> Json:
        return {self.guardrail.id: self.input_verdict.describe()} if self.input_verdict else {}


def _find_texts_to_check(request: Request) -> list[str]:
    """The user's texts or, if any of them is marked for the guardrail, only the marked ones."""
    blocks = [
        block
        for message in request.get("messages", [])
        if message["role"] == "user"
        for block in message["content"]
    ]  # fmt: skip
    marked = [member(block, "guardContent", "text", "text") for block in blocks if "guardContent" in block]
    return [text for text in marked or [block.get("text") for block in blocks] if isinstance(text, str)]


def _mask_content(content: list[Json], verdict: GuardrailVerdict) -> list[Json]:
    if verdict.is_blocked:
        return [{"text": BLOCKED_MESSAGE}]
    texts = iter(verdict.masked_texts)
    return [{**block, "text": next(texts)} if "text" in block else block for block in content]
