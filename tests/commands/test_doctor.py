"""`bedrock-flask doctor`: each way in which Bedrock may be out of reach is found and said, and nothing hangs."""

import email.utils
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.diagnostics.model_access import ModelAccess
from bedrock_flask.server.ports import find_free_port

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-x"
THROUGH = [f"arn:aws:bedrock:{region}::foundation-model/{CLAUDE}" for region in ("us-east-1", "us-west-2")]
PROFILE = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{CLAUDE}"
IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/gateway/x</Arn>"
    b"<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)
MODELS = {
    "modelSummaries": [
        {"modelId": NOVA, "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}",
         "inferenceTypesSupported": ["ON_DEMAND"]},
        {"modelId": CLAUDE, "modelArn": THROUGH[0], "inferenceTypesSupported": ["INFERENCE_PROFILE"]},
    ]
}  # fmt: skip
PROFILES = {
    "inferenceProfileSummaries": [
        {"inferenceProfileId": f"us.{CLAUDE}", "inferenceProfileArn": PROFILE, "inferenceProfileName": "x",
         "status": "ACTIVE", "type": "SYSTEM_DEFINED", "models": [{"modelArn": arn} for arn in THROUGH]}
    ]
}  # fmt: skip
MAY = {
    "modelId": NOVA,
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "max_tokens",
    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
}
# As IAM says it.
DENIED = {"message": "User: arn:aws:sts::123456789012:assumed-role/gateway/x is not authorized to perform: it"}


def run(environ: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bedrock_flask", "doctor", *options]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert "Traceback" not in done.stderr
    return done


def examined(environ: dict[str, str], *options: str, code: int) -> dict[str, Any]:
    """What it says as JSON: all, and the findings of each check as (status, what is told, hint)."""
    done = run(environ, "--json", *options)
    assert done.returncode == code, done.stdout + done.stderr
    document = json.loads(done.stdout)
    for finding in document["findings"]:
        row = (finding["status"], finding["told"], finding.get("hint", ""))
        document.setdefault(finding["check"], []).append(row)
    return dict(document)


@pytest.fixture
def towards(plain_environ: dict[str, str]) -> Callable[[str], dict[str, str]]:
    """An environment in which everything of AWS's is at one address."""

    def environ(url: str) -> dict[str, str]:
        services = ("BEDROCK_RUNTIME", "BEDROCK", "STS")
        return plain_environ | {f"AWS_ENDPOINT_URL_{service}": url for service in services}

    return environ


@pytest.fixture
def aws(
    upstream: Any, whole: Callable[..., Any], towards: Callable[[str], dict[str, str]]
) -> Callable[..., dict[str, str]]:
    """An environment whose AWS says who is asking, and then each of these: `aws(MODELS, (DENIED, "403 …", name))`."""

    def scripted(*answers: Any, date: float | None = None) -> dict[str, str]:
        dated = {} if date is None else {"date": email.utils.formatdate(date, usegmt=True)}
        upstream.scripts += [whole(IDENTITY, content_type="text/xml"), whole(b"{}", "404 Not Found", **dated)]
        for answer in answers:
            document, status, name = answer if isinstance(answer, tuple) else (answer, "200 OK", "")
            named = {"x_amzn_errortype": name} if name else {}
            upstream.scripts.append(whole(json.dumps(document).encode(), status, **named))
        return towards(f"http://127.0.0.1:{upstream.port}")

    return scripted


def test_the_emulator_is_found_well_and_really_called(plain_environ: dict[str, str], emulator: Any) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}
    done = run(environ, "--call")
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        "ok    endpoint",
        "ok    clock",
        "ok    calls        nova (amazon.nova-lite-v1:0) answers in us-east-1",
    ):
        assert part in done.stdout
    calls = {call["model"]: call for call in emulator.calls()}
    assert calls[NOVA]["operation"] == "Converse"
    assert json.loads(calls[NOVA]["body"])["inferenceConfig"] == {"maxTokens": 1}
    assert calls["amazon.titan-embed-text-v2:0"]["operation"] == "InvokeModel"


def test_without_being_told_to_it_calls_no_model(plain_environ: dict[str, str], emulator: Any) -> None:
    run(plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url})
    assert [call for call in emulator.calls() if call["operation"] in ("Converse", "InvokeModel")] == []


