"""A client of the emulator, and the emulator as a test sees it: orders that it takes, requests that it received."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from http.client import HTTPResponse

_TIMEOUT = 10.0
_POLL_SECONDS = 0.02


def open_url(url: str, body: Any = None, *, method: str | None = None, timeout: float = _TIMEOUT) -> "HTTPResponse":
    """Open a URL without a proxy, whatever the environment names; a body is sent as JSON.

    Raises urllib's HTTPError, which is an OSError; OSError; or ValueError for something that is not a URL.
    """
    # Not at the top: pytest imports this module in every project, also where nobody calls this function.
    from urllib import request

    data = None if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"content-type": "application/json"}
    opener = request.build_opener(request.ProxyHandler({}))
    response: HTTPResponse = opener.open(
        request.Request(url, data, headers, method=method),  # noqa: S310 - an address that the user chose
        timeout=timeout,
    )
    return response


def call_emulator(endpoint_url: str, path: str, body: Any = None, *, method: str = "GET") -> Any:
    """Call one of the emulator's `/_emulator` addresses.

    ValueError with the emulator's message if it refuses the call, ConnectionError if it does not answer.
    """
    from urllib.error import HTTPError

    try:
        with open_url(endpoint_url.rstrip("/") + path, body, method=method) as response:
            return json.loads(response.read() or b"null")
    except HTTPError as error:
        raise ValueError(_read_message(error.read())) from None
    except (OSError, ValueError) as error:
        raise ConnectionError(f"the emulator on {endpoint_url} does not answer: {error}") from None


def _read_message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        return body[:500].decode("utf-8", "replace")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call that has reached the emulator, and how it was answered.

    `headers` have lower-case names and no secrets; `body` is the text of its first 64 KiB, `bytes` its full length;
    `fault` is the fault that was ordered for it; `ended` is `sent`, `client left`, or None while it is in progress.
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
        """Parse the body. Raises ValueError if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise ValueError(
                f"the body of this {self.operation} is not JSON, or longer than the log keeps ({self.bytes} bytes)"
            ) from None


@dataclass(frozen=True)
class EmulatedBedrock:
    """The emulator of a session. ValueError if it refuses an order, ConnectionError if it does not answer."""

    endpoint_url: str
    description: str

    def fault(self, name: str, **members: Any) -> None:
        """Let the next call fail, or the next `count` calls: `fault("throttle", count=2, retry_after="1")`."""
        call_emulator(self.endpoint_url, "/_emulator/faults", {"fault": name, **members}, method="POST")

    def reply(self, text: str | None = None, **members: Any) -> None:
        """Answer with this text: every prompt, or those that match: `reply("Paris.", contains="France", times=1)`."""
        reply = members if text is None else {"text": text, **members}
        call_emulator(self.endpoint_url, "/_emulator/replies", reply, method="POST")

    def requests(self, *, ended: bool = False) -> list[Request]:
        """The calls so far, oldest first. With `ended`, wait until all of them have ended; TimeoutError after 10 s."""
        for _ in range(round(_TIMEOUT / _POLL_SECONDS)):
            entries = call_emulator(self.endpoint_url, "/_emulator/requests")
            requests = [_read_entry(entry) for entry in entries]
            if not ended or all(request.ended for request in requests):
                return requests
            time.sleep(_POLL_SECONDS)
        raise TimeoutError(f"calls are still in progress after {_TIMEOUT:.0f} s")

    def clear(self) -> None:
        """Clear all faults, scripted replies and logged requests."""
        for path in ("faults", "replies", "requests"):
            call_emulator(self.endpoint_url, f"/_emulator/{path}", method="DELETE")


_MEMBERS = [member.name for member in fields(Request)]


def _read_entry(entry: Mapping[str, Any]) -> Request:
    members: dict[str, Any] = {name: entry[name] for name in _MEMBERS}
    return Request(**members)
