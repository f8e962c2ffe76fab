"""The scripted replies that are pending: those of tests before those of the file."""

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import validation_error
from bedrock_flask.emulator.replies.pattern import SECONDS, PatternTimeout
from bedrock_flask.emulator.replies.reply import Reply

_PROMPT_SHOWN = 60


class ReplyQueue:
    """Pending replies in their order; with `only`, a prompt that no reply matches is refused."""

    def __init__(self, file: Sequence[Reply] = (), *, only: bool = False) -> None:
        self.only = only
        self._lock = threading.Lock()
        self._file, self._pending, self._added = list(file), list(file), 0

    def add(self, replies: Sequence[Reply]) -> None:
        """Add replies after those that were added before, and before those of the file."""
        with self._lock:
            self._pending[self._added : self._added] = replies
            self._added += len(replies)

    def clear(self) -> None:
        """Remove the replies that were added, and restore those of the file."""
        with self._lock:
            self._pending, self._added = list(self._file), 0

    def list_pending(self) -> list[Json]:
        """The pending replies, as JSON objects."""
        with self._lock:
            return [reply.describe() for reply in self._pending]

    def take(self, model: str, prompts: Sequence[str], is_suitable: Callable[[Reply], bool]) -> Reply | None:
        """Take the first suitable reply for one of these prompts; None if there is none."""
        with self._lock:
            for number, reply in enumerate(self._pending):
                if is_suitable(reply) and any(_matches(reply, model, prompt) for prompt in prompts):
                    self._use(number, reply)
                    return reply
        if self.only:
            prompt = max(prompts, key=len)
            shown = prompt if len(prompt) <= _PROMPT_SHOWN else f"{prompt[:_PROMPT_SHOWN]}…"
            raise validation_error(
                f"No reply is scripted for {model} and the prompt {json.dumps(shown, ensure_ascii=False)}."
            )
        return None

    def _use(self, number: int, reply: Reply) -> None:
        if reply.times is None:
            return
        if reply.times > 1:
            self._pending[number] = replace(reply, times=reply.times - 1)
        else:
            del self._pending[number]
            self._added -= number < self._added


def _matches(reply: Reply, model: str, prompt: str) -> bool:
    try:
        return reply.matches_prompt(model, prompt)
    except PatternTimeout:
        text = f"The pattern {json.dumps(reply.matches)} of a reply takes more than {SECONDS:g} s for this prompt."
        raise validation_error(text) from None
