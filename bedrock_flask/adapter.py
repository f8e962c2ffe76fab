"""The adapter: the frozen record that a plugin registers for one family of models."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from bedrock_flask.bedrock.operations import ASYNC, STREAMING
from bedrock_flask.bedrock.sources import Source
from bedrock_flask.bedrock.surfaces import SURFACES, name_surface
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Event, Json, Request, Response, member
from bedrock_flask.errors import FieldError, GatewayError, PluginFailed
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.observability import logs
from bedrock_flask.prices.billed import Billed

LOG = logging.getLogger("bedrock_flask.plugin")

# What a plugin's code may raise during a request, an exit included; not what stops servers and generators.
PLUGIN_CRASHES = (Exception, SystemExit, KeyboardInterrupt)

# Members that Bedrock itself, not the model, reads from an InvokeModel body.
_BEDROCK_MEMBERS = frozenset({"amazon-bedrock-guardrailConfig"})


Rule = Callable[[Json], Iterable[tuple[str, str]]]
ExtraTarget = str | Callable[[Any, Request], Json]


class Engine(Protocol):
    """The emulator's model, for an adapter's `emulate`: it answers, embeds and counts tokens."""

    def converse(self, request: Request) -> Iterator[Event]:
        """Answer a Converse request with Converse events."""

    def embed(self, text: str, dimensions: int) -> list[float]:
        """Return a normalised vector, the same for the same text."""

    def count(self, text: str) -> int:
        """Return the number of tokens in a text."""


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """What AWS publishes about one model id, for names in requests and for lists of models.

    name        the model's name
    profiles    the geographies that have an inference profile for it: `us`, `eu`, `apac`, `jp`, `au`, `global`
    on_demand   whether it can be called without a profile
    regions     the regions where it can be called without a profile, if not in all
    active      whether it is active rather than legacy
    names       its names in its provider's own API, which a request can use; lists show the first
    legacy_on   the day from which AWS calls it legacy, as `2026-03-31`; empty if none is announced
    ends_on     the day from which AWS does not serve it any more, alike
    successor   the id of the model that AWS or its provider recommends instead
    context     the tokens of its context window; 0 if that is not known
    output      the most tokens of an answer; 0 if that is not known
    """

    name: str
    profiles: Sequence[str] = ()
    on_demand: bool = True
    regions: Sequence[str] = ()
    active: bool = True
    names: Sequence[str] = ()
    legacy_on: str = ""
    ends_on: str = ""
    successor: str = ""
    context: int = 0
    output: int = 0


@dataclass(frozen=True, kw_only=True)
class AsyncInvoke:
    """What StartAsyncInvoke takes and writes, where that differs from InvokeModel.

    sample   a `modelInput`, if the adapter's `sample` is none
    outputs  the files that AWS writes below the output's S3 URI, which the emulator writes too
    reply    what the JSON files among them contain in the emulator, if that is another than the adapter's `reply`
    """

    sample: Mapping[str, Any] | None = None
    outputs: Sequence[str] = ("output.json",)
    reply: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class ChatForm:
    """How the chat completions that a family writes in InvokeModel differ from OpenAI's, for the emulator.

    piece       the member of a streamed choice that has a piece of the message
    reason      the member of a choice that has the reason why the model stopped
    is_tagged   whether the reasoning is at the beginning of the text, in `<reasoning>` tags, and not in a member
    has_usage   whether an answer has its token counts
    last        the last chunk of a stream, if it is only a text, as `[DONE]` is
    """

    piece: str = "delta"
    reason: str = "finish_reason"
    is_tagged: bool = False
    has_usage: bool = True
    last: str = ""


class InvalidAdapter(ValueError):
    """An adapter with wrong members, and every fault found in it."""

    def __init__(self, name: object, faults: Sequence[str]) -> None:
        super().__init__(f"adapter {name!r}: {'; '.join(faults)}")
        self.name, self.faults = name, faults


@dataclass(frozen=True)
class Check:
    """A test of one member of an adapter, and the message if it fails.

    member      its name; empty for a test of the adapter as a whole
    holds       the test, given the member's value; with `each`, given the key and value of each item of the mapping
    message     formatted with `value`, and with `key` for items
    """

    member: str
    holds: Callable[..., bool]
    message: str
    each: bool = False

    def find_faults(self, adapter: Any) -> Iterator[str]:
        """Yield a message for each value that fails the test."""
        value = getattr(adapter, self.member) if self.member else adapter
        if not self.each:
            items: Iterable[tuple[Any, ...]] = [(value,)]
        else:
            items = value.items() if _is_object(value) else ()
        for item in items:
            if not self.holds(*item):
                yield self.message.format(key=item[0], value=item[-1])


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _has_items(value: Any) -> bool:
    return _is_object(value) and bool(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value) is not None


def _is_pattern(key: Any, value: Any) -> bool:
    return isinstance(key, str) and re.fullmatch(r"[\w.:*-]+", key, re.ASCII) is not None


def _is_extra_target(key: Any, value: Any) -> bool:
    return callable(value) or (isinstance(value, str) and all(value.split(".")))


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, Sequence) and all(map(_is_object, value))


# The operations that take a native body.
_OPERATIONS = (*STREAMING, ASYNC)
# A plugin is code that the gateway has not seen: its members may be anything, whatever their annotations say.
CHECKS = (
    Check("name", _is_name, "the name {value!r} is not valid: use a-z, 0-9, '-' and '_'"),
    Check("description", _is_string, "description must be a string"),
    Check("default", _is_string, "default must be a string"),
    Check("limit", _is_string, "limit must be a string"),
    Check("models", _has_items, "models must map patterns of Bedrock ids to Capabilities"),
    Check(
        "models",
        _is_pattern,
        "the pattern {key!r} cannot match a Bedrock id: ids consist of letters, digits, '.', '-', '_' and ':'",
        each=True,
    ),
    Check(
        "models",
        lambda key, value: isinstance(value, Capabilities),
        "the pattern {key!r} must map to Capabilities",
        each=True,
    ),
    Check(
        "body",
        lambda value: isinstance(value, type) and issubclass(value, Schema),
        "body must be a subclass of bedrock_flask.plugin.Schema",
    ),
    Check(
        "answer",
        lambda value: value is None or (isinstance(value, type) and issubclass(value, Schema)),
        "answer must be a subclass of bedrock_flask.plugin.Schema",
    ),
    Check("speaks", _has_items, "speaks must map each wire to its operation"),
    Check(
        "speaks",
        lambda key, value: value in _OPERATIONS or value in SURFACES,
        f"speaks names the operation {{value!r}}: use {' or '.join(_OPERATIONS)}, or a surface: {', '.join(SURFACES)}",
        each=True,
    ),
    Check(
        "speaks",
        lambda key, value: value in SURFACES or (key == "converse") == (value == "Converse"),
        "the wire {key!r} cannot use {value}: the wire converse uses Converse, all others InvokeModel",
        each=True,
    ),
    Check(
        "speaks",
        lambda key, value: value not in SURFACES or SURFACES[value].wire == key,
        "the wire {key!r} is not that of the surface {value}",
        each=True,
    ),
    Check(
        "async_invoke",
        lambda value: value is None or isinstance(value, AsyncInvoke),
        "async_invoke must be an AsyncInvoke",
    ),
    Check("sample", _is_object, "sample must be a JSON object"),
    Check("chat_form", lambda value: isinstance(value, ChatForm), "chat_form must be a ChatForm"),
    Check(
        "extras",
        _is_extra_target,
        "extras puts {key!r} at {value!r}, which is neither a path nor a function",
        each=True,
    ),
    Check(
        "",
        lambda value: value.decode is None or value.reply is not None or value.emulate is not None,
        "decode needs a reply: a sample of what the model answers",
    ),
    Check(
        "",
        lambda value: len({value.read_request is None, value.write_reply is None, value.write_chunks is None}) == 1,
        "read_request, write_reply and write_chunks belong together: give all three or none",
    ),
    Check(
        "",
        lambda value: value.complete_reply is None or value.write_reply is not None,
        "complete_reply completes what write_reply and write_chunks write: give these too",
    ),
    Check("also", lambda value: value is None or isinstance(value, Adapter), "also must be an Adapter"),
    Check(
        "",
        lambda value: (
            not isinstance(value.also, Adapter) or (value.also.name, value.also.models) == (value.name, value.models)
        ),
        "also must have the same name and models",
    ),
    Check(
        "imported",
        lambda value: value is None or isinstance(value, Capabilities),
        "imported must be Capabilities",
    ),
    Check("provider", _is_string, "provider must be a string"),
    Check("known_models", _is_object, "known_models must map model ids to KnownModel"),
    Check(
        "known_models",
        lambda key, value: isinstance(key, str) and isinstance(value, KnownModel),
        "known_models must map the model id {key!r} to a KnownModel",
        each=True,
    ),
    Check("sources", _is_object, "sources must map capabilities to lists of Source"),
    Check(
        "sources",
        lambda key, value: (
            key in Capabilities.__dataclass_fields__
            and isinstance(value, Sequence)
            and all(isinstance(each, Source) for each in value)
        ),
        "sources must map the capability {key!r} to a list of Source",
        each=True,
    ),
    Check("reply", lambda value: value is None or _is_object(value), "reply must be a JSON object"),
    Check("chunks", lambda value: value is None or _is_list_of_objects(value), "chunks must be a list of JSON objects"),
)


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One family of Bedrock models.

    name          its name in URLs and lists: lower case, digits, `-`, `_`
    models        capabilities by pattern of Bedrock model ids (`*` matches anything); the longest pattern wins
    body          the schema of the family's native body
    answer        the schema of the family's native answer, if it is published
    speaks        operation by wire; the first is the native one: `{"nova": "InvokeModel", "converse": "Converse"}`
    sample        a body that fits the schema: used by the contract, as OpenAPI example, in the docs
    default       the model id that the adapter's name refers to; derived from the first pattern if empty
    is_common     whether most accounts call its default model, which `doctor` then checks by itself
    provider      the provider's name in the emulator's lists; the capitalised first part of the model id if empty
    known_models  ids that AWS has published, each with a KnownModel: lists have them, and requests can name them
    sources       where each capability is known from, by its name: lists of Source, which the reference shows
    rules         relations between fields: functions from a body to `(path, message)` pairs
    limit         the path of the most tokens of an answer in the native body, if the capability `most_tokens` bounds it
    surface_rules rules that hold for one of AWS's APIs only, by its name as in `Capabilities.surfaces`
    extras        where each parameter that Converse lacks goes for this family: a path in the Converse request, or a
                  function from its value and the request to the members to add to the request
    encode        for a format of the plugin's own: Converse request -> native body
    decode        for a format of the plugin's own: native reply, or one chunk of it, -> (partial) Converse response
    reply         for a format of the plugin's own: a sample of the native reply, which the emulator answers with
    chunks        for a format of the plugin's own: the sample as streamed chunks (default: the reply as one chunk)
    emulate       for a format of the plugin's own: computes the emulator's reply from the body with its engine
    async_invoke  how StartAsyncInvoke is called, where that differs from InvokeModel; a family that knows no other
                  operation `speaks` StartAsyncInvoke
    read_request  for a format of the plugin's own: native body -> Converse request; with the two that follow, the
                  emulator's engine answers in this format, whole and streamed
    write_reply   for a format of the plugin's own: Converse response -> native reply
    write_chunks  for a format of the plugin's own: parts of a Converse response, as `decode` returns them, -> native
                  chunks; the first part has the input tokens, and the last one the stop reason and all counts
    complete_reply for a format whose answers repeat a part of the body: native reply or chunk and body -> the reply or
                  chunk with what it repeats
    imported      what a model with this native body can do that was imported into the account; its adapter is named in
                  the models file, and it is called by InvokeModel. None: the same as the models of the first pattern
    chat_form     for the wire `invoke_chat`: how the family's answers differ from OpenAI's
    also          if the same models take a second body in InvokeModel: its adapter, of the same name and models, which
                  has the bodies that lack what this one's must have, and have what its own must have
    count_billed  what AWS bills beside tokens: a function from a native body and its answer to a Billed
    """

    name: str
    models: Mapping[str, Capabilities]
    body: type[Schema]
    speaks: Mapping[str, str]
    sample: Mapping[str, Any]
    answer: type[Schema] | None = None
    description: str = ""
    default: str = ""
    is_common: bool = False
    provider: str = ""
    known_models: Mapping[str, KnownModel] = field(default_factory=dict)
    sources: Mapping[str, Sequence[Source]] = field(default_factory=dict)
    rules: Sequence[Rule] = ()
    limit: str = ""
    surface_rules: Mapping[str, Sequence[Rule]] = field(default_factory=dict)
    extras: Mapping[str, ExtraTarget] = field(default_factory=dict)
    encode: Callable[[Request], Json] | None = None
    decode: Callable[[Json], Response] | None = None
    reply: Mapping[str, Any] | None = None
    chunks: Sequence[Mapping[str, Any]] | None = None
    emulate: Callable[[Json, Engine], Json] | None = None
    async_invoke: AsyncInvoke | None = None
    read_request: Callable[[Json], Request] | None = None
    write_reply: Callable[[Response], Json] | None = None
    write_chunks: Callable[[Iterable[Response]], Iterable[Json]] | None = None
    complete_reply: Callable[[Json, Json], Json] | None = None
    imported: Capabilities | None = None
    chat_form: ChatForm = field(default_factory=ChatForm)
    also: "Adapter | None" = None
    count_billed: Callable[[Json, Json], Billed] | None = None

    def __post_init__(self) -> None:
        faults = tuple(fault for check in CHECKS for fault in check.find_faults(self))
        if faults:
            raise InvalidAdapter(self.name, faults)

    @property
    def wire(self) -> str:
        """The name of the native wire."""
        return next(iter(self.speaks))

    @property
    def operation(self) -> str:
        """The operation that takes the native body."""
        return self.speaks[self.wire]

    @property
    def forms(self) -> tuple["Adapter", ...]:
        """The adapters of the native bodies: this one, and that of the second body if there is one."""
        return (self,) if self.also is None else (self, self.also)

    def for_body(self, body: Any) -> "Adapter":
        """The adapter of a native body, where the models take two."""
        if self.also is None or not isinstance(body, dict) or self._required <= body.keys():
            return self
        return self.also if self.also._required <= body.keys() else self

    @cached_property
    def model(self) -> str:
        """The Bedrock id that is called by the adapter's name: `default`, or the first pattern, `v1:0` for its star."""
        return self.default or next(iter(self.models)).replace("*", "v1:0", 1).replace("*", "")

    @cached_property
    def schema(self) -> Schema:
        """An instance of `body`, created once."""
        return self.body()

    @property
    def async_sample(self) -> Mapping[str, Any]:
        """A `modelInput` of StartAsyncInvoke that fits."""
        return (self.async_invoke and self.async_invoke.sample) or self.sample

    def find_async_faults(self, model_input: Any) -> list[FieldError]:
        """Return every fault of a `modelInput` of StartAsyncInvoke with its path there."""
        return self.find_faults(model_input, "async-invoke")

    def has_members(self, body: Mapping[str, Any]) -> bool:
        """Whether a native body has only members that its schema lists, and all that it requires."""
        return self._required <= body.keys() <= self._known | _BEDROCK_MEMBERS

    def list_missing(self, body: Mapping[str, Any]) -> list[str]:
        """The members that the schema requires, and that a body does not have."""
        return sorted(self._required - body.keys())

    def list_shared(self, body: Mapping[str, Any]) -> list[str]:
        """The members of a body that the schema lists."""
        return sorted(self._known & body.keys())

    @cached_property
    def _known(self) -> frozenset[str]:
        """The members that a native body can have."""
        return frozenset(field.data_key or name for name, field in self.schema.fields.items())

    @cached_property
    def _required(self) -> frozenset[str]:
        """The members that a native body must have."""
        return frozenset(field.data_key or name for name, field in self.schema.fields.items() if field.required)

    def find_faults(self, body: Any, surface: str = "", capabilities: Capabilities | None = None) -> list[FieldError]:
        """Return every fault of a native body with its path: the schema's or, if the body fits it, the rules'.

        `surface` is the API of AWS that the body is for, if that is not the adapter's own operation; `capabilities` are
        those of the model, if one of the family's is meant.
        """
        if isinstance(body, dict) and self.operation == "InvokeModel" and not _BEDROCK_MEMBERS.isdisjoint(body):
            body = {name: value for name, value in body.items() if name not in _BEDROCK_MEMBERS}
        faults = find_faults(self.schema, body)
        if any(not fault.unknown for fault in faults):
            return faults
        rules = (*self.rules, *self.surface_rules.get(surface or name_surface(self.operation), ()))
        broken = [FieldError(path, message) for rule in rules for path, message in rule(body)]
        return [*faults, *broken, *self._find_excess(body, capabilities)]

    def _find_excess(self, body: Json, capabilities: Capabilities | None) -> Iterator[FieldError]:
        """A limit of tokens that is larger than the model's."""
        most = capabilities.most_tokens if capabilities else 0
        limit = member(body, *self.limit.split(".")) if most and self.limit else None
        if limit is not None and limit > most:
            yield FieldError(self.limit, f"must be at most {most} for this model")


def isolate_plugin_errors(adapter: Adapter) -> AbstractContextManager[None]:
    """Run a plugin's code during a request: whatever it raises, an exit included, fails this request only."""
    return _Isolation(adapter)


class _Isolation:
    # A class, because it is entered for each answer and a generator costs several times as much.
    __slots__ = ("_adapter",)

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, PLUGIN_CRASHES) and not isinstance(error, GatewayError):
            name = self._adapter.name
            LOG.error("the adapter '%s' failed: %s", name, logs.format_frames(error))
            raise PluginFailed(f"The plugin of '{name}' failed; the gateway's log says where.") from None
