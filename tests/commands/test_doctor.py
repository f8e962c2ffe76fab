"""`bedrock-flask doctor`: every reason why Bedrock cannot be called is found and reported, and nothing hangs."""

import email.utils
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.bedrock.offers import make_offer
from bedrock_flask.config.database import parse_database_url
from bedrock_flask.diagnostics.model_access import find_problem
from bedrock_flask.models.lifecycle import find_today
from bedrock_flask.server.ports import find_free_port
from tests.doubles import Emulator, SendWhole, StartEmulator, Upstream
from tests.governed import change_directory, create_tables

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
Examine = Callable[..., dict[str, Any]]
# IAM's own words.
DENIED = {"message": "User: arn:aws:sts::123456789012:assumed-role/gateway/x is not authorized to perform: it"}


def run_process(environ: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bedrock_flask", "doctor", *options]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert "Traceback" not in done.stderr
    return done


def read_report(done: "subprocess.CompletedProcess[str]", code: int) -> dict[str, Any]:
    """The report of `--json`: all of it, and the findings of each check as (status, message, hint)."""
    assert done.returncode == code, done.stdout + done.stderr
    report = json.loads(done.stdout)
    for finding in report["findings"]:
        row = (finding["status"], finding["message"], finding.get("hint", ""))
        report.setdefault(finding["check"], []).append(row)
    return dict(report)


@pytest.fixture
def examine(run_command: Callable[..., "subprocess.CompletedProcess[str]"]) -> Callable[..., dict[str, Any]]:
    """`examine(environ, "--model", "nova", code=1)`: the report, from this process."""

    def report(environ: dict[str, str], *options: str, code: int) -> dict[str, Any]:
        return read_report(run_command(environ, "doctor", "--json", *options), code)

    return report


@pytest.fixture
def towards(plain_environ: dict[str, str]) -> Callable[[str], dict[str, str]]:
    """An environment in which every AWS endpoint is at one address."""

    def environ(url: str) -> dict[str, str]:
        services = ("BEDROCK_RUNTIME", "BEDROCK", "STS")
        return plain_environ | {f"AWS_ENDPOINT_URL_{service}": url for service in services}

    return environ


@pytest.fixture
def aws(
    upstream: Upstream, whole: SendWhole, towards: Callable[[str], dict[str, str]]
) -> Callable[..., dict[str, str]]:
    """An environment whose AWS identifies the caller, then answers in turn: `aws(MODELS, (DENIED, "403 …", name))`."""

    def scripted(*answers: Any, date: float | None = None) -> dict[str, str]:
        dated = {} if date is None else {"date": email.utils.formatdate(date, usegmt=True)}
        upstream.scripts += [whole(IDENTITY, content_type="text/xml"), whole(b"{}", "404 Not Found", **dated)]
        for answer in answers:
            document, status, name = answer if isinstance(answer, tuple) else (answer, "200 OK", "")
            named = {"x_amzn_errortype": name} if name else {}
            upstream.scripts.append(whole(json.dumps(document).encode(), status, **named))
        return towards(f"http://127.0.0.1:{upstream.port}")

    return scripted


def test_the_emulator_is_found_well_and_really_called(plain_environ: dict[str, str], emulator: Emulator) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}
    done = run_process(environ, "--call")
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


def test_without_being_told_to_it_calls_no_model(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    examine(plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}, code=0)
    assert [call for call in emulator.calls() if call["operation"] in ("Converse", "InvokeModel")] == []


def test_an_emulators_credentials_are_not_shown_to_aws_itself(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    report = examine(plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}, code=0)
    assert len(report["credentials"]) == 1
    assert report["models"] == [
        (
            "warn",
            "us-east-1: control plane skipped, because calls go to this machine",
            "set AWS_ENDPOINT_URL_BEDROCK too",
        )
    ]


def test_a_well_account_says_who_it_is_and_what_it_may_call(
    examine: Examine, aws: Callable[..., dict[str, str]]
) -> None:
    report = examine(aws(MODELS, PROFILES, MAY), "--model", "nova", code=0)
    assert report["credentials"][1] == (
        "ok",
        "account 123456789012, arn:aws:sts::123456789012:assumed-role/gateway/x",
        "",
    )
    assert report["models"] == [
        ("ok", "us-east-1 offers models: 2, inference profiles: 1", ""),
        ("ok", "nova (amazon.nova-lite-v1:0) can be called in us-east-1", ""),
    ]
    assert report["missing"] is None


