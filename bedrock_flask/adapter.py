"""The adapter: the frozen record that a plugin registers for one family of models."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Event, Json, Request, Response
from bedrock_flask.errors import FieldError, GatewayError, PluginFailed
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.observability import logs

LOG = logging.getLogger("bedrock_flask.plugin")

# What a plugin's code may raise at a request, an exit included; not what servers and generators are stopped with.
PLUGIN_CRASHES = (Exception, SystemExit, KeyboardInterrupt)

# The operations of bedrock-runtime that take a body, each with its streaming twin.
STREAMING = {"InvokeModel": "InvokeModelWithResponseStream", "Converse": "ConverseStream"}

# Members that Bedrock itself, not the model, reads from an InvokeModel body.
_BEDROCK_MEMBERS = frozenset({"amazon-bedrock-guardrailConfig"})


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_PATTERN = re.compile(r"[\w.:*-]+", re.ASCII)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)


Rule = Callable[[Json], Iterable[tuple[str, str]]]
Place = str | Callable[[Any, Request], Json]


class Engine(Protocol):
    """What the emulator lends to an adapter's `emulate`: a model that answers, embeds and counts."""

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events."""

    def embed(self, text: str, dimensions: int) -> list[float]:
        """A normalised vector, the same for the same text."""

    def count(self, text: str) -> int:
        """The number of tokens in a text."""


class InvalidAdapter(ValueError):
    """An adapter that does not hold, with each of its mistakes."""

    def __init__(self, name: object, mistakes: Sequence[str]) -> None:
        super().__init__(f"adapter {name!r}: {'; '.join(mistakes)}")
        self.name, self.mistakes = name, mistakes


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One family of Bedrock models.

    name          its name in addresses and lists: lower case, digits, `-`, `_`
    models        capabilities by pattern of Bedrock model id (`*` stands for anything); the longest pattern wins
    body          the schema of the family's own body
    speaks        operation by wire; the first is the native one: `{"nova": "InvokeModel", "converse": "Converse"}`
    sample        a body that the schema takes: contract test, OpenAPI example, docs
    default       the model id that is called by the adapter's name; otherwise made from the first pattern
    rules         relations between fields: functions from a body to `(path, message)` pairs
    extras        where each extra that Converse cannot say goes for this family: a path in the Converse request, or a
                  function from its value and the request to the members of the request that say it
    encode        for a format of its own: Converse request -> native body
    decode        for a format of its own: native reply, or one chunk of a stream, -> Converse response (a part of one)
    reply         for a format of its own: a sample of the native reply, which the emulator answers with
    chunks        for a format of its own: the sample's chunks when streamed (otherwise the reply comes as one chunk)
    emulate       for a format of its own: what the emulator answers, made from the body with the emulator's engine
    """

    name: str
    models: Mapping[str, Capabilities]
    body: type[Schema]
    speaks: Mapping[str, str]
    sample: Mapping[str, Any]
    description: str = ""
    default: str = ""
    rules: Sequence[Rule] = ()
    extras: Mapping[str, Place] = field(default_factory=dict)
    encode: Callable[[Request], Json] | None = None
    decode: Callable[[Json], Response] | None = None
    reply: Mapping[str, Any] | None = None
    chunks: Sequence[Mapping[str, Any]] | None = None
    emulate: Callable[[Json, Engine], Json] | None = None

    def __post_init__(self) -> None:
        mistakes = tuple(self._mistakes())
        if mistakes:
            raise InvalidAdapter(self.name, mistakes)

    def _mistakes(self) -> Iterator[str]:
        # A stranger's file: the types above are what it should be, not what it is.
        told: Any = self
        if not isinstance(told.name, str) or not _NAME.fullmatch(told.name):
            yield f"the name {told.name!r} is not lower case a-z0-9_-"
        if not isinstance(told.description, str):
            yield "description is no text"
        if not isinstance(told.default, str):
            yield "default is no text"
        if not _is_mapping(told.models) or not told.models:
            yield "models maps no pattern of Bedrock ids to Capabilities"
        for pattern, capabilities in told.models.items() if _is_mapping(told.models) else ():
            if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
                yield f"the pattern {pattern!r} fits no Bedrock id: ids are letters, digits, '.', '-', '_', ':'"
            if not isinstance(capabilities, Capabilities):
                yield f"the pattern {pattern!r} maps to no Capabilities"
        if not isinstance(told.body, type) or not issubclass(told.body, Schema):
            yield "body is no bedrock_flask.plugin.Schema"
        if not _is_mapping(told.speaks) or not told.speaks:
            yield "speaks maps no wire to its operation"
        for wire, operation in told.speaks.items() if _is_mapping(told.speaks) else ():
            if operation not in STREAMING:
                yield f"speaks names an operation other than {' or '.join(STREAMING)}"
            if (wire == "converse") != (operation == "Converse"):
                yield f"the wire {wire!r} does not go by {operation}: converse goes by Converse, others by InvokeModel"
        if not _is_mapping(told.sample):
            yield "sample is no JSON object"
        for name, place in told.extras.items() if _is_mapping(told.extras) else ():
            if not callable(place) and not (isinstance(place, str) and all(place.split("."))):
                yield f"extras puts {name!r} at {place!r}, which is neither a path nor a function"
        if told.decode is not None and told.reply is None and told.emulate is None:
            yield "decode needs a reply: a sample of what the model answers"
        if told.reply is not None and not _is_mapping(told.reply):
            yield "reply is no JSON object"
        listed = isinstance(told.chunks, Sequence) and all(map(_is_mapping, told.chunks))
        if told.chunks is not None and not listed:
            yield "chunks is no list of JSON objects"

    @property
    def wire(self) -> str:
        """The name of the native wire."""
        return next(iter(self.speaks))

    @property
    def operation(self) -> str:
        """The operation that takes the native body."""
        return self.speaks[self.wire]

    @cached_property
    def model(self) -> str:
        """The Bedrock id that is called by the adapter's name: `default`, or the first pattern, `v1:0` for its star."""
        return self.default or next(iter(self.models)).replace("*", "v1:0", 1).replace("*", "")

    @cached_property
    def schema(self) -> Schema:
        """The body's schema, made once."""
        return self.body()

    def faults(self, body: Any) -> list[FieldError]:
        """Every fault of a native body, with its path: the schema's, then, if it fits, the rules'."""
        if isinstance(body, dict) and self.operation == "InvokeModel":
            body = {name: value for name, value in body.items() if name not in _BEDROCK_MEMBERS}
        found = find_faults(self.schema, body)
        if any(not fault.unknown for fault in found):
            return found
        return found + [FieldError(path, message) for rule in self.rules for path, message in rule(body)]


@contextmanager
def isolate_plugin_errors(adapter: Adapter) -> Iterator[None]:
    """Run a plugin's own code at a request: whatever it raises, an exit included, fails this request and no more."""
    try:
        yield
    except GatewayError:
        raise
    except PLUGIN_CRASHES as error:
        LOG.error("the adapter '%s' failed: %s", adapter.name, logs.format_frames(error))
        raise PluginFailed(f"The plugin of '{adapter.name}' failed; the log has where.") from None
