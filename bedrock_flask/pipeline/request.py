"""A request becomes a call: its JSON, the model that it names, and what happens to what that model cannot take."""

import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bedrock_flask import headers
from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.bedrock.anthropic_betas import LONG_CONTEXT
from bedrock_flask.bedrock.errors import is_profile_needed
from bedrock_flask.bedrock.model_ids import find_arn_region, is_application_profile
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.bedrock.surfaces import CALLED, COUNTERS, name_surface
from bedrock_flask.bodies import invoke_chat_body
from bedrock_flask.call import Call, Reply, Stream
from bedrock_flask.edge.concurrency import end_large_body
from bedrock_flask.edge.connection import client_socket
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import (
    BedrockError,
    BodyTooLarge,
    CallerError,
    DeadlineExceeded,
    FieldError,
    InvalidBody,
    MalformedBody,
    RefusedSafeguard,
    StreamNotKept,
    SurfaceNotEnabled,
    UnknownModel,
    summarize_faults,
)
from bedrock_flask.fields import UNKNOWN
from bedrock_flask.governance.policy import Policy
from bedrock_flask.models.foreign_bodies import find_likeness
from bedrock_flask.models.models_file import DROP, ERROR, WARN
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.answer_limit import limit_answer
from bedrock_flask.pipeline.parameters import set_parameters
from bedrock_flask.pipeline.prescriptions import carry_prescribed, find_prescribed, reject_prescribed
from bedrock_flask.pipeline.region import choose_region, expect_region
from bedrock_flask.pipeline.terms import describe_terms, list_policies
from bedrock_flask.protocol import envelope
from bedrock_flask.protocol import json as strict
from bedrock_flask.translation import safeguards
from bedrock_flask.translation.address_body import address_body

# The most attempts that an AWS SDK makes, where it says so.
_MOST_ATTEMPTS = re.compile(r"\bmax=([0-9]{1,9})\b")
# Unknown fields that the log lists.
_MAX_LOGGED = 20
# Inference profiles that an error names.
_MOST_PROFILES = 5
# Counts of tokens, which AWS does not bill.
_UNBILLED = frozenset({"CountTokens", *COUNTERS})
NOTHING: Mapping[str, Any] = MappingProxyType({})
# The member of StartAsyncInvoke's body that is the model's own.
_INPUT = "modelInput"


def parse_json(data: bytes) -> Any:
    """The value of strict JSON; MalformedBody, or BodyTooLarge for more parts than one request may have."""
    try:
        return strict.parse(data)
    except strict.TooManyParts as error:
        raise BodyTooLarge(f"{error.message}.") from None
    except strict.MalformedJSON as error:
        raise MalformedBody(error.message, error.path) from None


def is_json(data: bytes) -> bool:
    """Whether a body is strict JSON."""
    try:
        strict.parse(data)
    except strict.MalformedJSON:
        return False
    return True


def take_safeguards(exchange: Exchange, data: bytes, body: Any) -> tuple[bytes, Any]:
    """A body of any format without the members that name a guardrail or a latency; the calls carry them.

    Raises InvalidBody for members that Bedrock would not read.
    """
    if not isinstance(body, dict) or body.keys().isdisjoint(safeguards.BODY_MEMBERS):
        return data, body
    exchange.safeguards = safeguards.read_members(body)
    rest = {name: value for name, value in body.items() if name not in safeguards.BODY_MEMBERS}
    return envelope.splice(data.decode(), safeguards.BODY_MEMBERS, {}).encode(), rest


def reject_safeguards(exchange: Exchange) -> None:
    """Refuse what a call of a model takes as headers, and an asynchronous one does not take at all."""
    if found := [name for name, _ in exchange.list_headers() if name in safeguards.HEADERS]:
        raise RefusedSafeguard([FieldError(name, "an asynchronous call does not take it") for name in found])


def check_deadline(exchange: Exchange) -> None:
    """Raise DeadlineExceeded if the time of the request is used up: nobody waits for what is still to be done."""
    if time.monotonic() - exchange.started > exchange.settings.deadline:
        raise DeadlineExceeded()


def reject_faults(faults: Iterable[FieldError], model: Model | None = None) -> None:
    """Raise InvalidBody for the faults of a body that are not left to Bedrock."""
    if invalid := find_refused(faults, model):
        raise InvalidBody(invalid)


def find_refused(faults: Iterable[FieldError], model: Model | None = None) -> list[FieldError]:
    """The faults of a body but for fields that the schema does not know.

    Of a model whose alias says `validate = "warn"`, values that the schema does not list pass too.
    """
    lets_values_pass = model is not None and model.validate == WARN
    return [fault for fault in faults if not (fault.unknown or (lets_values_pass and fault.is_new_value))]


def find_native_faults(model: Model, body: Any, *, stream: bool) -> list[FieldError]:
    """Every fault of a native body that is sent to a model."""
    with isolate_plugin_errors(model.adapter):
        faults = model.adapter.find_faults(body, capabilities=model.capabilities)
    if not model.capabilities.same_address or any(not fault.unknown for fault in faults):
        return faults
    return faults + [FieldError(*fault) for fault in invoke_chat_body.check_address(body, model.id, stream=stream)]


