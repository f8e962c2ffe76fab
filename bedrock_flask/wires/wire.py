"""A wire: one JSON format as pure functions to and from Converse, with its terminal event and its usage."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.usage import METRICS, Usage, from_metrics
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, Response, map_shape_errors
from bedrock_flask.errors import read_reported_error

# The member of a reply, or of a stream's last chunk, that names the kinds of blocks that its format cannot express.
LEFT_OUT = "bedrock_flask_left_out"
# The members for what Bedrock reports beside an answer, by Converse's name: the trace is named as in InvokeModel,
# the latency as requests name it.
REPORTED: Mapping[str, str] = MappingProxyType(
    {"trace": "amazon-bedrock-trace", "performanceConfig": "performanceConfig"}
)


def is_answer(reply: Mapping[str, Any]) -> bool:
    """Whether a reply of an unknown format has any content."""
    return bool(reply)


def always(chunk: Mapping[str, Any]) -> bool:
    """True: a stream of an unknown format need not have a stop reason."""
    return True


def has_metrics(chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk carries the metrics that Bedrock adds to the last one of most families."""
    return METRICS in chunk


def map_events(events: Iterable[Any], write: Callable[[str, Json], Iterable[Json]]) -> Iterator[Json]:
    """Yield what `write` makes of each Converse event's type and payload, as soon as the event arrives.

    Values that are not events (IDLE) pass through. An event that `write` cannot read raises UpstreamProtocolError.
    """
    return map_chunks(events, lambda event: (out for kind, payload in event.items() for out in write(kind, payload)))


def map_chunks(
    chunks: Iterable[Any], read: Callable[[Json], Iterable[Json]], end: Callable[[], Iterable[Json]] = tuple
) -> Iterator[Json]:
    """Yield what `read` makes of each chunk as soon as it arrives, and at the end of the stream what `end` adds.

    Values that are not chunks (IDLE) pass through. A chunk that `read` cannot read raises UpstreamProtocolError.
    """
    with closing(chunks) as each:
        for chunk in each:
            if isinstance(chunk, dict):
                with map_shape_errors():
                    yield from read(chunk)
            else:
                yield chunk
        with map_shape_errors():
            yield from end()


def raise_reported_error(error: Any) -> None:
    """Raise the error that a reply or a chunk reports, if there is one."""
    if error:
        raise read_reported_error(error)


def find_reported_error(document: Json) -> Any:
    """What a reply or a chunk reports as an error, in the form of Anthropic or of OpenAI, or None."""
    error = document.get("error")
    if document.get("type") == "error" or document.get("object") == "error":
        return error if isinstance(error, dict) else document
    return error if isinstance(error, dict) and error.get("message") else None


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
    is_opaque      whether an answer may have any form: one that is not a JSON object is not examined
    read_usage     the token counts of a reply or of one chunk
    read_request   a body of this format as a Converse request; what Converse cannot express is in its member `extras`
    write_request  a Converse request as a body of this format; raises InvalidBody for what the format cannot express
    read_reply     a reply of this format as a Converse response; raises UpstreamProtocolError for any other document
    read_chunks    the chunks of a stream as Converse events
    write_reply    a Converse response as a reply of this format, given the model's id
    write_chunks   Converse events as the chunks of a stream, given the model's id
    envelope       members that Bedrock needs in a body of this format beside those that `write_request` writes
    response_paths the `additionalModelResponseFieldPaths` that the format always contains
    add_tokens     puts the input tokens, which its function counts, into the chunk that reports them before the end
    hints          extras that do not change an answer: where no model takes them they are dropped and reported
    writes_after_answer  whether a model writes another message where the conversation ends with an answer
    path_names     this format's name for each path of a Converse request, or extra, that has another name here

    A chunk of ConverseStream is `{event type: payload}`. A wire with `write_request`, `read_reply` and `read_chunks`
    serves models that speak this format only.
    """

    name: str
    is_complete: Callable[[Json], bool] = is_answer
    is_stop: Callable[[Json], bool] = always
    is_terminal: Callable[[Json], bool] = has_metrics
    is_opaque: bool = False
    read_usage: Callable[[Json], Usage] = from_metrics
    read_request: Callable[[Json], Request] | None = None
    write_request: Callable[[Request], Json] | None = None
    read_reply: Callable[[Json], Response] | None = None
    read_chunks: Callable[[Iterable[Json]], Iterator[Event]] | None = None
    write_reply: Callable[[Response, str], Json] | None = None
    write_chunks: Callable[[Iterable[Event], str], Iterator[Json]] | None = None
    envelope: Mapping[str, Any] = field(default_factory=dict)
    response_paths: Sequence[str] = ()
    add_tokens: Callable[[Json, Callable[[], int]], Json] = keep_chunk
    hints: frozenset[str] = frozenset()
    writes_after_answer: bool = False
    path_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_bridge(self) -> bool:
        """Whether a Converse request can be sent in this format, and its answer be read as Converse."""
        return None not in (self.write_request, self.read_reply, self.read_chunks)

    def rename_path(self, path: str) -> str:
        """This format's name for a path in a Converse request, or for an extra."""
        for known in sorted(self.path_names, key=len, reverse=True):
            rest = path.removeprefix(known)
            if path.startswith(known) and rest[:1] in ("", ".", "["):
                return self.path_names[known] + rest
        return path

    def restore_path(self, name: str) -> str:
        """The path in a Converse request, or the extra, that has this name here; the name itself if there is none."""
        return next((path for path in sorted(self.path_names, key=len) if self.path_names[path] == name), name)
