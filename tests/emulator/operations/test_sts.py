"""The emulated STS for an unmodified boto3: sessions with tags, and what becomes of calls with their keys."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.doubles import Emulator, StartEmulator

ROLE = "arn:aws:iam::210987654321:role/teams/acme"
TAGS = [{"Key": "team", "Value": "acme"}, {"Key": "centre", "Value": "Überseehafen 7"}]
NOVA = "amazon.nova-lite-v1:0"
TURN = [{"role": "user", "content": [{"text": "Hi"}]}]
Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def locked(start_emulator: StartEmulator) -> Emulator:
    """An emulator that verifies signatures, as AWS does."""
    return start_emulator("--secret", "emulator:emulator")


@pytest.fixture
def connect(locked: Emulator) -> Connect:
    """A client of a service, by default with the emulator's own key."""

    def connect(service: str, key: str = "emulator", secret: str = "emulator", token: str | None = None) -> Any:
        return boto3.client(
            service,
            endpoint_url=locked.url,
            region_name="eu-central-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    return connect


def assume(connect: Connect, **options: Any) -> Any:
    given = {"RoleArn": ROLE, "RoleSessionName": "job@acme", **options}
    return connect("sts").assume_role(**given)


def with_session(connect: Connect, service: str, answer: Any) -> Any:
    keys = answer["Credentials"]
    return connect(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def find_error(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_calls_with_the_keys_of_a_session_count_as_its_role_and_name(connect: Connect, locked: Emulator) -> None:
    answer = assume(connect, Tags=TAGS, ExternalId="outside/7", DurationSeconds=900)
    arn = "arn:aws:sts::210987654321:assumed-role/acme/job@acme"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    assert with_session(connect, "sts", answer).get_caller_identity()["Arn"] == arn
    assert connect("sts").get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/emulator"
    with_session(connect, "bedrock-runtime", answer).converse(modelId=NOVA, messages=TURN)
    [session] = [each for each in locked.get("/_emulator/sessions").json() if each["external_id"]]
    key = answer["Credentials"]["AccessKeyId"]
    assert session | {"expires": ""} == {
        "access_key": key,
        "arn": arn,
        "role": ROLE,
        "tags": {each["Key"]: each["Value"] for each in TAGS},
        "external_id": "outside/7",
        "expires": "",
        "calls": 2,
    }
    last = locked.calls()[-1]
    assert (last["operation"], last["caller"]) == ("Converse", arn)
    assert f"Credential={key}/" in last["headers"]["authorization"]
    assert [each["caller"] for each in locked.calls() if each["operation"] == "AssumeRole"] == ["emulator"]


def test_keys_of_a_session_need_its_secret_its_token_and_its_time(connect: Connect, locked: Emulator) -> None:
    answer = assume(connect)
    keys = answer["Credentials"]
    for secret, token, name in [
        (keys["SecretAccessKey"], "another", "UnrecognizedClientException"),
        ("another", keys["SessionToken"], "InvalidSignatureException"),
    ]:
        client = connect("bedrock-runtime", keys["AccessKeyId"], secret, token)
        assert find_error(lambda client=client: client.converse(modelId=NOVA, messages=TURN)) == (name, 403)
    assert locked.ask("DELETE", "/_emulator/sessions").ok
    own = with_session(connect, "bedrock-runtime", answer)
    assert find_error(lambda: own.converse(modelId=NOVA, messages=TURN))[0] == "ExpiredTokenException"


@pytest.mark.parametrize(
    "wrong",
    [
        {"RoleSessionName": "a b"},
        {"RoleSessionName": "x" * 65},
        {"RoleArn": "arn:aws:iam::210987654321:user/acme"},
        {"DurationSeconds": 60},
        {"ExternalId": "a space"},
        {"Tags": [{"Key": "Team", "Value": "a"}, {"Key": "team", "Value": "b"}]},
        {"Tags": [{"Key": "team", "Value": "a*b"}]},
        {"Tags": [{"Key": "aws:team", "Value": "a"}]},
        {"Tags": [{"Key": f"k{number}", "Value": ""} for number in range(51)]},
    ],
)
def test_what_sts_does_not_take_is_refused(connect: Connect, wrong: dict[str, Any]) -> None:
    assert find_error(lambda: assume(connect, **wrong)) == ("ValidationError", 400)


def test_faults_are_for_one_operation_and_in_its_own_protocol(connect: Connect, locked: Emulator) -> None:
    locked.fault("AccessDeniedException", operation="AssumeRole", message="not authorized: sts:TagSession")
    locked.fault("throttle", operation="AssumeRole", status=400)
    connect("bedrock-runtime").converse(modelId=NOVA, messages=TURN)
    assert find_error(lambda: assume(connect)) == ("AccessDenied", 403)
    assert find_error(lambda: assume(connect)) == ("Throttling", 400)
    assert assume(connect)["Credentials"]
    assert find_error(lambda: connect("sts", secret="wrong").get_caller_identity()) == ("SignatureDoesNotMatch", 403)
