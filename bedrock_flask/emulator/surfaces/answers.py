"""The answer of a surface: what the engine says, whole or as server-sent events in the format of the surface."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bedrock_flask.closing import closing
from bedrock_flask.converse import Json, Request, Response, fold
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.presence import CallerLeft
from bedrock_flask.emulator.calls.protocol import Protocol
from bedrock_flask.emulator.calls.request import EmulatorRequest, encode_json
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response, make_stream_response
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.formats.wire_format import Tally, relay_events
from bedrock_flask.errors import InvalidBody
from bedrock_flask.wires.wire import LEFT_OUT, EventWriter, Wire, write_all

LOG = logging.getLogger("bedrock_flask.emulator")
_UNEXPECTED = "The server had an error while processing your request."


@dataclass(frozen=True, kw_only=True)
class AnswerFormat:
    """How one surface writes answers.

    protocol       how it writes errors, and the media type of its streams
    write_reply    a Converse response as its whole answer
    open_writer    a writer of the events of one stream
    finish_events  what AWS's events have beside what the wire writes, or have not
    encode         an event as bytes
    end            what follows the last event
    """

    protocol: Protocol
    write_reply: Callable[[Response], Json]
    open_writer: Callable[[], EventWriter]
    finish_events: Callable[[Iterable[Json]], Iterable[Json]]
    encode: Callable[[Json], bytes]
    end: bytes = b""


def answer(
    request: EmulatorRequest,
    converse_request: Request,
    written: AnswerFormat,
    *,
    stream: bool,
    engine: EmulatorEngine | None = None,
    headers: Mapping[str, str] | None = None,
) -> EmulatorResponse:
    """The engine's answer to a Converse request; without `engine` it is that of the request."""
    engine = engine or request.engine
    scripted = engine.find_native_reply(converse_request)
    if stream:
        parts: Iterable[Json]
        if scripted is None:
            events = relay_events(engine, converse_request, Tally(), request.presence)
            parts = written.finish_events(write_all(written.open_writer(), events))
        else:
            parts = scripted.list_chunks()
        return make_stream_response(_encode_events(request, parts, written), headers, protocol=written.protocol)
    if scripted is not None:
        document = dict(scripted.body or {})
    else:
        response = fold(relay_events(engine, converse_request, Tally(), request.presence))
        document = written.write_reply(response)
    return make_response(encode_json(document), headers, protocol=written.protocol)


def _encode_events(request: EmulatorRequest, parts: Iterable[Json], written: AnswerFormat) -> Iterator[bytes]:
    """Encode each part as an event. An error becomes the last event, or is raised if it comes before the first one."""
    has_begun = False
    try:
        with closing(parts) as each:
            for part in each:
                yield written.encode(part)
                has_begun = True
    except EmulatedError as error:
        if not has_begun:
            raise
        yield written.protocol.encode_exception(error)
        return
    except (CallerLeft, GeneratorExit):
        raise
    except Exception:
        if not has_begun:
            raise
        LOG.exception("%s failed while streaming", request.operation)
        yield written.protocol.encode_exception(EmulatedError("InternalServerException", _UNEXPECTED))
        return
    if written.end:
        yield written.end


def read_members(wire: Wire, body: Json, members: Iterable[str]) -> Request:
    """These members of a body as a Converse request, which is all that the engine reads of it. Raises EmulatedError."""
    assert wire.read_request is not None  # noqa: S101 - every surface has a wire that can be read
    try:
        return wire.read_request({name: body[name] for name in members if body.get(name) is not None})
    except InvalidBody as error:
        param = error.fields[0].path if error.fields else None
        raise EmulatedError("ValidationException", error.detail, param=param) from None


def with_reasoning(converse_request: Request) -> Request:
    """The request of a model that reasons before it answers."""
    return {**converse_request, "extras": {**converse_request.get("extras", {}), "thinking": {"type": "enabled"}}}


def without(document: Json, *members: str) -> Json:
    """The document without members that are the gateway's own, not AWS's."""
    return {name: value for name, value in document.items() if name not in (*members, LEFT_OUT)}