def test_an_emulators_credentials_are_not_shown_to_aws_itself(plain_environ: dict[str, str], emulator: Any) -> None:
    told = examined(plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}, code=0)
    assert len(told["credentials"]) == 1
    assert told["models"] == [
        (
            "warn",
            "us-east-1: the control plane is not asked, as calls go to this machine",
            "set AWS_ENDPOINT_URL_BEDROCK too",
        )
    ]


def test_a_well_account_says_who_it_is_and_what_it_may_call(aws: Callable[..., dict[str, str]]) -> None:
    told = examined(aws(MODELS, PROFILES, MAY), "--model", "nova", code=0)
    assert told["credentials"][1] == (
        "ok",
        "account 123456789012, arn:aws:sts::123456789012:assumed-role/gateway/x",
        "",
    )
    assert told["models"] == [
        ("ok", "us-east-1 offers models: 2, inference profiles: 1", ""),
        ("ok", "nova (amazon.nova-lite-v1:0) may be called in us-east-1", ""),
    ]
    assert told["missing"] is None


def test_a_model_that_needs_a_profile_is_told_which(aws: Callable[..., dict[str, str]]) -> None:
    told = examined(aws(MODELS, PROFILES), "--model", CLAUDE, code=1)
    [(status, fault, hint)] = told["models"][1:]
    assert (status, hint) == ("FAIL", f"name one: us.{CLAUDE}")
    assert fault == f"{CLAUDE} in us-east-1: it is called through an inference profile only"


def test_a_profile_is_asked_for_the_model_behind_it(aws: Callable[..., dict[str, str]], upstream: Any) -> None:
    not_yet = MAY | {"authorizationStatus": "NOT_AUTHORIZED", "agreementAvailability": {"status": "NOT_AVAILABLE"}}
    told = examined(aws(MODELS, PROFILES, not_yet), "--model", f"us.{CLAUDE}", code=1)
    assert f"/foundation-model-availability/{CLAUDE}" in upstream.requests[-1].decode()
    [(status, fault, hint)] = told["models"][1:]
    assert (status, hint) == ("FAIL", "ask for access to the model in the Bedrock console")
    assert fault.endswith("agreement is NOT_AVAILABLE; authorization is NOT_AUTHORIZED")


def test_a_default_that_nobody_asked_for_only_warns(aws: Callable[..., dict[str, str]]) -> None:
    told = examined(aws(MODELS, PROFILES, MAY), code=0)
    by_model = {fault.split()[0]: status for status, fault, _ in told["models"][1:]}
    assert by_model == {"claude": "warn", "nova": "ok", "titan-embed": "warn"}


def test_an_alias_of_the_models_file_is_asked_for(aws: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text('[models.fast]\nid = "amazon.nova-lit-v1:0"\n')
    told = examined(aws(MODELS, PROFILES, MAY), "--models-file", str(tmp_path / "models.toml"), code=1)
    [(fault, hint)] = [(fault, hint) for status, fault, hint in told["models"] if status == "FAIL"]
    assert fault == "fast (amazon.nova-lit-v1:0) in us-east-1: the region does not offer it"
    assert NOVA in hint


def test_what_may_not_be_read_is_a_warning_with_the_statement(aws: Callable[..., dict[str, str]]) -> None:
    told = examined(aws((DENIED, "403 Forbidden", "AccessDeniedException")), code=0)
    assert told["models"][0][0] == "warn"
    assert told["missing"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles"],
            "Resource": ["*"],
        }
    ]


def test_a_denied_call_ends_in_the_policy_that_is_missing(aws: Callable[..., dict[str, str]]) -> None:
    denied = (DENIED, "403 Forbidden", "AccessDeniedException")
    done = run(aws(MODELS, PROFILES, MAY, denied), "--model", f"us.{CLAUDE}", "--call")
    assert done.returncode == 1
    assert "FAIL  calls        us.anthropic.claude-x in us-east-1: AccessDeniedException" in done.stdout
    _, _, text = done.stdout.partition("The IAM policy that is missing:")
    assert json.loads(text) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
                "Resource": [PROFILE, *THROUGH],
            }
        ],
    }


def test_a_policy_that_denies_explicitly_is_not_answered_with_another_that_allows(
    aws: Callable[..., dict[str, str]],
) -> None:
    denied = ({"message": f"{DENIED['message']} with an explicit deny"}, "403 Forbidden", "AccessDeniedException")
    told = examined(aws(MODELS, PROFILES, MAY, denied), "--model", "nova", "--call", code=1)
    assert "denies it" in told["calls"][0][2]
    assert told["missing"] is None


