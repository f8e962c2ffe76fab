"""Policies of teams and keys: what they do not allow is refused in each dialect's words, before any call."""

import json
import re
import time
from typing import Any

import pytest

from tests.doubles import Emulator
from tests.governed import Governed, StartGoverned

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"
APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
TURN = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
CONVERSE = f"/model/{NOVA}/converse"
MODELS_FILE = f"""
[models.draft]
id = "{NOVA}"
[models.far]
id = "{NOVA}"
region = "ap-northeast-1"
[models.hidden]
arn = "{APPLICATION}"
adapter = "nova"
[models.placed]
id = "eu.{NOVA}"
arn = "{APPLICATION}"
[models.guarded]
id = "{NOVA}"
policy = {{ guardrail = "gr1:1", metadata = {{ app = "draft" }} }}
"""


@pytest.fixture(scope="module")
def governed(start_with_database: StartGoverned, tmp_path_factory: pytest.TempPathFactory) -> Governed:
    file = tmp_path_factory.mktemp("policies") / "models.toml"
    file.write_text(MODELS_FILE)
    return start_with_database(
        BEDROCK_FLASK_WORKERS="1",
        BEDROCK_FLASK_REGION="us-east-1",
        BEDROCK_FLASK_REGIONS="eu-west-1",
        BEDROCK_FLASK_MODELS_FILE=str(file),
    )


def converse(governed: Governed, key: str, model: str) -> Any:
    return governed.send_with(key, f"/model/{model}/converse", TURN)


@pytest.mark.parametrize(
    ("policy", "allowed", "refused"),
    [
        # By an id that is called, by the model's own id, by an alias, by an adapter.
        ({"models": ["amazon.*"]}, [NOVA, f"us.{NOVA}", "nova", "draft", ARN], [CLAUDE, "claude"]),
        ({"models": ["draft"]}, ["draft"], [NOVA, "nova", "placed"]),
        ({"models": ["nova"]}, ["nova"], [NOVA, "draft"]),
        ({"models": [f"us.{NOVA}"]}, [f"us.{NOVA}"], [NOVA, f"eu.{NOVA}"]),
        ({"models": []}, [], [NOVA, "draft"]),
        ({"regions": ["us-east-1"]}, [NOVA, "draft"], [ARN, "far"]),
        ({"regions": ["eu-west-1", "ap-northeast-1"]}, [ARN, "far"], [NOVA, "draft"]),
        ({"geographies": ["us"]}, [NOVA, f"us.{NOVA}"], [f"global.{NOVA}", f"eu.{NOVA}", ARN, "hidden", "placed"]),
        ({"geographies": ["eu", "jp"]}, [ARN, f"eu.{NOVA}", "far", "placed"], [NOVA, f"global.{NOVA}", "hidden"]),
        ({"dialects": ["bedrock"]}, [NOVA], []),
        ({"dialects": ["anthropic", "native"]}, [], [NOVA]),
        ({"networks": ["127.0.0.0/8"]}, [NOVA], []),
        ({"networks": ["10.0.0.0/8", "::1"]}, [], [NOVA]),
        ({"a rule of tomorrow": True}, [], [NOVA]),
    ],
)
def test_a_call_satisfies_each_policy_of_its_key_or_is_refused_before_bedrock(
    governed: Governed, emulator: Emulator, policy: dict[str, Any], allowed: list[str], refused: list[str]
) -> None:
    on_key, on_team = governed.create_key_with(policy), governed.create_key_with({}, policy)
    for model in allowed:
        for key in (on_key, on_team):
            assert converse(governed, key, model).status_code != 403, model
    before = len(emulator.calls())
    for model in refused:
        for key, owner in ((on_key, r"key 't\d+/k'"), (on_team, r"team 't\d+'")):
            answer = converse(governed, key, model)
            assert answer.status_code == 403, (model, answer.text)
            assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
            assert answer.json()["code"] == "policy_refused"
            assert re.search(rf"The (policy of the )?{owner} ", answer.json()["message"])
    assert len(emulator.calls()) == before


CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        ("/v1/chat/completions", CHAT, lambda body: body["error"]["message"]),
        ("/v1/responses", {"model": "nova", "input": "Hi"}, lambda body: body["error"]["message"]),
        ("/v1/messages", {**CHAT, "max_tokens": 9}, lambda body: body["error"]["message"]),
        ("/v1/models/nova/invoke", TURN, lambda body: body["detail"]),
        (CONVERSE, TURN, lambda body: body["message"]),
    ],
)
def test_each_dialect_has_its_own_words_for_a_refusal(governed: Governed, path: str, body: Any, read: Any) -> None:
    answer = governed.send_with(governed.create_key_with({"models": ["draft", "claude"]}), path, body)
    assert answer.status_code == 403
    words = read(answer.json())
    assert re.search(r"key 't\d+/k' does not allow .*nova.*: its models are draft, claude\. Who administers", words)


def test_a_stream_is_refused_before_it_begins(governed: Governed, emulator: Emulator) -> None:
    before = len(emulator.calls())
    key = governed.create_key_with({"models": []})
    for path, body in ((f"{CONVERSE}-stream", TURN), ("/v1/chat/completions", {**CHAT, "stream": True})):
        assert governed.send_with(key, path, body).status_code == 403, path
    assert len(emulator.calls()) == before


def test_models_that_a_key_may_not_call_are_not_listed_for_it(governed: Governed) -> None:
    key = governed.create_key_with({"models": ["amazon.nova-lite*", "claude"], "geographies": ["us"], "dialects": []})
    listed = governed.send_with(key, "/v1/models", method="GET").json()
    assert {"nova", "draft", "guarded", "claude"} >= {model["id"] for model in listed["data"] if "." not in model["id"]}
    ids = {model["model"] for model in listed["data"]}
    assert NOVA in ids
    assert all("nova-lite" in each or "claude" in each for each in ids), ids
    everything = governed.send_with(governed.create_key_with({}), "/v1/models", method="GET").json()
    assert len(everything["data"]) > len(listed["data"])
    assert governed.send_with(key, "/v1/models/draft", method="GET").status_code == 200
    assert governed.send_with(key, "/v1/models/far", method="GET").status_code == 403


def test_the_lists_of_aws_have_only_what_the_key_may_call_too(governed: Governed) -> None:
    key = governed.create_key_with({"models": ["amazon.nova-lite*", "placed"], "geographies": ["us", "eu"]})
    models = governed.send_with(key, "/foundation-models", method="GET").json()["modelSummaries"]
    assert {model["modelId"] for model in models} >= {NOVA, "draft", "placed"}
    assert all("nova-lite" in model["modelId"] or "." not in model["modelId"] for model in models), models
    assert not {"far", "hidden"} & {model["modelId"] for model in models}
    own, aws = (
        governed.send_with(key, f"/inference-profiles?type={kind}", method="GET").json()["inferenceProfileSummaries"]
        for kind in ("APPLICATION", "SYSTEM_DEFINED")
    )
    assert [profile["inferenceProfileName"] for profile in own] == ["placed"]
    assert {profile["inferenceProfileId"] for profile in aws} >= {f"us.{NOVA}", f"eu.{NOVA}"}
    assert all(profile["inferenceProfileId"][:3] in ("us.", "eu.") for profile in aws)


