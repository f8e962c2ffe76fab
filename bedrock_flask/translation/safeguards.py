"""Guardrail, latency, service tier, metadata and project, wherever a request names them: each call carries them.

InvokeModel takes them as headers, Converse as members of its body. A caller may use either form in every API. Sources:
the service model of bedrock-runtime (InvokeModelRequest, ConverseRequest); AWS user guide, "Use a guardrail with
inference operations". They are applied or refused, never dropped.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.surfaces import COUNTERS, SURFACES, Surface
from bedrock_flask.bodies import converse_body
from bedrock_flask.converse import Json, member
from bedrock_flask.errors import FieldError, InvalidBody, RefusedSafeguard
from bedrock_flask.fields import Schema, String, find_faults
from bedrock_flask.protocol import envelope
from bedrock_flask.protocol.json_path import extend_path

PREFIX = "x-amzn-bedrock-"
GUARDRAIL = "guardrailConfig"
# The member of a body for InvokeModel that Bedrock itself reads.
INVOKE_GUARDRAIL = "amazon-bedrock-guardrailConfig"
# The members of a caller's body, in any format, that name a guardrail or a latency.
BODY_MEMBERS = (GUARDRAIL, INVOKE_GUARDRAIL, "performanceConfig")

_METADATA = f"{PREFIX}request-metadata"
_PROJECT = f"{PREFIX}projectidentifier"
# The path in a Converse request of what each header of InvokeModel says.
HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        f"{PREFIX}guardrailidentifier": (GUARDRAIL, "guardrailIdentifier"),
        f"{PREFIX}guardrailversion": (GUARDRAIL, "guardrailVersion"),
        f"{PREFIX}trace": (GUARDRAIL, "trace"),
        f"{PREFIX}performanceconfig-latency": ("performanceConfig", "latency"),
        f"{PREFIX}service-tier": ("serviceTier", "type"),
        _METADATA: ("requestMetadata",),
        _PROJECT: ("projectIdentifier",),
    }
)
# The headers of OpenAI's and Anthropic's APIs that name a project of Bedrock. Source: AWS user guide, "Projects"; the
# project decides on access, data retention and cost. BerriAI/litellm#31994 (the name for Anthropic's API).
PROJECT_HEADERS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("openai-project", "anthropic-workspace-id"), _PROJECT)
)
# The header that names it to a surface, by the surface's format.
_PROJECT_NAMES = MappingProxyType(
    {"openai_chat": "OpenAI-Project", "openai_responses": "OpenAI-Project", "anthropic": "anthropic-workspace-id"}
)
# They negotiate the form of InvokeModel's answer, and Converse has only one.
_NOT_FOR_CONVERSE = frozenset({f"{PREFIX}accept", f"{PREFIX}content-type"})
# InvokeModel's name for each of Converse's values.
_MODES = MappingProxyType({"sync": "SYNCHRONOUS", "async": "ASYNCHRONOUS"})
# Members of the guardrail that have no header; `tagSuffix` has no counterpart in Converse.
_IN_INVOKE_BODY = ("streamProcessingMode", "tagSuffix")


class _Guardrail(converse_body.GuardrailConfig):
    """The guardrail of a request in either form."""

    trace = String(one_of=("enabled", "disabled", "enabled_full", "ENABLED", "DISABLED", "ENABLED_FULL"))
    streamProcessingMode = String(one_of=(*_MODES, *_MODES.values()))
    tagSuffix = String()


_SCHEMAS: Mapping[str, Schema] = MappingProxyType(
    {GUARDRAIL: _Guardrail(), INVOKE_GUARDRAIL: _Guardrail(), "performanceConfig": converse_body.PerformanceConfig()}
)


@dataclass(frozen=True)
class GuardedRequest:
    """What goes up: a body, and the headers beside it; `guardrail` (`ID:VERSION`) is left to the gateway."""

    body: bytes
    headers: Mapping[str, str]
    guardrail: str = ""


def read_members(body: Mapping[str, Any]) -> Json:
    """The safeguards that a body of any format names, as members of a Converse request; raises InvalidBody."""
    named = {name: body[name] for name in BODY_MEMBERS if body.get(name) is not None}
    faults = [
        FieldError(f"{name}.{fault.path}" if fault.path else name, fault.message)
        for name, value in named.items()
        for fault in find_faults(_SCHEMAS[name], value)
    ]
    if faults:
        raise InvalidBody(faults)
    read: Json = {}
    for name, value in named.items():
        target = GUARDRAIL if name == INVOKE_GUARDRAIL else name
        read = _combine(read, {target: _to_converse(value) if target == GUARDRAIL else value}, name)
    _check_pair(read, f"{next(iter(named), GUARDRAIL)}.guardrail")
    return read


def combine(one: Mapping[str, Any], other: Mapping[str, Any]) -> Json:
    """The safeguards of both; raises InvalidBody where they contradict each other."""
    return _combine({**one}, {**other}, "the body") if one and other else {**one, **other}


def carry(operation: str, body: bytes, headers: Mapping[str, str], members: Json) -> GuardedRequest:
    """The body and the headers of a call, with the safeguards of the headers and of these Converse members.

    A count of tokens needs none. Raises RefusedSafeguard for what the operation cannot express, InvalidBody for half a
    guardrail or a contradiction.
    """
    if not (headers or members):
        return GuardedRequest(body, headers)
    if surface := SURFACES.get(operation):
        return _carry_in_surface(surface, body, headers, members)
    if operation not in _CARRIERS:
        return GuardedRequest(body, {} if operation in COUNTERS else headers)
    return _CARRIERS[operation](body, headers, members)


def find_lost(surface: Surface | None, members: Collection[str]) -> list[str]:
    """Those of these Converse members that a surface cannot express; bedrock-runtime's operations express all."""
    if surface is None:
        return []
    return [name for name in members if name not in _TAKES or not _TAKES[name](surface)]


