"""How every dialect answers: the first event decides the status, silence is filled, whoever leaves first ends it."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate

from flask import Response, g, stream_with_context

from bedrock_flask.call import IDLE, CallRecord, Idle
from bedrock_flask.errors import ClientDisconnected, GatewayError
from bedrock_flask.observability import logs

LOG = logging.getLogger("bedrock_flask.request")
# Bytes of names in one header: what every proxy bears.
_MOST = 4000


@dataclass(frozen=True, kw_only=True)
class StreamFormat:
    """How a dialect streams: its media type, what it says in a silence, and how it tells an error in midstream."""

    media_type: str
    keepalive: bytes
    error: Callable[[GatewayError, str], bytes]


def stream_response(
    parts: Generator[bytes | Idle], voice: StreamFormat, headers: Mapping[str, str] | None = None
) -> Response:
    """A streamed answer of the parts; an error before the first of them is raised and keeps its own status.

    A first part that is IDLE has been awaited long enough: the status goes out, and an error becomes an event.
    """
    first = next(parts, b"")
    response = Response(
        stream_with_context(_told(first, parts, voice, g.account, g.request_id)), mimetype=voice.media_type
    )
    response.headers.update({"cache-control": "no-cache", "x-accel-buffering": "no", **(headers or {})})
    return response


def _told(
    first: bytes | Idle, parts: Generator[bytes | Idle], voice: StreamFormat, account: CallRecord, request_id: str
) -> Iterator[bytes]:
    with closing(parts):
        try:
            yield _sound(first, voice)
            for part in parts:
                yield _sound(part, voice)
        except ClientDisconnected as error:
            account.error = error.code
        except GatewayError as error:
            account.error = error.code
            yield voice.error(error, request_id)
        except GeneratorExit:
            account.error = ClientDisconnected.code
            raise
        except Exception as error:  # noqa: BLE001 - the status is sent: whatever it is must end the stream as an error
            LOG.error("unforeseen error in stream %s: %s", request_id, logs.format_frames(error))
            account.error = GatewayError.code
            yield voice.error(GatewayError("The log has more under this request id."), request_id)


def _sound(part: bytes | Idle, voice: StreamFormat) -> bytes:
    return voice.keepalive if part is IDLE else part


def forwarded_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of Bedrock's answer that are the caller's too."""
    return {name: value for name, value in headers.items() if name.startswith("x-amzn-bedrock-")}


def usage_headers(account: CallRecord) -> dict[str, str]:
    """The token counts of a whole answer, as headers."""
    return {f"x-bedrock-flask-{name.replace('_', '-')}": str(count) for name, count in account.usage.known().items()}


def join_header(names: Iterable[str]) -> str:
    """Names and paths for one header, in ASCII: as many as a header bears, and how many more there are."""
    each = [name.encode("ascii", "replace").decode()[:200].replace(",", "?") for name in names]
    fitting = [
        name for name, size in zip(each, accumulate(len(name) + 2 for name in each), strict=True) if size < _MOST
    ]
    more = [f"and {len(each) - len(fitting)} more"] if len(fitting) < len(each) else []
    return ", ".join([*fitting, *more])