@pytest.mark.parametrize(
    ("name", "status", "hint"),
    [
        ("ExpiredTokenException", "403 Forbidden", "log in again"),
        ("UnrecognizedClientException", "403 Forbidden", "no such access key"),
        ("InvalidSignatureException", "403 Forbidden", "the clock is wrong"),
        ("ThrottlingException", "429 Too Many Requests", "quota"),
        ("ResourceNotFoundException", "404 Not Found", "mistyped"),
    ],
)
def test_a_refused_call_is_told_by_its_name(
    aws: Callable[..., dict[str, str]], name: str, status: str, hint: str
) -> None:
    told = examined(aws(MODELS, PROFILES, MAY, ({"message": "no"}, status, name)), "--model", "nova", "--call", code=1)
    [(state, fault, advice)] = told["calls"]
    assert state == "FAIL"
    assert name in fault
    assert hint in advice


def test_credentials_that_sts_refuses_are_a_failure(
    upstream: Any, whole: Callable[..., Any], towards: Callable[[str], dict[str, str]]
) -> None:
    refusal = b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>gone</Message></Error></ErrorResponse>"
    upstream.scripts = [whole(refusal, "403 Forbidden", content_type="text/xml")]
    upstream.scripts += [whole(b"{}", "404 Not Found"), whole(b"{}", "403 Forbidden")]
    told = examined(towards(f"http://127.0.0.1:{upstream.port}"), "--model", "nova", code=1)
    assert told["credentials"][1][:2] == ("FAIL", "STS refuses them: ExpiredToken")


@pytest.mark.parametrize(("off", "status"), [(0, "ok"), (120, "warn"), (-120, "warn"), (900, "FAIL"), (-900, "FAIL")])
def test_the_clock_is_held_against_bedrocks(aws: Callable[..., dict[str, str]], off: int, status: str) -> None:
    environ = aws(MODELS, PROFILES, MAY, date=time.time() + off)
    told = examined(environ, "--model", "nova", code=1 if status == "FAIL" else 0)
    assert told["clock"][0][0] == status
    if off:
        assert ("behind" if off > 0 else "ahead of") in told["clock"][0][1]


def test_a_closed_port_is_said(towards: Callable[[str], dict[str, str]]) -> None:
    told = examined(towards(f"http://127.0.0.1:{find_free_port()}"), code=1)
    assert told["endpoint"][0][0] == "FAIL"
    assert told["endpoint"][0][1].endswith("Nothing accepts a connection there.")
    assert told["models"] == [("warn", "not looked at, for want of an endpoint that answers", "")]