def reject_native_faults(exchange: Exchange, model: Model, body: Any, faults: Sequence[FieldError]) -> None:
    """Raise InvalidBody for the faults of a native body; it says which family's format the body has, if any."""
    if not faults:
        return
    likeness = find_likeness(exchange.state.models.registry, model.adapter, body, faults)
    if likeness is None:
        raise InvalidBody(faults)
    # A member of another format has not been misspelt.
    plain = [replace(fault, message=UNKNOWN) if fault.path in likeness.members else fault for fault in faults]
    raise InvalidBody(plain, f"{summarize_faults(plain)}. {likeness.describe()}")


def unknown_paths(faults: Iterable[FieldError]) -> list[str]:
    """The paths of the fields that the schema does not know."""
    return [fault.path for fault in faults if fault.unknown]


def report_unknown(exchange: Exchange, faults: Iterable[FieldError]) -> None:
    """Report what Bedrock is left to decide on, in the log and in a header of the answer, a refusal included."""
    exchange.unknown_fields = [fault.path for fault in faults if fault.may_be_new]
    if listed := [path[:200] for path in exchange.unknown_fields[:_MAX_LOGGED]]:
        exchange.log_fields["unknown_fields"] = listed


def resolve_model(exchange: Exchange, name: str) -> Model:
    """The model of that name, which the log line then has."""
    fields = exchange.log_fields
    fields["model"] = name[:256]
    model = exchange.state.models.resolve(name, expect_region(exchange))
    fields |= {"adapter": model.adapter.name, "model_id": model.id}
    return model


def resolve_native_model(exchange: Exchange, name: str) -> Model:
    """The model of that name, for a body that is sent as it came."""
    model = resolve_model(exchange, name)
    if model.needs_long_context:
        raise UnknownModel(
            f"'{name[:200]}' needs the beta '{LONG_CONTEXT}', which is a part of the body here: use the name without "
            "its suffix, and add the beta to the body."
        )
    return model


def resolve_async_model(exchange: Exchange, name: str) -> Model:
    """The model of that name as StartAsyncInvoke takes it: by its own id, also where InvokeModel needs a profile."""
    model = resolve_native_model(exchange, name)
    if not model.is_profile:
        return model
    own = exchange.state.models.find_base(model)
    exchange.log_fields["model_id"] = own
    return replace(model, id=own, is_profile=False)


def requested_policy(exchange: Exchange) -> str:
    """What the request wants done with what the model cannot take: ERROR, DROP, or empty if it does not say."""
    policy = exchange.header(headers.UNSUPPORTED).strip().lower()
    if policy and policy not in (ERROR, DROP):
        raise CallerError(f"{headers.UNSUPPORTED} is '{ERROR}' or '{DROP}'.")
    return policy


def unsupported_policy(exchange: Exchange, model: Model) -> str:
    """What happens to what the model cannot take: decided by the request, else by the alias, else by the key."""
    drops = exchange.key and exchange.key in exchange.settings.drop_unsupported
    return requested_policy(exchange) or model.unsupported or (DROP if drops else ERROR)


def make_call(
    exchange: Exchange,
    model: Model,
    body: bytes,
    *,
    operation: str = "",
    wire: str = "",
    stream: bool = False,
    forward: Iterable[str] = (),
    guarded_by: Mapping[str, Any] = NOTHING,
) -> Call:
    """A call of a model on behalf of the request that is being answered; the headers named in `forward` go along.

    Its safeguards are those of the request's headers, those of its body, the members of a Converse request in
    `guarded_by`, and what policies prescribe.
    """
    names = {name.lower() for name in forward}
    operation = operation or model.adapter.operation
    check_enabled(exchange, operation)
    # A count answers with a number.
    policies = () if operation in _UNBILLED else list_policies(exchange, model)
    carried = carry_prescribed(
        operation,
        body,
        _select_headers(exchange, names),
        safeguards.combine(exchange.safeguards, guarded_by),
        policies,
    )
    sent, sent_headers = _bind_body(model, wire, carried.body, policies), carried.headers
    if surface := CALLED.get(operation):
        addressed = address_body(surface, sent, model.id, stream=stream)
        sent, sent_headers = addressed.body, {**sent_headers, **addressed.headers}
        exchange.record.surface = surface.name
    end_large_body(exchange)
    region = choose_region(exchange, model.region, is_alias=bool(model.base))
    return Call(
        adapter=model.adapter,
        operation=operation,
        model=model.id,
        body=sent,
        wire=wire,
        stream=stream,
        client=client_socket(exchange.environ),
        region=region,
        headers=sent_headers,
        request_id=exchange.request_id,
        retries_itself=_retries_itself(exchange),
        deadline=time.monotonic() + exchange.settings.deadline,
        billed_as="" if operation in _UNBILLED else find_billed_id(model),
        principal=exchange.principal,
        dialect=exchange.dialect,
        terms=describe_terms(exchange, region, model),
        guardrail=carried.guardrail,
        record=exchange.record,
    )