def read_headers(headers: Mapping[str, str]) -> Json:
    """The Converse members that the headers of InvokeModel say; other headers are left out."""
    return _read_headers({name: value for name, value in headers.items() if name.lower() in HEADERS}, "")


# Whether a surface takes a safeguard; none takes a latency or Bedrock's request metadata.
_TAKES: Mapping[str, Callable[[Surface], bool]] = MappingProxyType(
    {
        GUARDRAIL: lambda surface: surface.guardrails,
        "serviceTier": lambda surface: surface.tiers,
        "projectIdentifier": lambda surface: surface.projects,
    }
)


def _carry_in_surface(surface: Surface, body: bytes, headers: Mapping[str, str], members: Json) -> GuardedRequest:
    """The headers and the body of a call of a surface, with the safeguards that it can express.

    Sources: AWS user guide, "Invoke a model with the OpenAI Chat Completions API" (a guardrail), "Service tiers for
    inference", "Projects", "Workspaces".
    """
    safeguards = {name: value for name, value in headers.items() if name.lower().startswith(PREFIX)}
    sent = {name: value for name, value in headers.items() if name not in safeguards}
    wanted = _combine(
        _read_headers(safeguards, f"'{surface.name}' serves this model, and has no such option"), members, "the body"
    )
    _check_pair(wanted, f"{PREFIX}guardrail")
    if lost := find_lost(surface, wanted):
        raise RefusedSafeguard(
            [FieldError(name, f"'{surface.name}' serves this model, and cannot take it") for name in lost]
        )
    guarded = {GUARDRAIL: wanted[GUARDRAIL]} if GUARDRAIL in wanted else {}
    sent |= dict(_write_headers(guarded))
    put: Json = {}
    if beside := {name: value for name, value in (guarded.get(GUARDRAIL) or {}).items() if name in _IN_INVOKE_BODY}:
        put[INVOKE_GUARDRAIL] = {name: _MODES.get(value, value) for name, value in beside.items()}
    if "serviceTier" in wanted:
        put["service_tier"] = wanted["serviceTier"]["type"]
        own = json.loads(body).get("service_tier", put["service_tier"])
        if own != put["service_tier"]:
            raise InvalidBody([FieldError("service_tier", "is given twice with different values, also in a header")])
    if "projectIdentifier" in wanted:
        sent[_PROJECT_NAMES[surface.wire]] = wanted["projectIdentifier"]
    return GuardedRequest(_put_in(body, put) if put else body, sent)


def _carry_in_converse(body: bytes, headers: Mapping[str, str], members: Json) -> GuardedRequest:
    """A Converse body with what the headers of InvokeModel and these members say; Converse takes no such header."""
    safeguards = {name: value for name, value in headers.items() if name.lower().startswith(PREFIX)}
    others = {name: value for name, value in headers.items() if name not in safeguards}
    wanted: Json = _read_headers(safeguards, "this model is called by Converse, which has no such option")
    _check_pair(wanted, f"{PREFIX}guardrail")
    wanted = _combine(wanted, members, "the body")
    if not wanted:
        return GuardedRequest(body, others)
    if member(wanted, GUARDRAIL, "tagSuffix") is not None:
        raise RefusedSafeguard(
            [FieldError(f"{INVOKE_GUARDRAIL}.tagSuffix", "this model is called by Converse, which has no input tags")]
        )
    document = json.loads(body)
    there = {name: document[name] for name in wanted if document.get(name) is not None}
    together = _combine(there, wanted, "a header")
    _check_pair(together, f"{GUARDRAIL}.guardrail")
    return GuardedRequest(_put_in(body, together), others)


