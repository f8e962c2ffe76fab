"""A wire: one JSON format as pure functions to and from Converse, with its terminal event and its usage."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.bedrock.usage import METRICS, Usage, from_metrics
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Request, Response, as_garbled

# The member of an answer, whole or the last chunk about it, that names kinds of blocks that its format cannot say.
LEFT_OUT = "bedrock_flask_left_out"


def is_answer(reply: Mapping[str, Any]) -> bool:
    """Whether a reply of no known format says anything at all."""
    return bool(reply)


def has_metrics(chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk carries the metrics that Bedrock adds to the last one of most families."""
    return METRICS in chunk


def map_events(events: Iterable[Any], write: Callable[[str, Json], Iterable[Json]]) -> Iterator[Json]:
    """What `write` makes of each event's type and payload, at once; what is no event (IDLE) passes as it is.

    An event that `write` cannot read is Garbled.
    """
    with closing(events) as each:
        for event in each:
            if isinstance(event, dict):
                with as_garbled():
                    for kind, told in event.items():
                        yield from write(kind, told)
            else:
                yield event


def report_left_out(kinds: Collection[str]) -> Json:
    """That member, if there is anything to name: what has been paid for does not vanish."""
    return {LEFT_OUT: list(dict.fromkeys(kinds))} if kinds else {}


@dataclass(frozen=True, kw_only=True)
class Wire:
    """The functions of one JSON format.

    `complete` tells an answer from a cut or foreign one, `finished` the terminal chunk of a stream; `usage` reads the
    token counts of a reply or of one chunk. A chunk of ConverseStream is `{event type: payload}`. The others serve the
    format: `read_request` to Converse, with what Converse cannot say in its member `extras`; `write_request` the way
    back; `write_reply` (given the model's id) and `write_chunks` from Converse. `hints` are the extras that ask for
    nothing that shows in an answer: where nobody takes them they are reported, never refused. `words` has the wire's
    own name of what stands elsewhere in Converse, or is called otherwise among the extras.
    """

    name: str
    complete: Callable[[Json], bool] = is_answer
    finished: Callable[[Json], bool] = has_metrics
    usage: Callable[[Json], Usage] = from_metrics
    read_request: Callable[[Json], Request] | None = None
    write_request: Callable[[Request], Json] | None = None
    write_reply: Callable[[Response, str], Json] | None = None
    write_chunks: Callable[[Iterable[Event], str], Iterator[Json]] | None = None
    hints: frozenset[str] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)

    def word(self, path: str) -> str:
        """The wire's own name of a path in Converse, or of an extra."""
        for known in sorted(self.words, key=len, reverse=True):
            rest = path.removeprefix(known)
            if path.startswith(known) and rest[:1] in ("", ".", "["):
                return self.words[known] + rest
        return path