def test_a_model_that_needs_a_profile_is_told_which(examine: Examine, aws: Callable[..., dict[str, str]]) -> None:
    report = examine(aws(MODELS, PROFILES), "--model", CLAUDE, code=1)
    [(status, fault, hint)] = report["models"][-1:]
    assert (status, hint) == ("FAIL", f"use one of: us.{CLAUDE}")
    assert fault == f"{CLAUDE} in us-east-1: it can only be called through an inference profile"


def test_a_profile_is_asked_for_the_model_behind_it(
    examine: Examine, aws: Callable[..., dict[str, str]], upstream: Upstream
) -> None:
    not_yet = MAY | {"authorizationStatus": "NOT_AUTHORIZED", "agreementAvailability": {"status": "NOT_AVAILABLE"}}
    report = examine(aws(MODELS, PROFILES, not_yet), "--model", f"us.{CLAUDE}", code=1)
    assert f"/foundation-model-availability/{CLAUDE}" in upstream.requests[-1].decode()
    [(status, fault, hint)] = report["models"][1:]
    assert (status, hint) == ("FAIL", "request access to the model in the Bedrock console")
    assert fault.endswith("agreement is NOT_AVAILABLE; authorization is NOT_AUTHORIZED")


def test_a_default_that_nobody_asked_for_only_warns(examine: Examine, aws: Callable[..., dict[str, str]]) -> None:
    report = examine(aws(MODELS, PROFILES, MAY), code=0)
    by_model = {fault.split()[0]: status for status, fault, _ in report["models"][1:]}
    # Of forty families those that most accounts call.
    assert by_model == {"claude": "warn", "nova": "ok", "titan-embed": "warn"}


