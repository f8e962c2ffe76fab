"""A wire: one JSON format as pure functions to and from Converse, with its terminal event and its usage."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.usage import METRICS, Usage, from_metrics
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, Response, map_shape_errors, member
from bedrock_flask.errors import read_reported_error

# The member of a reply, or of a stream's last chunk, that names the kinds of blocks that its format cannot express.
LEFT_OUT = "bedrock_flask_left_out"
# The members for what Bedrock reports beside an answer, by Converse's name: the trace is named as in InvokeModel,
# the latency as requests name it.
REPORTED: Mapping[str, str] = MappingProxyType(
    {"trace": "amazon-bedrock-trace", "performanceConfig": "performanceConfig"}
)


GUARDRAIL = "amazon-bedrock-guardrailAction"
# Members that a chunk of any format and type can have: an error, and what Bedrock adds.
_BESIDE = frozenset({"error", METRICS, GUARDRAIL})


def is_answer(reply: Mapping[str, Any]) -> bool:
    """Whether a reply of an unknown format has any content."""
    return bool(reply)


def always(chunk: Mapping[str, Any]) -> bool:
    """True: a stream of an unknown format need not have a stop reason."""
    return True


def has_metrics(chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk carries the metrics that Bedrock adds to the last one of most families."""
    return METRICS in chunk


def write_no_text(index: int, text: str) -> bytes | None:
    """None: every event is written in the general way."""
    return None


@dataclass(frozen=True, slots=True)
class ChunkReader:
    """Reads the chunks of one stream as they come.

    read  the Converse events that a chunk completes
    end   the events that follow at the end of the stream
    """

    read: Callable[[Json], Iterable[Event]]
    end: Callable[[], Iterable[Event]] = tuple


@dataclass(frozen=True, slots=True)
class EventWriter:
    """Writes the Converse events of one stream as they come.

    write       the chunks that an event becomes
    write_text  the JSON text of the one chunk that a further piece of text becomes, given the number of its block; None
                where `write` must write it, as it writes every other event
    """

    write: Callable[[str, Json], Iterable[Json]]
    write_text: Callable[[int, str], bytes | None] = write_no_text


def read_all(reader: ChunkReader, chunks: Iterable[Json]) -> Iterator[Event]:
    """What a reader makes of each chunk, as soon as it arrives, and at the end of the stream.

    A chunk that cannot be read raises UpstreamProtocolError.
    """
    with closing(chunks) as each:
        for chunk in each:
            with map_shape_errors():
                yield from reader.read(chunk)
    with map_shape_errors():
        yield from reader.end()


def write_all(writer: EventWriter, events: Iterable[Event]) -> Iterator[Json]:
    """What a writer makes of each event, as soon as it arrives; UpstreamProtocolError for one that it cannot read."""
    with closing(events) as each:
        for event in each:
            for kind, payload in event.items():
                with map_shape_errors():
                    yield from writer.write(kind, payload)


def raise_reported_error(error: Any) -> None:
    """Raise the error that a reply or a chunk reports, if there is one."""
    if error:
        raise read_reported_error(error)


def find_reported_error(document: Json) -> Any:
    """What a reply or a chunk reports as an error, in the form of Anthropic or of OpenAI, or None."""
    error = document.get("error")
    if document.get("type") == "response.failed" and isinstance(document.get("response"), dict):
        return document["response"].get("error") or document
    if document.get("type") == "error" or document.get("object") == "error":
        return error if isinstance(error, dict) else document
    return error if isinstance(error, dict) and error.get("message") else None


def find_stated_error(document: Json) -> Any:
    """What a reply or a chunk of OpenAI's or Anthropic's API states as an error, in whatever form, or None.

    An error beside an answer counts: these formats have no answer that is one and the other. AWS names its own errors
    in `__type`, with any status.
    """
    if found := find_reported_error(document) or document.get("error"):
        return found
    response = document.get("response")
    failed = document.get("status") == "failed" or document.get("type") == "response.failed"
    return member(response, "error") or (document if failed or "__type" in document else None)


def report_left_out(kinds: Collection[str]) -> Json:
    """The member LEFT_OUT if blocks were left out, so that no content that was billed vanishes silently."""
    return {LEFT_OUT: list(dict.fromkeys(kinds))} if kinds else {}


def write_reported(metadata: Json) -> Json:
    """The members for what Bedrock reports: the model that a router chose, what a guardrail found, the latency."""
    return {member: metadata[name] for name, member in REPORTED.items() if metadata.get(name)}


def keep_chunk(chunk: Json, count: Callable[[], int]) -> Json:
    """Return the chunk unchanged: the format reports the input tokens at the end of a stream, as Converse does."""
    return chunk


