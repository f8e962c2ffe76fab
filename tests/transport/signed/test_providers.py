"""What each of botocore's providers finds, through the network, files and processes; and a bearer token before them."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import botocore.credentials
import botocore.tokens
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import NoAuthTokenError
from botocore.session import Session

from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import CredentialsError
from bedrock_flask.transport.signed import credentials
from bedrock_flask.transport.signed.credentials import AUTH_SCHEMES, Bearer, Credentials, Frozen, make_credentials
from bedrock_flask.transport.signed.endpoints import find_endpoint
from bedrock_flask.transport.signed.sessions import SIGNING_NAME
from bedrock_flask.transport.signed.signing import sign

# Later than any renewal that botocore would begin.
EXPIRY = (datetime.now(UTC) + timedelta(hours=5)).replace(microsecond=0)
EXPIRATION = f"{EXPIRY:%Y-%m-%dT%H:%M:%SZ}"
KEYS = {"AccessKeyId": "ASIA", "SecretAccessKey": "secret", "Token": "token", "Expiration": EXPIRATION}
FOUND = Frozen("ASIA", "secret", "token")
STS = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>
<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>
<Expiration>{1}</Expiration></Credentials></{0}Result></{0}Response>"""


class Aws(BaseHTTPRequestHandler):
    """STS, IAM Identity Center, the metadata of an instance and of a container, as far as credentials go."""

    def do_PUT(self) -> None:
        self._answer("metadata-token")

    def do_GET(self) -> None:
        if self.path.startswith("/federation/credentials"):
            keys = {"accessKeyId": "ASIA", "secretAccessKey": "secret", "sessionToken": "token"}
            self._answer(json.dumps({"roleCredentials": {**keys, "expiration": int(EXPIRY.timestamp() * 1000)}}))
        elif self.path.endswith("/security-credentials/"):
            self._answer("role")
        else:
            self._answer(json.dumps({**KEYS, "Code": "Success"}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        action = "AssumeRoleWithWebIdentity" if "WebIdentity" in body else "AssumeRole"
        self._answer(STS.format(action, EXPIRATION))

    def _answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


PROCESS = f"credential_process = {sys.executable} -c 'import sys; print(sys.argv[1])'"
SSO_SESSION = """sso_session = s
[sso-session s]
sso_region = us-east-1
sso_start_url = https://x/start"""
BASE = """[profile base]
aws_access_key_id = a
aws_secret_access_key = b"""
PROCESS_ANSWER = json.dumps(json.dumps({"Version": 1, **KEYS, "SessionToken": "token"}))

# For each provider the default profile, and variables.
PROVIDERS: dict[str, tuple[str, dict[str, str]]] = {
    "env": (
        "",
        {
            "AWS_ACCESS_KEY_ID": "ASIA",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
            "AWS_CREDENTIAL_EXPIRATION": EXPIRATION,
        },
    ),
    "assume-role": (f"role_arn = arn:aws:iam::1:role/r\nsource_profile = base\n{BASE}", {}),
    "assume-role from a container": (
        "role_arn = arn:aws:iam::1:role/r\ncredential_source = EcsContainer",
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{aws}/container"},
    ),
    "web identity": ("role_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = {folder}/token", {}),
    "web identity of the environment": (
        "",
        {"AWS_ROLE_ARN": "arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "{folder}/token"},
    ),
    "container": ("", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{aws}/container"}),
    "instance": ("", {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "{aws}"}),
    "process": (f"{PROCESS} {PROCESS_ANSWER}", {}),
    "sso": (f"sso_account_id = 1\nsso_role_name = r\n{SSO_SESSION}", {}),
}


@pytest.fixture
def configure(environ: pytest.MonkeyPatch, tmp_path: Path, aws: str) -> Callable[..., None]:
    """Write the default profile and set variables; `{aws}` and `{folder}` are filled in."""

    def write(profile: str, variables: dict[str, str]) -> None:
        (tmp_path / "config").write_text("[default]\n" + profile.replace("{folder}", str(tmp_path)) + "\n")
        (tmp_path / "token").write_text("web-identity-token")
        cached = {"accessToken": "sso-token", "expiresAt": EXPIRATION}
        (tmp_path / f"{hashlib.sha1(b's').hexdigest()}.json").write_text(json.dumps(cached))
        for name in ("STS", "SSO"):
            environ.setenv(f"AWS_ENDPOINT_URL_{name}", aws)
        for name, value in variables.items():
            environ.setenv(name, value.replace("{aws}", aws).replace("{folder}", str(tmp_path)))
        environ.setattr(botocore.credentials.SSOProvider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path))
        environ.setattr(botocore.tokens.SSOTokenProvider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path))

    return write


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_is_botocores_and_its_expiry_is_known(configure: Callable[..., None], name: str) -> None:
    configure(*PROVIDERS[name])
    theirs = boto3.session.Session(region_name="us-east-1").get_credentials().get_frozen_credentials()
    found = make_credentials(Settings())
    assert found.current() == Frozen(theirs.access_key, theirs.secret_key, theirs.token) == FOUND
    assert found._held is not None
    assert found._held.expires_at == EXPIRY.timestamp()


def test_other_regions_and_profiles_need_no_configuration_of_their_own(
    configure: Callable[..., None], environ: pytest.MonkeyPatch
) -> None:
    configure(f"region = eu-west-1\n[profile p]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n{BASE}", {})
    environ.setenv("AWS_PROFILE", "p")
    environ.delenv("AWS_REGION")
    assert make_credentials(Settings(region="ap-south-1")).current() == FOUND


def test_keys_of_the_environment_are_used(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("AWS_ACCESS_KEY_ID", "AKID")
    environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert make_credentials(Settings()).current() == Frozen("AKID", "secret")
    environ.setenv("AWS_SESSION_TOKEN", "token")
    assert make_credentials(Settings()).current() == Frozen("AKID", "secret", "token")


def test_no_credentials_are_an_error_and_later_ones_are_found(environ: pytest.MonkeyPatch) -> None:
    found = make_credentials(Settings())
    with pytest.raises(CredentialsError):
        found.current()
    environ.setenv("AWS_ACCESS_KEY_ID", "AKID")
    environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert found.current() == Frozen("AKID", "secret")


def test_refused_keys_are_read_again_and_others_are_kept(environ: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = A\naws_secret_access_key = s\n")
    found = make_credentials(Settings())
    first = found.current()
    file.write_text("[default]\naws_access_key_id = B\naws_secret_access_key = s\n")
    found.forget(Frozen("other", "s"))
    assert found.current() is first
    found.forget(first)
    assert found.current() == Frozen("B", "s")
    found.forget(first)
    assert found.current() == Frozen("B", "s")


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("value", ["canary\nx", "canary ", "canary\N{EURO SIGN}"])
def test_what_no_header_may_hold_is_not_used(
    environ: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    environ.setenv("AWS_ACCESS_KEY_ID", "AKID")
    environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environ.setenv(name, value)
    with pytest.raises(CredentialsError) as failed:
        make_credentials(Settings()).current()
    assert "canary" not in str(failed.value) + caplog.text


@pytest.mark.parametrize("profile", ["absent", "broken"])
def test_a_profile_that_cannot_be_read_is_an_error(environ: pytest.MonkeyPatch, tmp_path: Path, profile: str) -> None:
    (tmp_path / "config").write_text("[profile other]\n" if profile == "absent" else "[profile broken\n")
    environ.setenv("AWS_PROFILE", profile)
    with pytest.raises(CredentialsError):
        make_credentials(Settings()).current()


def test_a_renewal_whose_failure_botocore_hides_is_tried_again_before_the_end() -> None:
    def fail() -> Any:
        raise OSError

    expiry = datetime.now(UTC) + timedelta(minutes=12)
    theirs = RefreshableCredentials("A", "s", "t", expiry, fail, "test")
    left = [720.0]
    found = Credentials(lambda: credentials._Keys(theirs), now=lambda: expiry.timestamp() - left[0])
    assert found.current() == Frozen("A", "s", "t")
    for left[0] in (360, 180, 90):
        held = found._renew()
        assert held.identity == Frozen("A", "s", "t")
        assert held.renew_at == expiry.timestamp() - left[0] / 2


# Bearer tokens.

BEDROCK_KEY, PREFERENCE = "AWS_BEARER_TOKEN_BEDROCK", "AWS_AUTH_SCHEME_PREFERENCE"


@pytest.mark.parametrize(
    ("profile", "variables"),
    [
        ("", {}),
        ("", {BEDROCK_KEY: "api-key"}),
        ("", {BEDROCK_KEY: "api-key", PREFERENCE: "sigv4"}),
        ("", {BEDROCK_KEY: "api-key", PREFERENCE: "httpBearerAuth"}),
        (SSO_SESSION, {}),
        (SSO_SESSION, {PREFERENCE: "httpBearerAuth"}),
        (SSO_SESSION, {PREFERENCE: "sigv4a,httpBearerAuth,sigv4"}),
        (SSO_SESSION, {PREFERENCE: "sigv4,httpBearerAuth"}),
        (SSO_SESSION, {PREFERENCE: "noAuth"}),
        (SSO_SESSION, {PREFERENCE: "strange"}),
        (f"auth_scheme_preference = httpBearerAuth\n{SSO_SESSION}", {}),
        (f"auth_scheme_preference = httpBearerAuth\n{SSO_SESSION}", {BEDROCK_KEY: "api-key"}),
        (f"auth_scheme_preference = httpBearerAuth\n{SSO_SESSION}", {PREFERENCE: "sigv4"}),
        ("auth_scheme_preference = httpBearerAuth", {}),
    ],
)
def test_a_bearer_token_is_preferred_where_botocore_prefers_it(
    configure: Callable[..., None], service_models_read_once: None, profile: str, variables: dict[str, str]
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "secret"}
    configure(profile, {**keys, **variables})
    client = boto3.session.Session(region_name="us-east-1").client("bedrock-runtime")
    theirs: list[str] = []

    def stop(request: Any, **_: Any) -> Any:
        theirs.append(request.headers["Authorization"].decode())
        raise InterruptedError

    client.meta.events.register("before-send.bedrock-runtime.InvokeModel", stop)
    try:
        client.invoke_model(modelId="m", body=b"{}")
    except InterruptedError:
        endpoint = find_endpoint(Settings())
        ours = dict(sign("POST", "/", {}, b"", endpoint, make_credentials(Settings()).current(), 0))["Authorization"]
        assert ours.split("/")[0] == theirs[0].split("/")[0]
    except NoAuthTokenError:
        with pytest.raises(CredentialsError):
            make_credentials(Settings()).current()


def test_the_schemes_of_authentication_are_the_service_models() -> None:
    model = Session().get_service_model("bedrock-runtime")
    assert tuple(model.metadata["auth"]) == AUTH_SCHEMES
    assert model.signing_name == SIGNING_NAME
    assert all(not model.operation_model(name).auth for name in model.operation_names)


def test_an_empty_api_key_is_an_error(configure: Callable[..., None]) -> None:
    configure("", {BEDROCK_KEY: ""})
    with pytest.raises(CredentialsError):
        make_credentials(Settings()).current()


def test_a_token_of_identity_center_has_its_expiry(configure: Callable[..., None]) -> None:
    configure(SSO_SESSION, {PREFERENCE: "httpBearerAuth"})
    found = make_credentials(Settings())
    assert found.current() == Bearer("sso-token")
    assert found._held is not None
    assert found._held.expires_at == EXPIRY.timestamp()


IN_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import pytest, sys
sys.exit(pytest.main(["-q", "-n0", "-p", "no:cacheprovider", "-k", "every_provider", *sys.argv[1:]]))
"""


def test_greenlets_find_what_threads_find() -> None:
    run = subprocess.run(
        [sys.executable, "-c", IN_GREENLETS, __file__], capture_output=True, text=True, timeout=110, check=False
    )
    assert run.returncode == 0, run.stdout
    assert f"{len(PROVIDERS)} passed" in run.stdout


# A slow process.


@pytest.mark.parametrize("worker", ["threads", "gevent"])
def test_a_slow_process_that_mostly_fails_costs_no_call_an_error(
    environ: pytest.MonkeyPatch, tmp_path: Path, worker: str
) -> None:
    program = Path(__file__).with_name("expiry.py")
    run = subprocess.run(
        [sys.executable, program, worker, tmp_path], capture_output=True, text=True, timeout=110, check=False
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == {"seen": ["NEW", "OLD"], "attempts": 4, "went on": 200}