def test_a_model_that_is_near_its_end_is_a_warning(
    examine: Examine, aws: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    ends_on = find_today() + timedelta(days=30)
    lifecycle = {"status": "LEGACY", "legacyTime": "2026-01-31T00:00:00Z", "endOfLifeTime": f"{ends_on}T00:00:00Z"}
    models = {"modelSummaries": [{**MODELS["modelSummaries"][0], "modelLifecycle": lifecycle}]}
    (tmp_path / "models.toml").write_text(f'[models.fast]\nid = "{NOVA}"\n')
    report = examine(aws(models, PROFILES, MAY, MAY), "--models-file", str(tmp_path / "models.toml"), code=0)
    [(message, hint)] = [
        (message, hint) for _, message, hint in report["models"] if message.startswith("fast") and "legacy" in message
    ]
    assert message == f"fast ({NOVA}) is legacy since 2026-01-31 and ends on {ends_on}"
    assert "`successor`" in hint


def test_an_alias_whose_successor_is_called_says_so(
    examine: Examine, aws: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    text = f'[models.fast]\nid = "{CLAUDE}"\nsuccessor = "{NOVA}"\nsuccessor_from = 2026-01-01\n'
    (tmp_path / "models.toml").write_text(text)
    options = ("--models-file", str(tmp_path / "models.toml"), "--model", "fast")
    report = examine(aws(MODELS, PROFILES, MAY), *options, code=0)
    assert ("warn", f"fast no longer calls {CLAUDE}, but its successor {NOVA}", "") in report["models"]


IMAGES = """
from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl


class Body(Schema):
    prompt = fields.String(required=True, description="What to show.")


@hookimpl
def register_adapters(register):
    for name, output, surfaces in (("easel", "image", ()), ("reel", "video", ("async-invoke",))):
        register(
            Adapter(
                name=name,
                body=Body,
                speaks={name: "InvokeModel"},
                models={f"acme.{name}-*": Capabilities(output=output, streaming=False, surfaces=surfaces)},
                sample={"prompt": "the sea"},
                reply={"images": []},
            )
        )
"""


def test_what_is_dear_or_asynchronous_is_not_called(
    examine: Examine, plain_environ: dict[str, str], start_emulator: StartEmulator, tmp_path: Path
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/easel.py").write_text(IMAGES)
    (tmp_path / "models.toml").write_text(
        '[models.draw]\nid = "acme.easel-v1:0"\n[models.film]\nid = "acme.reel-v1:0"\n'
    )
    emulator = start_emulator(plugins_dir=tmp_path / "plugins")
    environ = plain_environ | {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url,
        "BEDROCK_FLASK_PLUGINS_DIR": str(tmp_path / "plugins"),
    }
    report = examine(environ, "--call", "--models-file", str(tmp_path / "models.toml"), code=0)
    messages = [message for _, message, _ in report["calls"]]
    [drawn] = [message for message in messages if message.startswith("draw (acme.easel-v1:0) is not called")]
    assert drawn.endswith("--model draw calls it")
    assert "film (acme.reel-v1:0) is not called: it answers asynchronously" in messages
    assert not {"acme.easel-v1:0", "acme.reel-v1:0"} & {call["model"] for call in emulator.calls()}
    examine(environ, "--call", "--model", "acme.easel-v1:0", "--model", "acme.reel-v1:0", code=0)
    called = [call["model"] for call in emulator.calls() if call["operation"] == "InvokeModel"]
    assert "acme.easel-v1:0" in called
    assert "acme.reel-v1:0" not in called


def test_an_alias_of_the_models_file_is_asked_for(
    examine: Examine, aws: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "models.toml").write_text('[models.fast]\nid = "amazon.nova-lit-v1:0"\n')
    report = examine(aws(MODELS, PROFILES, MAY), "--models-file", str(tmp_path / "models.toml"), code=1)
    [(fault, hint)] = [(fault, hint) for status, fault, hint in report["models"] if status == "FAIL"]
    assert fault == "fast (amazon.nova-lit-v1:0) in us-east-1: it is not offered in this region"
    assert NOVA in hint


def test_what_may_not_be_read_is_a_warning_with_the_statement(
    examine: Examine, aws: Callable[..., dict[str, str]]
) -> None:
    report = examine(aws((DENIED, "403 Forbidden", "AccessDeniedException")), code=0)
    assert report["models"][0][0] == "warn"
    assert report["missing"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["bedrock:ListFoundationModels", "bedrock:ListInferenceProfiles"],
            "Resource": ["*"],
        }
    ]


def test_a_denied_call_ends_in_the_policy_that_is_missing(aws: Callable[..., dict[str, str]]) -> None:
    denied = (DENIED, "403 Forbidden", "AccessDeniedException")
    done = run_process(aws(MODELS, PROFILES, MAY, denied), "--model", f"us.{CLAUDE}", "--call")
    assert done.returncode == 1
    assert "FAIL  calls        us.anthropic.claude-x in us-east-1: AccessDeniedException" in done.stdout
    _, _, text = done.stdout.partition("Missing IAM policy:")
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


GEMMA = "google.gemma-4-31b"
MANTLE_PROJECT = "arn:aws:bedrock-mantle:us-east-1:123456789012:project/default"


def test_each_model_is_called_by_the_surface_that_serves_it(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    surfaces = {
        GEMMA: "mantle/openai/chat",
        "openai.gpt-5.6-cyber": "mantle/openai/responses",
        "us.openai.gpt-5.6-sol": "runtime/responses",
    }
    options = [option for model in surfaces for option in ("--model", model)]
    report = examine(plain_environ | emulator.endpoints(), "--call", *options, code=0)
    assert [message for _, message, _ in report["calls"]] == [
        f"{model} answers in us-east-1 by {surface}" for model, surface in surfaces.items()
    ]
    assert [message.partition(" ")[0] for _, message, _ in report["endpoint"]] == [
        *(emulator.url, f"{emulator.url}/bedrock-mantle")
    ]
    assert ("ok", f"{GEMMA} can be called in us-east-1", "") in report["models"]
    calls = {call["model"]: json.loads(call["body"]) for call in emulator.calls() if call["model"] in surfaces}
    limits = [{**body}.get("max_completion_tokens") or body.get("max_output_tokens") for body in calls.values()]
    assert limits == [16, 16, 16]


def test_a_denial_of_bedrock_mantle_ends_in_its_own_actions(
    examine: Examine, aws: Callable[..., dict[str, str]], upstream: Upstream
) -> None:
    denied = ({"error": {"message": "no", "code": "access_denied"}}, "403 Forbidden", "")
    environ = aws({}, MODELS, PROFILES, denied, denied)
    environ["AWS_ENDPOINT_URL_BEDROCK_MANTLE"] = f"http://127.0.0.1:{upstream.port}"
    report = examine(environ, "--model", GEMMA, "--call", code=1)
    assert [status for status, _, _ in report["models"]] == ["ok", "warn", "ok"]
    assert report["missing"]["Statement"] == [
        {"Effect": "Allow", "Action": [action], "Resource": [MANTLE_PROJECT]}
        for action in ("bedrock-mantle:ListModels", "bedrock-mantle:CreateInference")
    ]


def test_an_action_that_a_denial_names_is_the_one_that_is_missing(
    examine: Examine, aws: Callable[..., dict[str, str]], upstream: Upstream
) -> None:
    words = "User: x is not authorized to perform: bedrock-mantle:CallWithBearerToken on resource: y"
    denied = ({"error": {"message": words, "code": "access_denied"}}, "403 Forbidden", "")
    environ = aws({}, MODELS, PROFILES, {"data": [{"id": GEMMA}]}, denied)
    environ["AWS_ENDPOINT_URL_BEDROCK_MANTLE"] = f"http://127.0.0.1:{upstream.port}"
    report = examine(environ, "--model", GEMMA, "--call", code=1)
    assert report["missing"]["Statement"] == [
        {"Effect": "Allow", "Action": ["bedrock-mantle:CallWithBearerToken"], "Resource": ["*"]}
    ]


def test_a_model_that_bedrock_mantle_does_not_list_is_not_offered(
    examine: Examine, aws: Callable[..., dict[str, str]], upstream: Upstream
) -> None:
    environ = aws({}, MODELS, PROFILES, {"data": [{"id": "google.gemma-4-e2b"}]})
    environ["AWS_ENDPOINT_URL_BEDROCK_MANTLE"] = f"http://127.0.0.1:{upstream.port}"
    report = examine(environ, "--model", GEMMA, code=1)
    assert report["models"][-1][:2] == ("FAIL", f"{GEMMA} in us-east-1: it is not offered in this region")


def test_a_model_whose_surfaces_are_not_enabled_is_not_called(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    environ = plain_environ | {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url,
        "BEDROCK_FLASK_SURFACES": "converse,invoke",
    }
    report = examine(environ, "--call", "--model", GEMMA, code=0)
    [(status, message, _)] = report["calls"]
    assert status == "warn"
    assert "which BEDROCK_FLASK_SURFACES does not list" in message


def test_a_policy_that_denies_explicitly_is_not_answered_with_another_that_allows(
    examine: Examine,
    aws: Callable[..., dict[str, str]],
) -> None:
    denied = ({"message": f"{DENIED['message']} with an explicit deny"}, "403 Forbidden", "AccessDeniedException")
    report = examine(aws(MODELS, PROFILES, MAY, denied), "--model", "nova", "--call", code=1)
    assert "denies it, which no other statement can override" in report["calls"][0][2]
    assert report["missing"] is None


@pytest.mark.parametrize(
    ("name", "status", "hint"),
    [
        ("ExpiredTokenException", "403 Forbidden", "log in again"),
        ("UnrecognizedClientException", "403 Forbidden", "the access key does not exist"),
        ("InvalidSignatureException", "403 Forbidden", "the clock is wrong"),
        ("ThrottlingException", "429 Too Many Requests", "quota"),
        ("ResourceNotFoundException", "404 Not Found", "mistyped"),
    ],
)
def test_a_refused_call_is_told_by_its_name(
    examine: Examine, aws: Callable[..., dict[str, str]], name: str, status: str, hint: str
) -> None:
    report = examine(aws(MODELS, PROFILES, MAY, ({"message": "no"}, status, name)), "--model", "nova", "--call", code=1)
    [(state, fault, advice)] = report["calls"]
    assert state == "FAIL"
    assert name in fault
    assert hint in advice


def test_credentials_that_sts_refuses_are_a_failure(
    examine: Examine, upstream: Upstream, whole: SendWhole, towards: Callable[[str], dict[str, str]]
) -> None:
    refusal = b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>gone</Message></Error></ErrorResponse>"
    upstream.scripts = [whole(refusal, "403 Forbidden", content_type="text/xml")]
    upstream.scripts += [whole(b"{}", "404 Not Found"), whole(b"{}", "403 Forbidden")]
    report = examine(towards(f"http://127.0.0.1:{upstream.port}"), "--model", "nova", code=1)
    assert report["credentials"][1][:2] == ("FAIL", "STS refuses them: ExpiredToken")


@pytest.mark.parametrize(("off", "status"), [(0, "ok"), (120, "warn"), (-120, "warn"), (900, "FAIL"), (-900, "FAIL")])
def test_the_clock_is_held_against_bedrocks(
    examine: Examine, aws: Callable[..., dict[str, str]], off: int, status: str
) -> None:
    environ = aws(MODELS, PROFILES, MAY, date=time.time() + off)
    report = examine(environ, "--model", "nova", code=1 if status == "FAIL" else 0)
    assert report["clock"][0][0] == status
    if off:
        assert ("behind" if off > 0 else "ahead of") in report["clock"][0][1]


def test_a_closed_port_is_said(examine: Examine, towards: Callable[[str], dict[str, str]]) -> None:
    report = examine(towards(f"http://127.0.0.1:{find_free_port()}"), code=1)
    assert report["endpoint"][0][0] == "FAIL"
    assert report["endpoint"][0][1].endswith("The connection was refused or the host is unreachable.")
    assert report["models"] == [("warn", "skipped: needs an endpoint that answers", "")]


def test_a_name_that_no_dns_knows_is_said(examine: Examine, plain_environ: dict[str, str]) -> None:
    here = f"http://127.0.0.1:{find_free_port()}"
    environ = plain_environ | {"AWS_ENDPOINT_URL_STS": here, "AWS_ENDPOINT_URL_BEDROCK": here}
    report = examine(environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://x.invalid"}, code=1)
    assert report["endpoint"][0][:2] == ("FAIL", "https://x.invalid: The host name cannot be resolved (DNS).")


def test_a_server_without_trusted_tls_is_said(
    examine: Examine, towards: Callable[[str], dict[str, str]], emulator: Emulator
) -> None:
    report = examine(towards(emulator.url.replace("http:", "https:")), code=1)
    assert report["endpoint"][0][1].endswith("No trusted TLS connection could be established.")


def test_a_server_that_never_answers_is_given_up(examine: Examine, towards: Callable[[str], dict[str, str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        report = examine(towards(f"http://127.0.0.1:{silent.getsockname()[1]}"), "--timeout", "0.5", code=1)
    assert report["endpoint"][0][1].endswith("The endpoint did not answer in time.")


def test_a_proxy_out_of_reach_is_said(plain_environ: dict[str, str]) -> None:
    here = f"http://127.0.0.1:{find_free_port()}"
    environ = plain_environ | {
        "AWS_ENDPOINT_URL_STS": here,
        "AWS_ENDPOINT_URL_BEDROCK": here,
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://bedrock.example",
        "HTTPS_PROXY": here.replace("//", "//canary:canary@"),
        "NO_PROXY": "127.0.0.1",
    }
    report = read_report(run_process(environ, "--json"), code=1)
    assert report["endpoint"][0][1] == "https://bedrock.example: The proxy cannot be reached."
    assert "canary" not in json.dumps(report)


def test_a_helper_program_that_never_ends_is_given_up(
    towards: Callable[[str], dict[str, str]], tmp_path: Path, emulator: Emulator
) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = sleep 30\n")
    environ = towards(emulator.url) | {"AWS_CONFIG_FILE": str(tmp_path / "config")}
    environ = {name: value for name, value in environ.items() if "KEY" not in name}
    report = read_report(run_process(environ, "--json", "--timeout", "0.5"), code=1)
    assert report["credentials"][0][0] == "FAIL"
    assert "given up" in report["credentials"][0][1]


def test_no_credentials_at_all_are_said(examine: Examine, plain_environ: dict[str, str], emulator: Emulator) -> None:
    environ = {name: value for name, value in plain_environ.items() if not name.endswith("KEY")}
    environ = {name: value for name, value in environ.items() if name != "AWS_ACCESS_KEY_ID"}
    report = examine(environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}, code=1)
    assert report["credentials"][0][:2] == ("FAIL", "botocore finds no AWS credentials")


def test_a_bearer_token_needs_https(examine: Examine, plain_environ: dict[str, str], emulator: Emulator) -> None:
    environ = plain_environ | {"AWS_BEARER_TOKEN_BEDROCK": "canary"}
    report = examine(environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}, "--model", "nova", "--call", code=1)
    assert report["credentials"][0][0] == "FAIL"
    assert "needs https" in report["credentials"][0][1]
    assert "canary" not in json.dumps(report)


@pytest.mark.parametrize(
    ("changed", "check", "fault"),
    [
        ({"BEDROCK_FLASK_PORT": "x"}, "settings", "BEDROCK_FLASK_PORT: Not a valid integer."),
        ({"BEDROCK_FLASK_HOST": "0.0.0.0"}, "settings", "BEDROCK_FLASK_API_KEYS"),
        ({"AWS_REGION": ""}, "region", "no AWS region is set"),
        ({"AWS_PROFILE": "nope"}, "region", "profile (nope)"),
    ],
)
def test_the_gateways_own_settings_come_first(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator, changed: dict[str, str], check: str, fault: str
) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url} | changed
    report = examine(environ, code=1)
    assert report[check][0][0] == "FAIL"
    assert fault in report[check][0][1]


def test_a_broken_plugin_and_a_broken_models_file_are_told(
    plain_environ: dict[str, str], emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "models.toml").write_text("[model.x]")
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}
    options = ("--plugins-dir", str(tmp_path), "--models-file", str(tmp_path / "models.toml"))
    report = read_report(run_process(environ, "--json", *options), code=1)
    assert "ZeroDivisionError" in report["plugins"][0][1]
    assert "'model' is not known" in report["models file"][0][1]


def test_a_model_that_nobody_knows_is_told_its_nearest(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url}
    report = examine(environ, "--model", "nowa", code=1)
    assert report["models file"][1][:2] == (
        "FAIL",
        "'nowa' is not an alias, an adapter or a Bedrock id. Nearest: nova.",
    )


def test_a_region_that_is_mistyped_is_told_its_nearest(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator
) -> None:
    environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url, "AWS_REGION": "us-esat-1"}
    report = examine(environ, code=0)
    assert report["region"][0][0] == "warn"
    assert "us-east-1" in report["region"][0][2]


@pytest.mark.parametrize(
    ("model", "foundation", "problem"),
    [
        (NOVA, NOVA, ""),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA}", NOVA, ""),
        (f"us.{CLAUDE}", CLAUDE, ""),
        (PROFILE, CLAUDE, ""),
        ("arn:aws:bedrock:us-east-1:123456789012:imported-model/abc", "", ""),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "", "the inference profile does not exist"),
        (CLAUDE, CLAUDE, "it can only be called through an inference profile"),
        ("acme.x", "acme.x", "it is not offered in this region"),
    ],
)
def test_an_offer_knows_what_a_name_means(model: str, foundation: str, problem: str) -> None:
    offer = make_offer(MODELS, [PROFILES])
    assert (offer.find_foundation_model(model), find_problem(offer, model)[0]) == (foundation, problem)


@pytest.mark.parametrize("plane", ["", "/control"])
def test_against_the_emulator_all_is_well(
    examine: Examine, plain_environ: dict[str, str], emulator: Emulator, plane: str
) -> None:
    environ = plain_environ | {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url,
        "AWS_ENDPOINT_URL_BEDROCK": emulator.url + plane,
    }
    report = examine(environ, "--call", "--model", "nova", "--model", "claude", code=0)
    assert {finding["status"] for finding in report["findings"]} <= {"ok", "warn", "skip"}
    called = {call["operation"] for call in emulator.calls()}
    assert {"ListFoundationModels", "ListInferenceProfiles", "Converse"} <= called


def test_each_role_of_a_team_is_assumed_or_the_missing_statement_is_printed(
    examine: Examine, towards: Callable[[str], dict[str, str]], emulator: Emulator, tmp_path: Path
) -> None:
    own = create_tables(f"sqlite:///{tmp_path}/gateway.db")
    environ = towards(emulator.url) | own
    assert examine(environ, "--model", "nova", code=0)["roles"] == [("ok", "no policy prescribes a role", "")]
    database = parse_database_url(own["BEDROCK_FLASK_DATABASE_URL"])
    role = "arn:aws:iam::210987654321:role/acme"
    change_directory(database, "create_team", "acme")
    change_directory(database, "set_policy", "team:acme", {"role": role})
    report = examine(environ, "--model", "nova", code=0)
    assert report["roles"] == [("ok", f"{role} of the team 'acme' is assumed as doctor@acme", "")]
    emulator.fault("AccessDeniedException", operation="AssumeRole", message="not authorized: sts:TagSession")
    report = examine(environ, "--model", "nova", code=1)
    [(status, message, hint)] = report["roles"]
    assert (status, hint) == ("FAIL", "docs: how-to/split-the-bill")
    assert "cannot be assumed as doctor@acme: STS answers 403 AccessDenied" in message
    assert report["missing"]["Statement"] == [
        {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": [role]}
    ]