def test_a_suffix_of_an_alias_does_not_hide_its_name(governed: Governed) -> None:
    key = governed.create_key_with({"models": ["claude"]})
    body = {"model": "claude[1m]", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    assert governed.send_with(key, "/v1/messages", body).status_code != 403


def test_a_key_that_is_used_elsewhere_reads_nothing_either(governed: Governed) -> None:
    key = governed.create_key_with({"networks": ["192.0.2.0/24"]})
    for path in ("/v1/models", "/openapi.json", "/foundation-models", "/v1/models/nova/schema"):
        # What a proxy says of its client is not believed.
        answer = governed.send_with(key, path, method="GET", **{"x-forwarded-for": "192.0.2.7"})
        assert answer.status_code == 403, path
        assert "may not be used from 127.0.0.1" in answer.text


def test_a_change_of_a_policy_holds_within_five_seconds(governed: Governed) -> None:
    key = governed.create_key_with({})
    assert converse(governed, key, NOVA).status_code == 200
    teams = governed.change("list_teams")
    team = max(teams, key=lambda team: team.created).id
    governed.change("set_policy", f"team:{team}", {"models": ["claude"]})
    began = time.monotonic()
    while converse(governed, key, NOVA).status_code == 200:
        assert time.monotonic() - began < 5


GUARDED = {"guardrail": "gr1:1"}
BLOCKED = {"messages": [{"role": "user", "content": [{"text": "Say [[blocked]]."}]}]}
ASKED = {"messages": [{"role": "user", "content": "Say [[blocked]]."}]}
REFUSAL = "Sorry, the model cannot answer this question."
AWS_GUARDRAIL = {"x-amzn-bedrock-guardrailidentifier": "gr1", "x-amzn-bedrock-guardrailversion": "1"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CONVERSE, BLOCKED),
        (f"{CONVERSE}-stream", BLOCKED),
        (f"/model/{NOVA}/invoke", BLOCKED),
        ("/v1/models/nova/invoke", BLOCKED),
        ("/v1/chat/completions", {"model": "nova", **ASKED}),
        ("/v1/chat/completions", {"model": "claude", **ASKED, "stream": True}),
        ("/v1/messages", {"model": "claude", "max_tokens": 50, **ASKED}),
        ("/v1/messages", {"model": "nova", "max_tokens": 50, **ASKED}),
        ("/v1/responses", {"model": "nova", "input": "Say [[blocked]]."}),
    ],
)
def test_a_prescribed_guardrail_is_part_of_every_call(governed: Governed, path: str, body: Any) -> None:
    unguarded = governed.send_with(governed.create_key_with({}), path, body)
    assert unguarded.status_code == 200, unguarded.text
    assert REFUSAL not in unguarded.text
    for key in (governed.create_key_with(GUARDED), governed.create_key_with({}, GUARDED)):
        # To name the same is no contradiction.
        for headers in ({}, AWS_GUARDRAIL):
            text = governed.send_with(key, path, body, **headers).content.decode("latin-1")
            # Frames cut the words.
            assert REFUSAL in text or "guardrail_intervened" in text, text


@pytest.mark.parametrize(
    ("policy", "body", "headers"),
    [
        (GUARDED, BLOCKED, {**AWS_GUARDRAIL, "x-amzn-bedrock-guardrailversion": "DRAFT"}),
        (GUARDED, {**BLOCKED, "guardrailConfig": {"guardrailIdentifier": "other", "guardrailVersion": "1"}}, {}),
        # A part that is guarded leaves the others unguarded; an answer that is sent before it is looked at, too.
        (GUARDED, {"messages": [{"role": "user", "content": [{"guardContent": {"text": {"text": "Hi"}}}]}]}, {}),
        ({"tier": "flex"}, BLOCKED, {"x-amzn-bedrock-service-tier": "priority"}),
        ({"tier": "flex"}, {**BLOCKED, "serviceTier": {"type": "priority"}}, {}),
        ({"metadata": {"cost": "7"}}, {**BLOCKED, "requestMetadata": {"cost": "8"}}, {}),
    ],
)
def test_what_contradicts_a_prescription_is_refused_before_bedrock(
    governed: Governed, emulator: Emulator, policy: dict[str, Any], body: Any, headers: dict[str, str]
) -> None:
    before = len(emulator.calls())
    answer = governed.send_with(governed.create_key_with(policy), CONVERSE, body, **headers)
    assert answer.status_code == 403, answer.text
    assert answer.json()["message"].startswith("Policies prescribe ")
    assert len(emulator.calls()) == before