def test_a_name_that_no_dns_knows_is_said(plain_environ: dict[str, str]) -> None:
    here = f"http://127.0.0.1:{find_free_port()}"
    environ = plain_environ | {"AWS_ENDPOINT_URL_STS": here, "AWS_ENDPOINT_URL_BEDROCK": here}
    told = examined(environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://x.invalid"}, code=1)
    assert told["endpoint"][0][:2] == ("FAIL", "https://x.invalid: The host's name is not known (DNS).")


def test_a_server_without_trusted_tls_is_said(towards: Callable[[str], dict[str, str]], emulator: Any) -> None:
    told = examined(towards(emulator.url.replace("http:", "https:")), code=1)
    assert told["endpoint"][0][1].endswith("No trusted TLS connection could be made.")


def test_a_server_that_never_answers_is_given_up(towards: Callable[[str], dict[str, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = examined(towards(f"http://127.0.0.1:{silent.getsockname()[1]}"), "--timeout", "0.5", code=1)
    assert told["endpoint"][0][1].endswith("Nothing was answered in time.")


def test_a_proxy_out_of_reach_is_said(plain_environ: dict[str, str]) -> None:
    here = f"http://127.0.0.1:{find_free_port()}"
    environ = plain_environ | {
        "AWS_ENDPOINT_URL_STS": here,
        "AWS_ENDPOINT_URL_BEDROCK": here,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://bedrock.example",
        "HTTPS_PROXY": here.replace("//", "//canary:canary@"),
        "NO_PROXY": "127.0.0.1",
    }
    told = examined(environ, code=1)
    assert told["endpoint"][0][1] == "https://bedrock.example: The proxy cannot be reached."
    assert "canary" not in json.dumps(told)


def test_a_helper_program_that_never_ends_is_given_up(
    towards: Callable[[str], dict[str, str]], tmp_path: Path, emulator: Any
) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 30\n")
    environ = towards(emulator.url) | {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    environ = {name: value for name, value in environ.items() if "KEY" not in name}
    told = examined(environ, "--timeout", "0.5", code=1)
    assert told["credentials"][0][0] == "FAIL"
    assert "given up" in told["credentials"][0][1]


def test_no_credentials_at_all_are_said(plain_environ: dict[str, str], emulator: Any) -> None:
    environ = {name: value for name, value in plain_environ.items() if not name.endswith("KEY")}
    environ = {name: value for name, value in environ.items() if name != "AWS_ACCESS_KEY_ID"}
    told = examined(environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}, code=1)
    assert told["credentials"][0][:2] == ("FAIL", "botocore finds no AWS credentials")


def test_a_bearer_token_needs_https(plain_environ: dict[str, str], emulator: Any) -> None:
    environ = plain_environ | {"AWS_BEARER_TOKEN_BEDROCK": "canary"}
    told = examined(environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}, "--model", "nova", "--call", code=1)
    assert told["credentials"][0][0] == "FAIL"
    assert "needs https" in told["credentials"][0][1]
    assert "canary" not in json.dumps(told)


@pytest.mark.parametrize(
    ("told", "check", "fault"),
    [
        ({"BEDROCK_FLASK_PORT": "x"}, "settings", "BEDROCK_FLASK_PORT: Not a valid integer."),
        ({"BEDROCK_FLASK_HOST": "0.0.0.0"}, "settings", "BEDROCK_FLASK_API_KEYS"),
        ({"AWS_REGION": ""}, "region", "no AWS region is set"),
        ({"AWS_PROFILE": "nope"}, "region", "profile (nope)"),
    ],
)
def test_the_gateways_own_settings_come_first(
    plain_environ: dict[str, str], emulator: Any, told: dict[str, str], check: str, fault: str
) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url} | told
    found = examined(environ, code=1)
    assert found[check][0][0] == "FAIL"
    assert fault in found[check][0][1]


def test_a_broken_plugin_and_a_broken_models_file_are_told(
    plain_environ: dict[str, str], emulator: Any, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "models.toml").write_text("[model.x]")
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}
    options = ("--plugins-dir", str(tmp_path), "--models-file", str(tmp_path / "models.toml"))
    told = examined(environ, *options, code=1)
    assert "ZeroDivisionError" in told["plugins"][0][1]
    assert "'model' is not known" in told["models file"][0][1]


def test_a_model_that_nobody_knows_is_told_its_nearest(plain_environ: dict[str, str], emulator: Any) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}
    told = examined(environ, "--model", "nowa", code=1)
    assert told["models file"][1][:2] == ("FAIL", "'nowa' is no alias, no adapter and no Bedrock id. Nearest: nova.")


def test_a_region_that_is_mistyped_is_told_its_nearest(plain_environ: dict[str, str], emulator: Any) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url, "AWS_REGION": "us-esat-1"}
    told = examined(environ, code=0)
    assert told["region"][0][0] == "warn"
    assert "us-east-1" in told["region"][0][2]


@pytest.mark.parametrize(
    ("model", "foundation", "problem"),
    [
        (NOVA, NOVA, ""),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}", NOVA, ""),
        (f"us.{CLAUDE}", CLAUDE, ""),
        (PROFILE, CLAUDE, ""),
        ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abc", "", ""),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "", "there is no such inference profile"),
        (CLAUDE, CLAUDE, "it is called through an inference profile only"),
        ("acme.x", "acme.x", "the region does not offer it"),
    ],
)
def test_an_offer_knows_what_a_name_means(model: str, foundation: str, problem: str) -> None:
    offer = ModelAccess(
        {NOVA: ("ON_DEMAND",), CLAUDE: ("INFERENCE_PROFILE",)},
        {f"us.{CLAUDE}": tuple(THROUGH), PROFILE: tuple(THROUGH)},
    )
    assert (offer.foundation(model), offer.problem(model)[0]) == (foundation, problem)


@pytest.mark.parametrize("plane", ["", "/control"])
def test_against_the_emulator_all_is_well(plain_environ: dict[str, str], emulator: Any, plane: str) -> None:
    environ = plain_environ | {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url,
        "AWS_ENDPOINT_URL_BEDROCK": emulator.url + plane,
    }
    told = examined(environ, "--call", "--model", "nova", "--model", "claude", code=0)
    assert {finding["status"] for finding in told["findings"]} <= {"ok", "warn", "skip"}
    called = {call["operation"] for call in emulator.calls()}
    assert {"ListFoundationModels", "ListInferenceProfiles", "Converse"} <= called
