"""Endpoints: for every way to configure one, the endpoint, the region and the name are those of a client of boto3."""

import os
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import CredentialsError
from bedrock_flask.transport.signed.endpoints import find_endpoint

PROFILES = """
[default]
region = eu-central-1

[profile fips]
region = us-east-2
use_fips_endpoint = true

[profile not-fips]
region = us-east-2
use_fips_endpoint = false
use_dualstack_endpoint = false

[profile dual]
region = us-west-2
use_dualstack_endpoint = true

[profile url]
region = us-west-2
endpoint_url = https://everything.example:8443/base/

[profile services]
region = us-west-2
services = local
endpoint_url = https://everything.example

[profile other-services]
region = us-west-2
services = other

[profile no-services]
region = us-west-2
services = absent

[profile ignoring]
region = us-west-2
ignore_configured_endpoint_urls = true
endpoint_url = https://everything.example

[profile bundle]
region = us-west-2
ca_bundle = /etc/profile-bundle.pem

[profile no-region]

[services local]
bedrock_runtime =
  endpoint_url = http://localhost:4566/aws

[services other]
s3 =
  endpoint_url = http://localhost:4566/aws
"""

URL, RUNTIME_URL = "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"
FIPS, DUAL, PROFILE = "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_PROFILE"

CASES: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("us-east-1", {}),
    ("ap-southeast-2", {}),
    ("us-gov-west-1", {}),
    ("us-gov-east-1", {FIPS: "true"}),
    ("cn-north-1", {}),
    ("cn-northwest-1", {FIPS: "true"}),
    ("cn-north-1", {DUAL: "true"}),
    ("us-iso-east-1", {}),
    ("us-iso-east-1", {DUAL: "true"}),
    ("us-isob-east-1", {FIPS: "true"}),
    ("eu-isoe-west-1", {}),
    ("eusc-de-east-1", {}),
    ("xx-invented-9", {}),
    ("fips-us-gov-west-1", {}),
    ("us-east-1-fips", {}),
    ("us-east-1", {FIPS: "true"}),
    ("us-east-1", {FIPS: "false"}),
    ("us-east-1", {FIPS: "TRUE"}),
    ("us-east-1", {DUAL: "true"}),
    ("us-east-1", {DUAL: "true", FIPS: "true"}),
    ("us-gov-west-1", {DUAL: "true", FIPS: "true"}),
    ("", {"AWS_DEFAULT_REGION": "sa-east-1"}),
    ("us-east-1", {"AWS_DEFAULT_REGION": "sa-east-1"}),
    ("", {PROFILE: "fips"}),
    ("eu-west-1", {PROFILE: "fips"}),
    ("", {PROFILE: "fips", FIPS: "false"}),
    ("", {PROFILE: "not-fips"}),
    ("", {PROFILE: "dual"}),
    ("", {"AWS_DEFAULT_PROFILE": "dual"}),
    ("", {PROFILE: "url"}),
    ("", {PROFILE: "url", FIPS: "true", DUAL: "true"}),
    ("", {PROFILE: "services"}),
    ("", {PROFILE: "services", URL: "https://environment.example"}),
    ("", {PROFILE: "services", RUNTIME_URL: "https://environment.example"}),
    ("", {PROFILE: "other-services"}),
    ("", {PROFILE: "ignoring"}),
    ("", {PROFILE: "ignoring", RUNTIME_URL: "https://environment.example"}),
    ("us-east-1", {URL: "https://proxy.example"}),
    ("us-east-1", {URL: "https://proxy.example", RUNTIME_URL: "https://runtime.example"}),
    ("us-east-1", {RUNTIME_URL: "https://vpce-0a1b-2c3d.bedrock-runtime.us-east-1.vpce.amazonaws.com"}),
    ("eu-west-1", {RUNTIME_URL: "https://Runtime.Example:443"}),
    ("eu-west-1", {RUNTIME_URL: "http://127.0.0.1:80/"}),
    ("eu-west-1", {RUNTIME_URL: "http://127.0.0.1:8001/a/b/"}),
    ("eu-west-1", {RUNTIME_URL: "http://[::1]:8001/a"}),
    ("eu-west-1", {RUNTIME_URL: "https://[2001:db8::1]"}),
    ("us-east-1", {RUNTIME_URL: "https://runtime.example", FIPS: "true"}),
    ("us-east-1", {RUNTIME_URL: "https://runtime.example", DUAL: "true"}),
    ("us-east-1", {RUNTIME_URL: "https://runtime.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}),
    ("us-east-1", {RUNTIME_URL: "https://runtime.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}),
    ("us-gov-west-1", {RUNTIME_URL: "https://vpce-1.example"}),
]

REFUSED: list[tuple[str, dict[str, str]]] = [
    ("", {PROFILE: "no-region"}),
    ("", {PROFILE: "absent"}),
    ("", {PROFILE: "no-services"}),
    ("us east 1", {}),
    ("us-east-1/../evil", {}),
    ("evil.example/", {}),
    ("-a", {}),
    ("us-east-1", {RUNTIME_URL: "runtime.example"}),
    ("us-east-1", {RUNTIME_URL: "https://"}),
    ("us-east-1", {RUNTIME_URL: "https://a b.example"}),
    ("us-east-1", {"AWS_CA_BUNDLE": " "}),
]


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment in which botocore finds only these profiles."""
    for name in [name for name in os.environ if name.startswith("AWS_")] + ["REQUESTS_CA_BUNDLE"]:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(PROFILES)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    return monkeypatch


def make_client(region: str) -> Any:
    """A client as the `boto` transport makes it, without a search for credentials."""
    return boto3.session.Session(region_name=region or None).client(
        "bedrock-runtime", aws_access_key_id="a", aws_secret_access_key="b"
    )


def read_request(client: Any) -> Any:
    """The request that the client would send for a model `m`, signed."""
    requests: list[Any] = []

    def stop(request: Any, **_: Any) -> Any:
        requests.append(request)
        raise InterruptedError

    client.meta.events.register("before-send.bedrock-runtime.InvokeModel", stop)
    with pytest.raises(InterruptedError):
        client.invoke_model(modelId="m", body=b"{}")
    return requests[0]


@pytest.mark.parametrize(("region", "variables"), CASES)
def test_an_endpoint_is_boto3s(
    environ: pytest.MonkeyPatch, service_models_read_once: None, region: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    client = make_client(region)
    request = read_request(client)
    found = find_endpoint(Settings(), region)
    # The port that a scheme has anyway is neither sent nor signed.
    url = re.sub(r"^(https://[^/]*):443/|^(http://[^/]*):80/", r"\1\2/", request.url.lower())
    assert f"{found.url}/model/m/invoke" == url
    assert found.region == client.meta.region_name
    scope = f"/{found.signing_region}/{found.signing_service}/aws4_request,"
    assert scope in request.headers["Authorization"].decode()


@pytest.mark.parametrize(("region", "variables"), REFUSED)
def test_what_boto3_refuses_is_an_error_of_the_gateways_settings(
    environ: pytest.MonkeyPatch, service_models_read_once: None, region: str, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    with pytest.raises(Exception):  # noqa: B017, PT011 - any error, whichever it is
        read_request(make_client(region))
    with pytest.raises(CredentialsError):
        find_endpoint(Settings(), region)


def test_the_region_is_the_calls_or_the_settings_or_the_environments(environ: pytest.MonkeyPatch) -> None:
    assert find_endpoint(Settings()).region == "eu-central-1"
    environ.setenv("AWS_REGION", "eu-north-1")
    assert find_endpoint(Settings()).region == "eu-north-1"
    assert find_endpoint(Settings(region="eu-west-3")).region == "eu-west-3"
    assert find_endpoint(Settings(region="eu-west-3"), "us-east-1").region == "us-east-1"


def test_a_missing_region_is_named(environ: pytest.MonkeyPatch) -> None:
    environ.setenv(PROFILE, "no-region")
    with pytest.raises(CredentialsError, match="AWS_REGION"):
        find_endpoint(Settings())


@pytest.mark.parametrize(
    ("variables", "bundle"),
    [
        ({}, ""),
        ({PROFILE: "bundle"}, "/etc/profile-bundle.pem"),
        ({"AWS_CA_BUNDLE": "/a.pem", "REQUESTS_CA_BUNDLE": "/b.pem"}, "/a.pem"),
        ({"REQUESTS_CA_BUNDLE": "/b.pem"}, "/b.pem"),
    ],
)
def test_the_certificates_to_trust_are_botocores(
    environ: pytest.MonkeyPatch, variables: dict[str, str], bundle: str
) -> None:
    for name, value in variables.items():
        environ.setenv(name, value)
    assert find_endpoint(Settings()).ca_bundle == bundle


def test_a_base_path_is_encoded_as_it_is_sent(environ: pytest.MonkeyPatch) -> None:
    environ.setenv(RUNTIME_URL, "https://runtime.example/a b/é%2F/")
    assert find_endpoint(Settings(), "us-east-1").base_path == "/a%20b/%C3%A9%2F"