def test_an_answer_is_not_sent_before_the_guardrail_has_seen_it(governed: Governed) -> None:
    own = {"guardrailIdentifier": "gr1", "guardrailVersion": "1", "streamProcessingMode": "async"}
    answer = governed.send_with(
        governed.create_key_with(GUARDED), f"{CONVERSE}-stream", {**BLOCKED, "guardrailConfig": own}
    )
    assert answer.status_code == 403
    assert "streamProcessingMode" in answer.json()["message"]


def test_the_tier_and_metadata_of_all_policies_go_along_and_the_outer_one_wins(
    governed: Governed, emulator: Emulator
) -> None:
    team = {"tier": "flex", "metadata": {"cost": "7", "owner": "acme"}}
    key = governed.create_key_with({"metadata": {"app": "report"}}, team)
    body = {**TURN, "requestMetadata": {"run": "9"}}
    assert governed.send_with(key, CONVERSE, body).status_code == 200
    sent = json.loads(emulator.calls()[-1]["body"])
    assert sent["serviceTier"] == {"type": "flex"}
    assert sent["requestMetadata"] == {"run": "9", "cost": "7", "owner": "acme", "app": "report"}


def test_the_policy_of_an_alias_adds_to_those_of_the_key_and_contradicts_none(
    governed: Governed, emulator: Emulator
) -> None:
    key = governed.create_key_with({"metadata": {"cost": "7"}}, {"guardrail": "gr1:1"})
    assert governed.send_with(key, "/model/guarded/converse", TURN).status_code == 200
    assert json.loads(emulator.calls()[-1]["body"])["requestMetadata"] == {"cost": "7", "app": "draft"}
    before = len(emulator.calls())
    for policy in ({"guardrail": "gr2:1"}, {"metadata": {"app": "other"}}):
        answer = governed.send_with(governed.create_key_with({}, policy), "/model/guarded/converse", TURN)
        assert answer.status_code == 403, answer.text
        assert "and that of the alias 'guarded' something else" in answer.json()["message"]
    assert len(emulator.calls()) == before


def test_a_call_that_cannot_have_what_is_prescribed_is_refused(governed: Governed, emulator: Emulator) -> None:
    job = {
        "modelId": "amazon.nova-reel-v1:1",
        "modelInput": {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "A door"}},
        "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket"}},
    }
    chat = {"model": "xai.grok-4.6", **ASKED}
    before = len(emulator.calls())
    for policy, path, body in (
        (GUARDED, "/async-invoke", job),
        ({"metadata": {"cost": "7"}}, "/v1/chat/completions", chat),
    ):
        answer = governed.send_with(governed.create_key_with(policy), path, body)
        assert answer.status_code == 403, answer.text
        assert "Policies prescribe" in answer.text
    assert len(emulator.calls()) == before


def test_a_fault_of_the_request_s_own_is_named_as_such(governed: Governed) -> None:
    half = {"x-amzn-bedrock-guardrailidentifier": "gr1"}
    answer = governed.send_with(governed.create_key_with({"tier": "flex"}), CONVERSE, TURN, **half)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")


