"""A reply becomes a response: the gateway's own headers, and streams that report errors and are never silent."""

import errno
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate

from bedrock_flask import headers
from bedrock_flask.call import CallRecord
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.rendering import report_unexpected_error
from bedrock_flask.edge.response import Response, complete_type
from bedrock_flask.errors import ClientDisconnected, GatewayError
from bedrock_flask.models.lifecycle import NEVER, find_today, write_headers
from bedrock_flask.models.resolver import Model

# Bytes of one header that every proxy accepts.
_MAX_HEADER = 4000
# What a name in a list cannot have, as a header: commas, and all but printable ASCII.
_UNSENDABLE = re.compile(r"[^ -~]|,")


@dataclass(frozen=True, kw_only=True)
class StreamFormat:
    """How a dialect streams: its media type, what fills a silence, and how an error is reported within a stream.

    An error that `breaks_off` accepts is not reported: the connection ends within the answer.
    """

    media_type: str
    keepalive: bytes
    write_error: Callable[[GatewayError, str], bytes]
    breaks_off: Callable[[GatewayError, Exchange], bool] = lambda error, exchange: False


def stream_response(
    exchange: Exchange,
    parts: Generator[bytes],
    stream_format: StreamFormat,
    forwarded: Mapping[str, str] | None = None,
) -> Response:
    """A streamed response of the parts; an error before the first of them is raised and keeps its own status.

    An empty part is a silence of Bedrock's, which is filled. If the first one is, Bedrock has taken too long: the
    status is sent, and a later error becomes an event.
    """
    first = next(parts, None)
    return Response(
        _write_stream(exchange, first, parts, stream_format),
        content_type=complete_type(stream_format.media_type),
        headers={"cache-control": "no-cache", "x-accel-buffering": "no", **(forwarded or {})},
    )


def _write_stream(
    exchange: Exchange, first: bytes | None, parts: Generator[bytes], stream_format: StreamFormat
) -> Iterator[bytes]:
    record, request_id = exchange.record, exchange.request_id
    with closing(parts):
        try:
            if first is not None:
                yield first or stream_format.keepalive
            for part in parts:
                yield part or stream_format.keepalive
        except ClientDisconnected as error:
            record.error = error.code
        except GatewayError as error:
            record.error = error.code
            if stream_format.breaks_off(error, exchange):
                raise ConnectionResetError(errno.ECONNRESET, error.detail) from None
            yield stream_format.write_error(error, request_id)
        except GeneratorExit:
            record.error = ClientDisconnected.code
            raise
        except Exception as error:  # noqa: BLE001 - the status is sent: any error must end the stream as one
            reported = report_unexpected_error(f"stream {request_id}", error)
            record.error = reported.code
            yield stream_format.write_error(reported, request_id)


def forwarded_headers(reply_headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of Bedrock's answer that the caller gets too."""
    return {name: value for name, value in reply_headers.items() if name.startswith("x-amzn-bedrock-")}


def usage_headers(record: CallRecord) -> dict[str, str]:
    """The token counts of a whole answer, as headers."""
    return {headers.usage_header(name): str(count) for name, count in record.usage.to_dict().items()}


def record_headers(record: CallRecord) -> dict[str, str]:
    """The number of attempts, and the region and the surface that were called, as headers."""
    called = {headers.REGION: record.region, headers.SURFACE: record.surface}
    return {headers.ATTEMPTS: str(record.attempts), **{name: value for name, value in called.items() if value}}


def add_gateway_headers(
    exchange: Exchange, response: Response, model: Model, dropped: Iterable[str] = (), translated: Iterable[str] = ()
) -> Response:
    """The response with the model's id, the region, the attempts and the names of what was dropped, as headers.

    A model that is near the end of its life has `deprecation` and `sunset`.

    `translated` names what the model got in another form.
    """
    response.headers[headers.MODEL] = model.id
    response.headers |= record_headers(exchange.record)
    lifecycle = exchange.state.models.find_lifecycle(model)
    if lifecycle is not NEVER:
        response.headers |= write_headers(lifecycle, find_today())
    if names := list(dict.fromkeys([*model.dropped, *dropped])):
        exchange.log_fields["dropped"] = [name[:200] for name in names[:100]]
        response.headers[headers.DROPPED] = join_header(names)
    if names := list(dict.fromkeys(translated)):
        response.headers[headers.TRANSLATED] = join_header(names)
    return response


def join_header(names: Iterable[str]) -> str:
    """Names and paths as one ASCII header: those that fit, and the number of the others.

    A name may be any text of the caller's; a server would refuse to send a control character.
    """
    each = [_UNSENDABLE.sub("?", name[:200]) for name in names]
    sizes = accumulate(len(name) + 2 for name in each)
    fitting = [name for name, size in zip(each, sizes, strict=True) if size < _MAX_HEADER]
    more = [f"and {len(each) - len(fitting)} more"] if len(fitting) < len(each) else []
    return ", ".join([*fitting, *more])
