"""ApplyGuardrail, InvokeGuardrailChecks, and the guardrail that a call of a model names.

Every guardrail exists here, and all have one rule: judging.py. Sources: botocore's service model of bedrock-runtime;
AWS user guide, "Use a guardrail with inference operations".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bedrock_flask import fields
from bedrock_flask.adapter import Engine
from bedrock_flask.bodies import converse_body
from bedrock_flask.converse import Event, Json, Request, Response, fold, member, replay
from bedrock_flask.emulator.account.guardrail_policy import Rule, Verdict, emails_in, text_units
from bedrock_flask.emulator.calls.delivery import Answer, whole
from bedrock_flask.emulator.calls.refusals import invalid
from bedrock_flask.emulator.calls.request import Asked, checked, encoded, parsed
from bedrock_flask.emulator.engines.replies import Answering, Reply

MESSAGE = "Sorry, the model cannot answer this question."
CONFIG = "amazon-bedrock-guardrailConfig"

_HEADER = "x-amzn-bedrock-guardrail"
_IDENTIFIER = re.compile(r"[a-z0-9]+|arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+")
_VERSION = re.compile(r"[1-9][0-9]{0,7}|DRAFT")
_CHECKS = {
    "contentFilter": ("VIOLENCE", "HATE", "SEXUAL", "MISCONDUCT", "INSULTS"),
    "promptAttack": ("JAILBREAK", "PROMPT_INJECTION", "PROMPT_LEAKAGE"),
}


# --- ApplyGuardrail ---------------------------------------------------------------------------------------------------


class _Applied(fields.Schema):
    source = fields.String(required=True, one_of=("INPUT", "OUTPUT"))
    content = fields.List(
        fields.OneKey(
            {"text": fields.Nested(converse_body.GuardText), "image": fields.Nested(converse_body.GuardImage)}
        ),
        required=True,
    )
    outputScope = fields.String(one_of=("INTERVENTIONS", "FULL"))


_APPLIED = _Applied()


def apply_guardrail(asked: Asked) -> Answer:
    """ApplyGuardrail."""
    Guardrail.named(asked.labels["guardrailIdentifier"], asked.labels["guardrailVersion"])
    told = checked(_APPLIED, parsed(asked.body))
    verdict = asked.account.rule.judge([block["text"]["text"] for block in told["content"] if "text" in block])
    images = sum("image" in block for block in told["content"])
    outputs = (MESSAGE,) if verdict.blocked else verdict.masked if verdict.intervened else ()
    answer = {
        "usage": verdict.usage(),
        "action": "GUARDRAIL_INTERVENED" if verdict.intervened else "NONE",
        "actionReason": verdict.reason,
        "outputs": [{"text": text} for text in outputs],
        "assessments": [verdict.assessment()],
        "guardrailCoverage": verdict.coverage() | ({"images": {"guarded": 0, "total": images}} if images else {}),
    }
    return whole(encoded(answer))


# --- InvokeGuardrailChecks --------------------------------------------------------------------------------------------


def _categories(known: Sequence[str]) -> type[fields.Schema]:
    class Category(fields.Schema):
        category = fields.String(required=True, one_of=known)

    class Check(fields.Schema):
        categories = fields.List(fields.Nested(Category), required=True, min_items=1, max_items=len(known))

    return Check


class _Entity(fields.Schema):
    type = fields.String(required=True, pattern="^[A-Z_]+$")


class _Entities(fields.Schema):
    entities = fields.List(fields.Nested(_Entity), required=True, min_items=1, max_items=31)


class _Checks(fields.Schema):
    contentFilter = fields.Nested(_categories(_CHECKS["contentFilter"]))
    promptAttack = fields.Nested(_categories(_CHECKS["promptAttack"]))
    sensitiveInformation = fields.Nested(_Entities)


class _Message(fields.Schema):
    role = fields.String(required=True, one_of=("user", "assistant", "system"))
    content = fields.List(fields.OneKey({"text": fields.String(min_length=1)}), required=True, min_items=1)


class _Checked(fields.Schema):
    messages = fields.List(fields.Nested(_Message), required=True, min_items=1)
    checks = fields.Nested(_Checks, required=True)


_CHECKED = _Checked()


def invoke_guardrail_checks(asked: Asked) -> Answer:
    """InvokeGuardrailChecks: a blocked word is all that is bad, an e-mail address all that is private."""
    told = checked(_CHECKED, parsed(asked.body))
    texts = [block["text"] for message in told["messages"] for block in message["content"]]
    score = float(asked.account.rule.judge(texts).blocked)
    results: Json = {
        check: {
            "results": [
                {"category": each["category"], "severityScore": score} for each in told["checks"][check]["categories"]
            ]
        }
        for check in _CHECKS
        if check in told["checks"]
    }
    if "sensitiveInformation" in told["checks"]:
        wanted = {each["type"] for each in told["checks"]["sensitiveInformation"]["entities"]}
        found = list(_entities(told["messages"])) if "EMAIL" in wanted else []
        results["sensitiveInformation"] = {"results": found, "truncated": False}
    usage = {check: {"textUnits": text_units(texts)} for check in results}
    return whole(encoded({"results": results, "usage": usage}))


def _entities(messages: Sequence[Json]) -> Iterator[Json]:
    for number, message in enumerate(messages):
        for place, block in enumerate(message["content"]):
            for begin, end in emails_in(block["text"]):
                yield {
                    "type": "EMAIL",
                    "confidenceScore": 1.0,
                    "beginOffset": begin,
                    "endOffset": end,
                    "messageIndex": number,
                    "contentIndex": place,
                }


# --- the guardrail of a call ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Guardrail:
    """The guardrail that a call names, and whether its findings are told."""

    id: str
    trace: bool = False

    @classmethod
    def named(cls, identifier: str, version: str, *, trace: bool = False) -> "Guardrail":
        """The guardrail of an id or an ARN; a Refusal where it cannot be one."""
        if not identifier or not version:
            raise invalid("A guardrail is named by both its identifier and its version.")
        if not _IDENTIFIER.fullmatch(identifier) or not _VERSION.fullmatch(version):
            raise invalid("The guardrail identifier or version provided in the request does not exist.")
        return cls(id=identifier.rpartition("/")[2], trace=trace)


@dataclass
class Guarded:
    """An engine with a guardrail before and behind it; it judges an answer as a whole, before any of it is told."""

    engine: Engine
    guardrail: Guardrail
    rule: Rule
    asked: Verdict | None = field(default=None, init=False)
    answered: Verdict | None = field(default=None, init=False)

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, or what the guardrail says in its place."""
        self.asked = self.rule.judge(_texts_to_check(request))
        if self.asked.blocked:
            yield from replay(self._instead({"usage": dict.fromkeys(_COUNTS, 0)}, [{"text": MESSAGE}]))
            return
        events = list(self.engine.converse(request))
        response = fold(events)
        content = response["output"]["message"]["content"]
        self.answered = self.rule.judge([block["text"] for block in content if "text" in block])
        if self.answered.intervened:
            yield from replay(self._instead(response, _changed(content, self.answered)))
        else:
            yield from map(self._traced, events)

    def judge_asked(self, texts: Sequence[str]) -> Verdict:
        """What is to be said against a question that is not Converse's."""
        self.asked = self.rule.judge(texts)
        return self.asked

    def judge_answered(self, texts: Sequence[str]) -> Verdict:
        """What is to be said against the answer to it."""
        self.answered = self.rule.judge(texts)
        return self.answered

    def native(self, request: Request) -> Reply | None:
        """The reply that is scripted in the model's own format, which nobody judges; none to a blocked question."""
        blocked = self.rule.judge(_texts_to_check(request)).blocked
        return self.engine.native(request) if isinstance(self.engine, Answering) and not blocked else None

    def embed(self, text: str, dimensions: int) -> list[float]:
        """The engine's vector."""
        return self.engine.embed(text, dimensions)

    def count(self, text: str) -> int:
        """The engine's count."""
        return self.engine.count(text)

    def members(self) -> Json:
        """What a native reply says of the guardrail."""
        acted = (self.asked is not None and self.asked.blocked) or (
            self.answered is not None and self.answered.intervened
        )
        told: Json = {"amazon-bedrock-guardrailAction": "INTERVENED" if acted else "NONE"}
        if self.guardrail.trace:
            outputs = [{self.guardrail.id: self.answered.assessment()}] if self.answered else []
            told["amazon-bedrock-trace"] = {"guardrail": {"input": self._input(), "outputs": outputs}}
        return told

    def _instead(self, response: Response, content: list[Json]) -> Response:
        message = {"output": {"message": {"role": "assistant", "content": content}}}
        return {**response, **message, "stopReason": "guardrail_intervened", **self._trace()}

    def _traced(self, event: Event) -> Event:
        return {"metadata": {**event["metadata"], **self._trace()}} if "metadata" in event else event

    def _trace(self) -> Json:
        if not self.guardrail.trace:
            return {}
        told: Json = {"inputAssessment": self._input()}
        last = self.answered or self.asked
        if self.answered is not None:
            told["outputAssessments"] = {self.guardrail.id: [self.answered.assessment()]}
        return {"trace": {"guardrail": told | ({"actionReason": last.reason} if last else {})}}

    def _input(self) -> Json:
        return {self.guardrail.id: self.asked.assessment()} if self.asked else {}