HI = [{"role": "user", "content": "Hi"}]
TITAN = "/v1/models/titan-text/invoke"


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        (CONVERSE, TURN, lambda sent: sent["inferenceConfig"]["maxTokens"]),
        (CONVERSE, TURN | {"inferenceConfig": {"topP": 0.5}}, lambda sent: sent["inferenceConfig"]["maxTokens"]),
        ("/v1/models/nova/invoke", TURN, lambda sent: sent["inferenceConfig"]["maxTokens"]),
        (f"/model/{NOVA}/invoke", TURN, lambda sent: sent["inferenceConfig"]["maxTokens"]),
        ("/v1/chat/completions", {"model": "nova", "messages": HI}, lambda sent: sent["inferenceConfig"]["maxTokens"]),
        (
            "/v1/chat/completions",
            {"model": "claude", "messages": HI},
            lambda sent: sent["inferenceConfig"]["maxTokens"],
        ),
        ("/v1/responses", {"model": "nova", "input": "Hi"}, lambda sent: sent["inferenceConfig"]["maxTokens"]),
        ("/v1/chat/completions", {"model": "xai.grok-4.6", "messages": HI}, lambda sent: sent["max_completion_tokens"]),
        ("/v1/responses", {"model": "xai.grok-4.6", "input": "Hi"}, lambda sent: sent["max_output_tokens"]),
    ],
)
def test_a_request_without_a_limit_gets_that_of_its_policies(
    governed: Governed, emulator: Emulator, path: str, body: Any, read: Any
) -> None:
    key = governed.create_key_with({"most_tokens": 40}, {"most_tokens": 50})
    answer = governed.send_with(key, path, body)
    assert answer.status_code == 200, answer.text
    assert read(json.loads(emulator.calls()[-1]["body"])) == 40


@pytest.mark.parametrize(
    ("path", "body", "most"),
    [
        (CONVERSE, TURN | {"inferenceConfig": {"maxTokens": 41}}, 40),
        (CONVERSE, TURN | {"additionalModelRequestFields": {"inferenceConfig": {"max_new_tokens": 41}}}, 40),
        ("/v1/models/nova/invoke", TURN | {"inferenceConfig": {"max_new_tokens": 41}}, 40),
        ("/v1/chat/completions", {"model": "nova", "messages": HI, "max_tokens": 41}, 40),
        ("/v1/chat/completions", {"model": "xai.grok-4.6", "messages": HI, "max_completion_tokens": 41}, 40),
        ("/v1/messages", {"model": "claude", "messages": HI, "max_tokens": 41}, 40),
        ("/v1/responses", {"model": "nova", "input": "Hi", "max_output_tokens": 41}, 40),
        (TITAN, {"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 41}}, 40),
    ],
)
def test_a_larger_limit_is_refused_and_one_that_fits_passes(
    governed: Governed, emulator: Emulator, path: str, body: Any, most: int
) -> None:
    before = len(emulator.calls())
    refused = governed.send_with(governed.create_key_with({"most_tokens": most}), path, body)
    assert refused.status_code == 403, refused.text
    assert "allows answers of at most 40 tokens" in refused.text
    assert len(emulator.calls()) == before
    assert governed.send_with(governed.create_key_with({"most_tokens": most + 1}), path, body).status_code != 403


@pytest.mark.parametrize(
    "members", [{"inferenceConfig": "x"}, {"inferenceConfig": [1]}, {"inferenceConfig": {"maxTokens": "9"}}]
)
@pytest.mark.parametrize("path", [f"/model/{NOVA}/converse", f"/model/{NOVA}/invoke", "/v1/models/nova/invoke"])
@pytest.mark.parametrize("policy", [{"most_tokens": 40}, {"parameters": {"temperature": 0.5}}])
def test_a_limit_goes_into_no_malformed_body(
    governed: Governed, emulator: Emulator, policy: Any, path: str, members: Any
) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], **members}
    response = governed.send_with(governed.create_key_with(policy), path, body)
    assert response.status_code == 400, response.text
    assert "inferenceConfig" in response.text
    assert emulator.calls() == []


def test_the_limit_is_one_for_all_answers(governed: Governed, emulator: Emulator) -> None:
    key, path = governed.create_key_with({"most_tokens": 41}), "/v1/chat/completions"
    body = {"model": "xai.grok-4.6", "messages": HI, "n": 2}
    refused = governed.send_with(key, path, body | {"max_completion_tokens": 21})
    assert refused.status_code == 403, refused.text
    assert "max_completion_tokens is 21, for each of 2" in refused.text
    assert governed.send_with(key, path, body | {"n": 42}).status_code == 403
    assert governed.send_with(key, path, body).status_code == 200
    assert json.loads(emulator.calls()[-1]["body"])["max_completion_tokens"] == 20


