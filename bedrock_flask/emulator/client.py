"""The emulator as a test sees it: where it listens, what it is told to do, and what has reached it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

_PATIENCE = 10.0
_LOOK_EVERY = 0.02


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call that has reached the emulator, and how it was answered.

    `headers` have lower-case names and no secrets; `body` is the text of its first 64 KiB, `bytes` their true number;
    `fault` is what was ordered for it; `ended` is `sent`, `client left`, or None while the answer is under way.
    """

    operation: str
    model: str
    headers: Mapping[str, str] = field(repr=False)
    body: str
    bytes: int
    fault: str | None
    status: int | None
    ended: str | None
    seconds: float | None

    def json(self) -> Any:
        """The body as JSON; ValueError if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise ValueError(
                f"the body of this {self.operation} is no JSON, or longer than the log keeps ({self.bytes} bytes)"
            ) from None


@dataclass(frozen=True)
class EmulatedBedrock:
    """The emulator of a session. ValueError says what is wrong with an order, ConnectionError that it has gone."""

    endpoint_url: str
    description: str

    def fault(self, name: str, **members: Any) -> None:
        """Let the next call fail, or the next `count` calls: `fault("throttle", count=2, retry_after="1")`."""
        self._ask("POST", "/_emulator/faults", {"fault": name, **members})

    def reply(self, text: str | None = None, **members: Any) -> None:
        """Answer with this text: every prompt, or those that fit: `reply("Paris.", contains="France", times=1)`."""
        self._ask("POST", "/_emulator/replies", members if text is None else {"text": text, **members})

    def requests(self, *, ended: bool = False) -> list[Request]:
        """The calls that have arrived, oldest first. With `ended` their ends are awaited; TimeoutError after 10 s."""
        for _ in range(round(_PATIENCE / _LOOK_EVERY)):
            found = [_request(entry) for entry in self._ask("GET", "/_emulator/requests")]
            if not ended or all(request.ended for request in found):
                return found
            time.sleep(_LOOK_EVERY)
        raise TimeoutError(f"calls are still under way after {_PATIENCE:.0f} s")

    def clear(self) -> None:
        """Forget all faults and scripted replies, and the calls that have arrived."""
        for path in ("faults", "replies", "requests"):
            self._ask("DELETE", f"/_emulator/{path}")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        # Not above: pytest imports this module also where no test will ask anything.
        from urllib import error, request

        data = None if body is None else json.dumps(body).encode()
        # Straight to this machine, whatever proxy the shell names.
        opener = request.build_opener(request.ProxyHandler({}))
        try:
            with opener.open(
                request.Request(self.endpoint_url + path, data, method=method),  # noqa: S310 - our own address
                timeout=_PATIENCE,
            ) as answer:
                return json.loads(answer.read() or b"null")
        except error.HTTPError as refused:
            raise ValueError(json.load(refused)["message"]) from None
        except OSError as fault:
            raise ConnectionError(f"the emulator on {self.endpoint_url} does not answer: {fault}") from None


_MEMBERS = [member.name for member in fields(Request)]


def _request(entry: Mapping[str, Any]) -> Request:
    members: dict[str, Any] = {name: entry[name] for name in _MEMBERS}
    return Request(**members)