@dataclass(frozen=True, kw_only=True)
class Wire:
    """The functions of one JSON format.

    is_complete    whether a reply is a whole answer, rather than a cut or foreign one
    is_stop        whether a chunk has the stop reason, which comes before the terminal chunk or in it
    is_terminal    whether a chunk is the terminal one of its stream
    is_last_event  the same for a stream of server-sent events from the format's own API, if `is_terminal` is too early
    pieces         the types of events that hold only a piece of the answer: no stop reason, no usage and no error
    texts          chunks that are texts rather than objects, in JSON: each ends a stream
    is_opaque      whether an answer may have any form: one that is not a JSON object is not examined
    find_error     the error that a reply, or a chunk, reports in place of an answer, or None
    read_usage     the token counts of a reply or of one chunk
    read_request   a body of this format as a Converse request; what Converse cannot express is in its member `extras`
    write_request  a Converse request as a body of this format; raises InvalidBody for what the format cannot express
    read_reply     a reply of this format as a Converse response; raises UpstreamProtocolError for any other document
    open_reader    a reader of the chunks of one stream
    write_reply    a Converse response as a reply of this format, given the model's id
    open_writer    a writer of the chunks of one stream, given the model's id
    envelope       members that Bedrock needs in a body of this format beside those that `write_request` writes
    needs_limit    whether a body must limit the tokens of the answer
    response_paths the `additionalModelResponseFieldPaths` that the format always contains
    add_tokens     puts the input tokens, which its function counts, into the chunk that reports them before the end
    hints          extras that do not change an answer: where no model takes them they are dropped and reported
    writes_after_answer  whether a model writes another message where the conversation ends with an answer
    path_names     this format's name for each path of a Converse request, or extra, that has another name here

    The type of an event is Bedrock's name for it, the member `type` of a chunk, or the only member of a chunk: one of
    ConverseStream is `{event type: payload}`. A wire with `write_request`, `read_reply` and `open_reader` serves models
    that speak this format only.
    """

    name: str
    is_complete: Callable[[Json], bool] = is_answer
    is_stop: Callable[[Json], bool] = always
    is_terminal: Callable[[Json], bool] = has_metrics
    is_last_event: Callable[[Json], bool] | None = None
    pieces: frozenset[str] = frozenset()
    texts: frozenset[bytes] = frozenset()
    is_opaque: bool = False
    find_error: Callable[[Json], Any] = find_reported_error
    read_usage: Callable[[Json], Usage] = from_metrics
    read_request: Callable[[Json], Request] | None = None
    write_request: Callable[[Request], Json] | None = None
    read_reply: Callable[[Json], Response] | None = None
    open_reader: Callable[[], ChunkReader] | None = None
    write_reply: Callable[[Response, str], Json] | None = None
    open_writer: Callable[[str], EventWriter] | None = None
    envelope: Mapping[str, Any] = field(default_factory=dict)
    needs_limit: bool = False
    response_paths: Sequence[str] = ()
    add_tokens: Callable[[Json, Callable[[], int]], Json] = keep_chunk
    hints: frozenset[str] = frozenset()
    writes_after_answer: bool = False
    path_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_bridge(self) -> bool:
        """Whether a Converse request can be sent in this format, and its answer be read as Converse."""
        return None not in (self.write_request, self.read_reply, self.open_reader)

    def is_piece(self, chunk: Json) -> bool:
        """Whether a chunk is only a piece of the answer, by its type."""
        kind = next(iter(chunk)) if len(chunk) == 1 else chunk.get("type")
        return isinstance(kind, str) and kind in self.pieces and _BESIDE.isdisjoint(chunk)

    def read_chunks(self, chunks: Iterable[Json]) -> Iterator[Event]:
        """The chunks of a whole stream as Converse events."""
        assert self.open_reader is not None  # noqa: S101 - a stream of this format can be read
        return read_all(self.open_reader(), chunks)

    def write_chunks(self, events: Iterable[Event], model_id: str) -> Iterator[Json]:
        """The Converse events of a whole stream as its chunks."""
        assert self.open_writer is not None  # noqa: S101 - a stream of this format can be written
        return write_all(self.open_writer(model_id), events)

    def rename_path(self, path: str) -> str:
        """This format's name for a path in a Converse request, or for an extra."""
        for known in self._longest_first:
            rest = path.removeprefix(known)
            if path.startswith(known) and rest[:1] in ("", ".", "["):
                return self.path_names[known] + rest
        return path

    @cached_property
    def _longest_first(self) -> Sequence[str]:
        return sorted(self.path_names, key=len, reverse=True)

    def restore_path(self, name: str) -> str:
        """The path in a Converse request, or the extra, that has this name here; the name itself if there is none."""
        return self._by_name.get(name, name)

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        # The shortest path of each name.
        return {self.path_names[path]: path for path in self._longest_first}