def test_a_format_in_which_no_limit_can_be_put_needs_the_caller_s(governed: Governed) -> None:
    key = governed.create_key_with({"most_tokens": 40})
    refused = governed.send_with(key, TITAN, {"inputText": "Hi"})
    assert refused.status_code == 403
    assert "names no limit" in refused.text
    named = {"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 40}}
    assert governed.send_with(key, TITAN, named).status_code == 200


COOL = {"parameters": {"temperature": 0.2, "topP": 0.9}}


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        (CONVERSE, TURN, lambda sent: sent["inferenceConfig"]),
        (CONVERSE, TURN | {"inferenceConfig": {"temperature": 0.2}}, lambda sent: sent["inferenceConfig"]),
        ("/v1/models/nova/invoke", TURN, lambda sent: sent["inferenceConfig"]),
        ("/v1/chat/completions", {"model": "nova", "messages": HI}, lambda sent: sent["inferenceConfig"]),
        ("/v1/responses", {"model": "nova", "input": "Hi"}, lambda sent: sent["inferenceConfig"]),
        (
            "/v1/chat/completions",
            {"model": "openai.gpt-oss-20b-1:0", "messages": HI},
            lambda sent: sent["inferenceConfig"],
        ),
        ("/v1/responses", {"model": "openai.gpt-oss-20b-1:0", "input": "Hi"}, lambda sent: sent["inferenceConfig"]),
        ("/v1/models/qwen/invoke", {"messages": HI}, lambda sent: sent),
        ("/v1/chat/completions", {"model": "google.gemma-4-31b", "messages": HI}, lambda sent: sent),
    ],
)
def test_prescribed_parameters_are_part_of_every_call(
    governed: Governed, emulator: Emulator, path: str, body: Any, read: Any
) -> None:
    key = governed.create_key_with({"parameters": {"temperature": 0.9}}, COOL)
    answer = governed.send_with(key, path, body)
    assert answer.status_code == 200, answer.text
    sent = read(json.loads(emulator.calls()[-1]["body"]))
    assert (sent["temperature"], sent.get("topP", sent.get("top_p"))) == (0.2, 0.9)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (CONVERSE, TURN | {"inferenceConfig": {"temperature": 0.3}}, "inferenceConfig.temperature is 0.3"),
        (
            CONVERSE,
            TURN | {"additionalModelRequestFields": {"inferenceConfig": {"top_p": 0.8}}},
            "additionalModelRequestFields.inferenceConfig.top_p is 0.8",
        ),
        ("/v1/models/nova/invoke", TURN | {"inferenceConfig": {"top_p": 0.8}}, "inferenceConfig.top_p is 0.8"),
        ("/v1/chat/completions", {"model": "nova", "messages": HI, "temperature": 1}, "temperature is 1"),
        ("/v1/chat/completions", {"model": "nova", "messages": HI, "top_p": 1, "stream": True}, "topP is 1"),
        ("/v1/messages", {"model": "claude-haiku-4-5", "messages": HI, "max_tokens": 9, "temperature": 1}, "is 1"),
        ("/v1/responses", {"model": "openai.gpt-oss-20b-1:0", "input": "Hi", "temperature": 0}, "temperature is 0"),
        (TITAN, {"inputText": "Hi"}, "needs temperature, topP in its own format"),
        (TITAN, {"inputText": "Hi", "textGenerationConfig": {"topP": 0.9, "temperature": 0.1}}, "temperature is 0.1"),
    ],
)
def test_a_request_with_another_parameter_is_refused_by_name(
    governed: Governed, emulator: Emulator, path: str, body: Any, named: str
) -> None:
    before = len(emulator.calls())
    answer = governed.send_with(governed.create_key_with(COOL), path, body)
    assert answer.status_code == 403, answer.text
    assert "Policies prescribe parameters temperature=0.2 (key 't" in answer.text
    assert named in answer.text
    assert len(emulator.calls()) == before