def _bind_body(model: Model, wire: str, body: bytes, policies: Sequence[Policy]) -> bytes:
    """The body with the limit and the parameters of the policies."""
    return set_parameters(model, wire, limit_answer(model, wire, body, policies), policies)


def _bind_job(model: Model, body: bytes, policies: Sequence[Policy]) -> bytes:
    """The same for the body of StartAsyncInvoke, which has the model's own body in it."""
    text = body.decode("utf-8", "surrogatepass")
    if not policies or _INPUT not in envelope.find_members(text):
        return body
    own = envelope.extract_member(text, _INPUT).encode("utf-8", "surrogatepass")
    bound = _bind_body(model, "", own, policies)
    if bound == own:
        return body
    return envelope.splice(text, (), {_INPUT: bound.decode("utf-8", "surrogatepass")}).encode("utf-8", "surrogatepass")


def find_billed_id(model: Model) -> str:
    """The id that names the price of a model: an application's profile costs what its alias names."""
    return model.base if model.base and is_application_profile(model.id) else model.id


def check_enabled(exchange: Exchange, operation: str) -> None:
    """Raise SurfaceNotEnabled if the operator has not listed what a call names."""
    enabled, name = exchange.settings.surfaces, name_surface(operation)
    if enabled and name and name not in enabled:
        raise SurfaceNotEnabled(f"This call needs '{name}', which is not in BEDROCK_FLASK_SURFACES.")


def find_safeguards(exchange: Exchange, model: Model) -> Mapping[str, Any]:
    """What headers, body and policies say of a call's guardrail, tier and the like, as Converse's members."""
    own = safeguards.combine(safeguards.read_headers(_select_headers(exchange, ())), exchange.safeguards)
    return own | find_prescribed(list_policies(exchange, model))


def _select_headers(exchange: Exchange, names: Collection[str]) -> dict[str, str]:
    """The headers of the request that go along: safeguards, and those of these names in lower case."""
    selected = dict(exchange.list_prefixed(safeguards.PREFIX))
    selected |= {name: value for name in names if (value := exchange.header(name))}
    for name, header in safeguards.PROJECT_HEADERS.items():
        if project := exchange.header(name):
            selected[header] = project
    return selected


def make_account_call(
    exchange: Exchange,
    operation: str,
    wire: str,
    body: bytes = b"",
    *,
    labels: Mapping[str, str] | None = None,
    query: str = "",
    arn: str = "",
    model: Model | None = None,
) -> Call:
    """A call of an operation whose address names no model, on behalf of the request that is being answered.

    `arn` is what it is on, which has a region; `model` is the one that its body names, or whose calls it lists.
    """
    check_enabled(exchange, operation)
    if operation == ASYNC and model is not None:
        policies = list_policies(exchange, model)
        reject_prescribed(policies, operation)
        body = _bind_job(model, body, policies)
    end_large_body(exchange)
    named, is_alias = (find_arn_region(arn), False) if arn or model is None else (model.region, bool(model.base))
    region = choose_region(exchange, named, is_alias=is_alias)
    return Call(
        adapter=model.adapter if model else exchange.state.models.registry.generic,
        operation=operation,
        model="",
        body=body,
        labels=labels or {},
        query=query,
        wire=wire,
        client=client_socket(exchange.environ),
        region=region,
        request_id=exchange.request_id,
        deadline=time.monotonic() + exchange.settings.deadline,
        retries_itself=_retries_itself(exchange),
        billed_as=find_billed_id(model) if model and operation == ASYNC else "",
        principal=exchange.principal,
        dialect=exchange.dialect,
        terms=describe_terms(exchange, region, model),
        record=exchange.record,
    )


def _retries_itself(exchange: Exchange) -> bool:
    """Whether the client is known to try again by itself.

    AWS's SDKs announce it: `attempt=1; max=3`, or in legacy mode `attempt=1`. Those of OpenAI and Anthropic count the
    attempts that they have made before.
    """
    if exchange.header(headers.SDK_RETRY_COUNT, "0").strip() != "0":
        return True
    announced = exchange.header(headers.SDK_ATTEMPTS)
    most = _MOST_ATTEMPTS.search(announced)
    return bool(announced) and (most is None or int(most[1]) > 1)


def send(exchange: Exchange, call: Call) -> Reply:
    """The whole reply to a call, through every guard."""
    try:
        return exchange.state.handler.send(call)
    except BedrockError as error:
        _name_profiles(exchange, call, error)
        raise


def send_stream(exchange: Exchange, call: Call) -> Stream:
    """The reply to a call as a stream, through every guard."""
    if exchange.has_claim:
        raise StreamNotKept()
    try:
        return exchange.state.handler.send_stream(call)
    except BedrockError as error:
        _name_profiles(exchange, call, error)
        raise


def _name_profiles(exchange: Exchange, call: Call, error: BedrockError) -> None:
    """Add to the refusal of a model that needs an inference profile which ones there are."""
    if not is_profile_needed(error.name, error.detail):
        return
    models = exchange.state.models
    profiles = models.list_profiles(call.model, call.region or models.region)
    if profiles:
        error.detail += f" Here it is called by {' or '.join(profiles[:_MOST_PROFILES])}."
