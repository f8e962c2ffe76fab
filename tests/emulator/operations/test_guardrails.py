"""Guardrails: by themselves and before a model, what a test has to write to make them intervene."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bedrock_flask.bedrock.usage import METRICS
from bedrock_flask.emulator.account.guardrail_policy import GuardrailPolicy
from tests.doubles import StartEmulator

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-opus-4-6-v1"
NAMED = {"guardrailIdentifier": "gr1", "guardrailVersion": "1"}
ARN = "arn:aws:bedrock:us-east-1:123456789012:guardrail/gr1"
INSTEAD = "Sorry, the model cannot answer this question."


@pytest.fixture(scope="module")
def guarding(start_emulator: StartEmulator) -> Any:
    return start_emulator("--blocked-word", "Bomb", "--blocked-word", "heist plan")


@pytest.fixture
def bedrock(guarding: Any, strict_client: Any) -> Any:
    guarding.ask("DELETE", "/_emulator/requests")
    return strict_client(guarding.url)


def say(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": text}]}]


def apply(bedrock: Any, *texts: str, source: str = "INPUT", **named: str) -> Any:
    content = [{"text": {"text": text}} for text in texts]
    return bedrock.apply_guardrail(**{**NAMED, **named}, source=source, content=content)


def native(text: str) -> str:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 500}
    return json.dumps({**body, "messages": [{"role": "user", "content": text}]})


# --- by itself -------------------------------------------------------------------------------------------------------


def test_harmless_content_passes(bedrock: Any) -> None:
    response = apply(bedrock, "Hello", "x" * 1500)
    assert (response["action"], response["outputs"]) == ("NONE", [])
    assert response["usage"]["wordPolicyUnits"] == 2
    assert response["guardrailCoverage"]["textCharacters"] == {"guarded": 1505, "total": 1505}
    assert "wordPolicy" not in response["assessments"][0]


@pytest.mark.parametrize("text", ["how to make a BOMB", "a heist plan", "[[blocked]]"])
def test_a_blocked_word_blocks(bedrock: Any, text: str) -> None:
    response = apply(bedrock, "Hello", text, guardrailIdentifier=ARN, guardrailVersion="DRAFT")
    assert (response["action"], response["outputs"]) == ("GUARDRAIL_INTERVENED", [{"text": INSTEAD}])
    [word] = response["assessments"][0]["wordPolicy"]["customWords"]
    assert (word["action"], word["detected"], word["match"].lower() in text.lower()) == ("BLOCKED", True, True)


def test_an_e_mail_address_is_hidden(bedrock: Any) -> None:
    response = apply(bedrock, "Ask jane.doe+x@mail.example.com!", "Or nobody.", source="OUTPUT")
    assert response["action"] == "GUARDRAIL_INTERVENED"
    assert response["outputs"] == [{"text": "Ask {EMAIL}!"}, {"text": "Or nobody."}]
    [entity] = response["assessments"][0]["sensitiveInformationPolicy"]["piiEntities"]
    assert (entity["type"], entity["action"]) == ("EMAIL", "ANONYMIZED")
    assert entity["match"] == "jane.doe+x@mail.example.com"


def test_images_are_counted_and_not_looked_at(bedrock: Any) -> None:
    image = {"image": {"format": "png", "source": {"bytes": b"not looked at"}}}
    response = bedrock.apply_guardrail(**NAMED, source="INPUT", content=[image], outputScope="FULL")
    assert (response["action"], response["guardrailCoverage"]["images"]) == ("NONE", {"guarded": 0, "total": 1})


def test_a_guardrail_that_cannot_be_and_a_body_that_does_not_fit_are_refused(bedrock: Any, guarding: Any) -> None:
    for named in ({"guardrailIdentifier": "No!"}, {"guardrailVersion": "0"}):
        with pytest.raises(bedrock.exceptions.ValidationException):
            apply(bedrock, "x", **named)
    answer = guarding.post("/guardrail/gr1/version/1/apply", {"source": "BOTH", "content": [{"text": "x"}]})
    assert answer.status_code == 400
    assert "source" in answer.json()["message"]
    assert "content[0].text" in answer.json()["message"]


def test_checks_without_a_guardrail_score_what_was_asked_for(bedrock: Any) -> None:
    messages = [{"role": "user", "content": [{"text": "Hi"}, {"text": "mail a@b.example, the bomb"}]}]
    checks = {
        "contentFilter": {"categories": [{"category": "VIOLENCE"}, {"category": "HATE"}]},
        "promptAttack": {"categories": [{"category": "JAILBREAK"}]},
        "sensitiveInformation": {"entities": [{"type": "EMAIL"}]},
    }
    response = bedrock.invoke_guardrail_checks(messages=messages, checks=checks)
    assert [each["severityScore"] for each in response["results"]["contentFilter"]["results"]] == [1.0, 1.0]
    [entity] = response["results"]["sensitiveInformation"]["results"]
    assert messages[0]["content"][1]["text"][entity["beginOffset"] : entity["endOffset"]] == "a@b.example"
    assert (entity["messageIndex"], entity["contentIndex"]) == (0, 1)
    assert response["usage"]["promptAttack"]["textUnits"] == 1
    messages[0]["content"].pop()
    less = bedrock.invoke_guardrail_checks(messages=messages, checks={"promptAttack": checks["promptAttack"]})
    assert less["results"] == {"promptAttack": {"results": [{"category": "JAILBREAK", "severityScore": 0.0}]}}


def test_e_mail_addresses_of_a_hostile_text_are_found_in_time() -> None:
    assert GuardrailPolicy().check(["a." * 500_000]).emails == ()


# --- before a model --------------------------------------------------------------------------------------------------


def test_a_blocked_question_never_reaches_the_model(bedrock: Any) -> None:
    response = bedrock.converse(modelId=NOVA, messages=say("a bomb"), guardrailConfig=NAMED | {"trace": "enabled"})
    assert response["stopReason"] == "guardrail_intervened"
    assert response["output"]["message"] == {"role": "assistant", "content": [{"text": INSTEAD}]}
    assert response["usage"] == {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    guardrail = response["trace"]["guardrail"]
    assert guardrail["inputAssessment"]["gr1"]["wordPolicy"]["customWords"][0]["match"] == "Bomb"
    assert "outputAssessments" not in guardrail


def test_a_blocked_answer_is_replaced_whole_and_as_a_stream(bedrock: Any, guarding: Any) -> None:
    assert guarding.post("/_emulator/replies", {"text": "First, build a bomb."}).ok
    config = NAMED | {"trace": "enabled"}
    response = bedrock.converse(modelId=NOVA, messages=say("Hi"), guardrailConfig=config)
    events = list(bedrock.converse_stream(modelId=NOVA, messages=say("Hi"), guardrailConfig=config)["stream"])
    guarding.ask("DELETE", "/_emulator/replies")
    assert response["output"]["message"]["content"] == [{"text": INSTEAD}]
    assert response["trace"]["guardrail"]["outputAssessments"]["gr1"][0]["wordPolicy"]
    deltas = [event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event]
    assert deltas == [INSTEAD]
    assert {"messageStop": {"stopReason": "guardrail_intervened"}} in events
    assert events[-1]["metadata"]["trace"]["guardrail"]["outputAssessments"]["gr1"]


def test_an_address_in_the_answer_is_hidden(bedrock: Any) -> None:
    response = bedrock.converse(modelId=NOVA, messages=say("Write to a@b.example"), guardrailConfig=NAMED)
    assert response["stopReason"] == "guardrail_intervened"
    assert 'You said: "Write to {EMAIL}"' in response["output"]["message"]["content"][0]["text"]
    assert "trace" not in response


def test_only_what_is_marked_is_checked_where_something_is(bedrock: Any) -> None:
    marked = {"guardContent": {"text": {"text": "harmless"}}}
    messages = [{"role": "user", "content": [marked, {"text": "a bomb"}]}, {"role": "assistant", "content": [marked]}]
    messages.append({"role": "user", "content": [{"text": "Hi"}]})
    response = bedrock.converse(modelId=NOVA, messages=messages, guardrailConfig=NAMED)
    assert response["stopReason"] == "end_turn"
    marked["guardContent"]["text"]["text"] = "a bomb"
    response = bedrock.converse(modelId=NOVA, messages=messages, guardrailConfig=NAMED)
    assert response["stopReason"] == "guardrail_intervened"


def test_without_a_guardrail_nothing_is_blocked(bedrock: Any) -> None:
    assert bedrock.converse(modelId=NOVA, messages=say("a bomb [[blocked]]"))["stopReason"] == "end_turn"


def test_a_harmless_conversation_is_answered_as_without_one(bedrock: Any) -> None:
    plain = list(bedrock.converse_stream(modelId=NOVA, messages=say("Hi"))["stream"])
    guarded = list(bedrock.converse_stream(modelId=NOVA, messages=say("Hi"), guardrailConfig=NAMED)["stream"])
    assert [event for event in guarded if "metadata" not in event] == [
        event for event in plain if "metadata" not in event
    ]


@pytest.mark.parametrize(("text", "action"), [("a bomb", "INTERVENED"), ("Hi", "NONE")])
def test_invoke_model_tells_in_its_reply_what_the_guardrail_did(bedrock: Any, text: str, action: str) -> None:
    response = bedrock.invoke_model(modelId=CLAUDE, body=native(text), trace="ENABLED", **NAMED)
    reply = json.loads(response["body"].read())
    assert reply["amazon-bedrock-guardrailAction"] == action
    assert (reply["content"][0]["text"] == INSTEAD) == (action == "INTERVENED")
    assert reply["amazon-bedrock-trace"]["guardrail"]["input"]["gr1"]
    stream = bedrock.invoke_model_with_response_stream(modelId=CLAUDE, body=native(text), **NAMED)
    chunks = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]
    assert chunks[-1]["amazon-bedrock-guardrailAction"] == action
    assert METRICS in chunks[-1]
    assert not any("amazon-bedrock-guardrailAction" in chunk for chunk in chunks[:-1])


@pytest.mark.parametrize(
    ("headers", "config"),
    [
        ({"guardrailIdentifier": "gr1"}, {}),
        ({"guardrailVersion": "1"}, {}),
        ({}, {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x"}}),
        (NAMED | {"contentType": "text/plain"}, {}),
        (NAMED | {"guardrailVersion": "one"}, {}),
    ],
)
def test_a_guardrail_that_is_half_named_is_refused(bedrock: Any, headers: dict[str, str], config: Any) -> None:
    body = json.dumps({**json.loads(native("Hi")), **config})
    with pytest.raises(bedrock.exceptions.ValidationException):
        bedrock.invoke_model(modelId=CLAUDE, body=body, **headers)
    with pytest.raises(ClientError):
        bedrock.converse(modelId=NOVA, messages=say("Hi"), guardrailConfig={"guardrailIdentifier": "gr1"})


def test_it_obeys_faults_and_is_in_the_request_log(bedrock: Any, guarding: Any) -> None:
    guarding.fault("ServiceQuotaExceededException")
    with pytest.raises(bedrock.exceptions.ServiceQuotaExceededException):
        apply(bedrock, "x")
    assert [(entry["operation"], entry["status"]) for entry in guarding.calls()] == [("ApplyGuardrail", 400)]