def test_a_format_of_its_own_may_name_the_prescribed_parameters(governed: Governed) -> None:
    config = {"temperature": 0.2, "topP": 0.9}
    answer = governed.send_with(
        governed.create_key_with(COOL), TITAN, {"inputText": "Hi", "textGenerationConfig": config}
    )
    assert answer.status_code == 200, answer.text


def test_a_model_without_parameters_is_refused_and_one_that_writes_no_text_has_none(governed: Governed) -> None:
    key = governed.create_key_with(COOL)
    refused = governed.send_with(key, "/v1/messages", {"model": "claude-opus-4-7", "max_tokens": 9, "messages": HI})
    assert refused.status_code == 403, refused.text
    assert "takes none of the parameters" in refused.text
    embedding = governed.send_with(key, "/v1/embeddings", {"model": "titan-embed", "input": "Hi"})
    assert embedding.status_code == 200, embedding.text


PEGASUS = {"inputPrompt": "What is this?", "mediaSource": {"s3Location": {"uri": "s3://bucket/v.mp4"}}}
INVOKE, JOBS = "/v1/models/pegasus-1-5/invoke", "/v1/models/pegasus-1-5/jobs"


@pytest.mark.parametrize("path", [INVOKE, JOBS, "/async-invoke"])
@pytest.mark.parametrize(
    ("policy", "named", "words"),
    [
        ({"most_tokens": 40}, {"maxOutputTokens": 41}, "maxOutputTokens is 41"),
        ({"most_tokens": 40}, {}, "this body names no limit"),
        ({"most_tokens": 40}, {"maxOutputTokens": 40}, ""),
        ({"parameters": {"temperature": 0.2}}, {"temperature": 0.3}, "temperature is 0.3"),
        ({"parameters": {"temperature": 0.2}}, {}, "needs temperature in its own format"),
        ({"parameters": {"temperature": 0.2}}, {"temperature": 0.2}, ""),
    ],
)
def test_jobs_that_write_text_are_bound_too(
    governed: Governed, path: str, policy: dict[str, Any], named: dict[str, Any], words: str
) -> None:
    own, place = {**PEGASUS, **named}, "s3://bucket/prefix"
    bodies = {
        INVOKE: own,
        JOBS: {"input": own, "output": {"s3_uri": place}},
        "/async-invoke": {
            "modelId": "pegasus-1-5",
            "modelInput": own,
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": place}},
        },
    }
    answer = governed.send_with(governed.create_key_with(policy), path, bodies[path])
    assert (answer.status_code == 403) is bool(words), answer.text
    assert words in answer.text


def test_models_that_write_no_text_and_counts_have_no_limit(governed: Governed) -> None:
    key = governed.create_key_with({"most_tokens": 1})
    embedding = governed.send_with(key, "/v1/embeddings", {"model": "titan-embed", "input": "Hi"})
    assert embedding.status_code == 200, embedding.text
    counted = governed.send_with(key, "/v1/messages/count_tokens", {"model": "claude", "messages": HI})
    assert counted.status_code == 200, counted.text


def test_a_key_that_is_used_elsewhere_sees_no_detail_of_the_gateway_s_health(governed: Governed) -> None:
    # Without details a fault of the models file is true or false, and else its words.
    elsewhere, here = governed.create_key_with({"networks": ["192.0.2.0/24"]}), governed.create_key_with({})
    reports = [
        governed.send_with(key, "/readyz?verbose", method="GET").json()["models_file"] for key in (elsewhere, here)
    ]
    assert [type(report["problem"]) for report in reports] == [bool, str]