_COUNTS = ("inputTokens", "outputTokens", "totalTokens")


def of_converse(asked: Asked, body: Json) -> Engine:
    """The engine with the guardrail of a Converse body before it; the engine alone where it names none."""
    config = body.get("guardrailConfig")
    if config is None:
        return asked.engine
    guardrail = Guardrail.named(
        config.get("guardrailIdentifier", ""),
        config.get("guardrailVersion", ""),
        trace=config.get("trace", "disabled") != "disabled",
    )
    return Guarded(asked.engine, guardrail, asked.account.rule)


def of_headers(asked: Asked, body: Json) -> Guarded | None:
    """The engine with the guardrail of an InvokeModel's headers before it; None where they name none."""
    identifier = asked.headers.get(f"{_HEADER}identifier", "")
    version = asked.headers.get(f"{_HEADER}version", "")
    if not identifier and not version:
        if CONFIG in body:
            raise invalid(f"The body has {CONFIG}, but no header names a guardrail.")
        return None
    kind = asked.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise invalid("A guardrail needs a body of the content type application/json.")
    trace = asked.headers.get("x-amzn-bedrock-trace", "DISABLED") != "DISABLED"
    return Guarded(asked.engine, Guardrail.named(identifier, version, trace=trace), asked.account.rule)


def _texts_to_check(request: Request) -> list[str]:
    """What the user says, or, where any of it is marked for the guardrail, that alone."""
    blocks = [
        block
        for message in request.get("messages", [])
        if message["role"] == "user"
        for block in message["content"]
    ]  # fmt: skip
    marked = [member(block, "guardContent", "text", "text") for block in blocks if "guardContent" in block]
    return [text for text in marked or [block.get("text") for block in blocks] if isinstance(text, str)]


def _changed(content: list[Json], verdict: Verdict) -> list[Json]:
    if verdict.blocked:
        return [{"text": MESSAGE}]
    texts = iter(verdict.masked)
    return [{**block, "text": next(texts)} if "text" in block else block for block in content]