def _carry_in_invoke(body: bytes, headers: Mapping[str, str], members: Json) -> GuardedRequest:
    """The headers of InvokeModel with what these members say, and the body with what has no header."""
    sent = {name.lower(): (name, value) for name, value in headers.items()}
    for header, value in _write_headers(members):
        name, given = sent.get(header, (header, value))
        if given.lower() != value.lower():
            raise InvalidBody([FieldError(header, f"says {given[:100]!r}, but the body says {value[:100]!r}")])
        sent[header] = (name, value)
    pair = [header for header in HEADERS if HEADERS[header][-1] in _PAIR and sent.get(header, ("", ""))[1]]
    if len(pair) == 1:
        _check_pair({GUARDRAIL: {HEADERS[pair[0]][-1]: "given"}}, f"{PREFIX}guardrail")
    beside = {name: value for name, value in (members.get(GUARDRAIL) or {}).items() if name in _IN_INVOKE_BODY}
    if beside:
        beside |= {name: _MODES.get(value, value) for name, value in beside.items()}
        own = json.loads(body).get(INVOKE_GUARDRAIL) or {}
        body = _put_in(body, {INVOKE_GUARDRAIL: own | beside})
    return GuardedRequest(body, dict(sent.values()))


_CARRIERS: Mapping[str, Callable[[bytes, Mapping[str, str], Json], GuardedRequest]] = MappingProxyType(
    {"Converse": _carry_in_converse, "InvokeModel": _carry_in_invoke}
)


def _put_in(body: bytes, members: Json) -> bytes:
    """The body with these members; no other character of it changes."""
    return envelope.splice(body.decode(), (), {name: json.dumps(value) for name, value in members.items()}).encode()


# The two members that name a guardrail, by the last part of their names.
_PAIR = MappingProxyType({"guardrailIdentifier": "identifier", "guardrailVersion": "version"})


def _check_pair(members: Json, prefix: str) -> None:
    """Raise InvalidBody for an identifier without a version, or a version without an identifier.

    A trace alone is valid: an account may enforce a guardrail.
    """
    given = [name for name in _PAIR if member(members, GUARDRAIL, name)]
    if len(given) == 1:
        [missing] = _PAIR.keys() - set(given)
        name = _PAIR[missing]
        path = prefix + (name if prefix.startswith(PREFIX) else name.capitalize())
        raise InvalidBody([FieldError(path, "is required: a guardrail has an identifier and a version")])


def _to_converse(guardrail: Json) -> Json:
    """A guardrail in Converse's words."""
    modes = {invoke: converse for converse, invoke in _MODES.items()}
    read = {**guardrail}
    if "trace" in read:
        read["trace"] = read["trace"].lower()
    if "streamProcessingMode" in read:
        read["streamProcessingMode"] = modes.get(read["streamProcessingMode"], read["streamProcessingMode"])
    return read


def _read_headers(headers: Mapping[str, str], unknown: str) -> Json:
    """The members of a Converse request that these headers of InvokeModel say; `unknown` explains a refusal."""
    read: Json = {}
    for given, value in headers.items():
        header = given.lower()
        if header in _NOT_FOR_CONVERSE or not value:
            continue
        if header not in HEADERS:
            raise RefusedSafeguard([FieldError(header, unknown)])
        read = _combine(read, _nest(HEADERS[header], _read_value(header, value)), header)
    return read


def _read_value(header: str, value: str) -> Any:
    if header == f"{PREFIX}trace":
        return value.lower()
    if header != _METADATA:
        return value
    try:
        metadata = json.loads(value)
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict) or not all(isinstance(each, str) for each in metadata.values()):
        raise InvalidBody([FieldError(header, "must be a JSON object of strings")])
    return metadata


def _write_headers(members: Json) -> Iterator[tuple[str, str]]:
    for header, path in HEADERS.items() if members else ():
        value = member(members, *path)
        if value is not None:
            named = json.dumps(value) if header == _METADATA else str(value)
            yield header, named.upper() if header == f"{PREFIX}trace" else named


def _nest(path: Collection[str], value: Any) -> Json:
    for name in reversed([*path]):
        value = {name: value}
    return dict(value)


def _combine(one: Json, other: Json, where: str, path: str = "") -> Json:
    """Both together; raises InvalidBody where they contradict each other."""
    both = {**one}
    for name, value in other.items():
        here = extend_path(path, name)
        if isinstance(both.get(name), dict) and isinstance(value, dict):
            both[name] = _combine(both[name], value, where, here)
        elif both.get(name, value) != value:
            raise InvalidBody([FieldError(here, f"is given twice with different values, the second time in {where}")])
        else:
            both[name] = value
    return both
