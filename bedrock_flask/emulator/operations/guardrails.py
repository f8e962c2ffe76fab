"""ApplyGuardrail, InvokeGuardrailChecks, and the guardrail that a call of a model names.

Every guardrail exists here, and all have one policy: account/guardrail_policy.py. Sources: botocore's service model of
bedrock-runtime; AWS user guide, "Use a guardrail with inference operations".
"""

from collections.abc import Iterator, Sequence

from bedrock_flask import fields
from bedrock_flask.bodies import converse_body
from bedrock_flask.converse import Json
from bedrock_flask.emulator.account.guardrail_policy import count_text_units, find_emails
from bedrock_flask.emulator.calls.errors import validation_error
from bedrock_flask.emulator.calls.request import EmulatorRequest, check_body, encode_json, parse_body
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.engines.guarded import BLOCKED_MESSAGE, GuardedEngine, Guardrail

CONFIG_MEMBER = "amazon-bedrock-guardrailConfig"

_HEADER = "x-amzn-bedrock-guardrail"
_CHECKS = {
    "contentFilter": ("VIOLENCE", "HATE", "SEXUAL", "MISCONDUCT", "INSULTS"),
    "promptAttack": ("JAILBREAK", "PROMPT_INJECTION", "PROMPT_LEAKAGE"),
}


# --- ApplyGuardrail ---------------------------------------------------------------------------------------------------


class _ApplyBody(fields.Schema):
    source = fields.String(required=True, one_of=("INPUT", "OUTPUT"))
    content = fields.List(
        fields.OneKey(
            {"text": fields.Nested(converse_body.GuardText), "image": fields.Nested(converse_body.GuardImage)}
        ),
        required=True,
    )
    outputScope = fields.String(one_of=("INTERVENTIONS", "FULL"))


_APPLY_SCHEMA = _ApplyBody()


def apply_guardrail(request: EmulatorRequest) -> EmulatorResponse:
    """ApplyGuardrail."""
    Guardrail.from_version(request.labels["guardrailIdentifier"], request.labels["guardrailVersion"])
    content = check_body(_APPLY_SCHEMA, parse_body(request.body))["content"]
    verdict = request.account.policy.check([block["text"]["text"] for block in content if "text" in block])
    images = sum("image" in block for block in content)
    outputs = (BLOCKED_MESSAGE,) if verdict.is_blocked else verdict.masked_texts if verdict.has_intervened else ()
    document = {
        "usage": verdict.count_usage(),
        "action": "GUARDRAIL_INTERVENED" if verdict.has_intervened else "NONE",
        "actionReason": verdict.reason,
        "outputs": [{"text": text} for text in outputs],
        "assessments": [verdict.describe()],
        "guardrailCoverage": verdict.count_coverage() | ({"images": {"guarded": 0, "total": images}} if images else {}),
    }
    return make_response(encode_json(document))


# --- InvokeGuardrailChecks --------------------------------------------------------------------------------------------


def _make_check(choices: Sequence[str]) -> type[fields.Schema]:
    class Category(fields.Schema):
        category = fields.String(required=True, one_of=choices)

    class Check(fields.Schema):
        categories = fields.List(fields.Nested(Category), required=True, min_items=1, max_items=len(choices))

    return Check


class _Entity(fields.Schema):
    type = fields.String(required=True, pattern="^[A-Z_]+$")


class _Entities(fields.Schema):
    entities = fields.List(fields.Nested(_Entity), required=True, min_items=1, max_items=31)


class _Checks(fields.Schema):
    contentFilter = fields.Nested(_make_check(_CHECKS["contentFilter"]))
    promptAttack = fields.Nested(_make_check(_CHECKS["promptAttack"]))
    sensitiveInformation = fields.Nested(_Entities)


class _Message(fields.Schema):
    role = fields.String(required=True, one_of=("user", "assistant", "system"))
    content = fields.List(fields.OneKey({"text": fields.String(min_length=1)}), required=True, min_items=1)


class _ChecksBody(fields.Schema):
    messages = fields.List(fields.Nested(_Message), required=True, min_items=1)
    checks = fields.Nested(_Checks, required=True)


_CHECKS_SCHEMA = _ChecksBody()


def invoke_guardrail_checks(request: EmulatorRequest) -> EmulatorResponse:
    """InvokeGuardrailChecks: it finds blocked words in every category, and e-mail addresses."""
    parameters = check_body(_CHECKS_SCHEMA, parse_body(request.body))
    messages, checks = parameters["messages"], parameters["checks"]
    texts = [block["text"] for message in messages for block in message["content"]]
    score = float(request.account.policy.check(texts).is_blocked)
    results: Json = {
        check: {
            "results": [{"category": each["category"], "severityScore": score} for each in checks[check]["categories"]]
        }
        for check in _CHECKS
        if check in checks
    }
    if "sensitiveInformation" in checks:
        types = {each["type"] for each in checks["sensitiveInformation"]["entities"]}
        found = list(_find_entities(messages)) if "EMAIL" in types else []
        results["sensitiveInformation"] = {"results": found, "truncated": False}
    usage = {check: {"textUnits": count_text_units(texts)} for check in results}
    return make_response(encode_json({"results": results, "usage": usage}))


def _find_entities(messages: Sequence[Json]) -> Iterator[Json]:
    for number, message in enumerate(messages):
        for index, block in enumerate(message["content"]):
            for begin, end in find_emails(block["text"]):
                yield {
                    "type": "EMAIL",
                    "confidenceScore": 1.0,
                    "beginOffset": begin,
                    "endOffset": end,
                    "messageIndex": number,
                    "contentIndex": index,
                }


# --- the guardrail of a call ------------------------------------------------------------------------------------------


def guard_converse(request: EmulatorRequest, body: Json) -> EmulatorEngine:
    """The engine with the guardrail that a Converse body names; without one, the engine alone."""
    config = body.get("guardrailConfig")
    if config is None:
        return request.engine
    guardrail = Guardrail.from_version(
        config.get("guardrailIdentifier", ""),
        config.get("guardrailVersion", ""),
        trace=config.get("trace", "disabled") != "disabled",
    )
    return GuardedEngine(request.engine, guardrail, request.account.policy)


def guard_invoke(request: EmulatorRequest, body: Json) -> GuardedEngine | None:
    """The engine with the guardrail that the headers of InvokeModel name; None if they name none."""
    identifier = request.headers.get(f"{_HEADER}identifier", "")
    version = request.headers.get(f"{_HEADER}version", "")
    if not identifier and not version:
        if CONFIG_MEMBER in body:
            raise validation_error(f"The body has {CONFIG_MEMBER}, but no header names a guardrail.")
        return None
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise validation_error("A guardrail needs a body of the content type application/json.")
    trace = request.headers.get("x-amzn-bedrock-trace", "DISABLED") != "DISABLED"
    guardrail = Guardrail.from_version(identifier, version, trace=trace)
    return GuardedEngine(request.engine, guardrail, request.account.policy)
