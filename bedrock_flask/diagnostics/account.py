"""What an AWS account, and the way to it, say of themselves: asked by operators' commands, never while serving."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.exceptions as boto
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.utils import get_environ_proxies
from urllib3.exceptions import NameResolutionError

from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.settings import Settings
from bedrock_flask.diagnostics.configuration import CONTROL, RUNTIME, effective_region, redact_url
from bedrock_flask.diagnostics.model_access import ModelAccess
from bedrock_flask.errors import (
    BedrockError,
    CredentialsError,
    GatewayError,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from bedrock_flask.transport.boto.client import make_client

# The regions of an account have some hundred profiles at most, and a page holds a thousand.
_PAGES = 10
_SAFE = (boto.ProfileNotFound, boto.PartialCredentialsError, boto.NoRegionError, boto.InvalidRegionError)


@dataclass(frozen=True)
class Answered:
    """A first answer of an endpoint: any status, as nothing was asked; `skew` is seconds that its clock is ahead."""

    url: str
    status: int
    seconds: float
    skew: float | None
    proxy: str = ""


@dataclass(frozen=True)
class Owner:
    """Whose credentials were found: by which of botocore's providers, and the last letters of the access key's id."""

    provider: str
    key: str


@dataclass(frozen=True)
class AwsAccount:
    """The questions that can be put to one account in one region; each answers within some seconds or raises."""

    settings: Settings
    seconds: float
    region: str

    def session(self) -> Any:
        """A session whose clients, those that fetch credentials included, give up in time."""
        config = Config(
            connect_timeout=min(self.seconds, self.settings.connect_timeout),
            read_timeout=self.seconds,
            retries={"total_max_attempts": 1},
        )
        with _in_our_words():
            session = boto3.session.Session(region_name=effective_region(self.region) or None)
            session._session.set_default_client_config(config)
            return session

    def region_name(self) -> str:
        """The region that calls go to, empty where nobody names one."""
        return self.session().region_name or ""

    def known_regions(self) -> list[str]:
        """The regions in which botocore knows Bedrock to be; its list has the control plane only."""
        session = self.session()
        return [
            region
            for partition in session.get_available_partitions()
            for region in session.get_available_regions(CONTROL, partition)
        ]

    def endpoint(self) -> str:
        """The address that the gateway calls in this region."""
        with _in_our_words():
            client = self.session().client(RUNTIME, aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
            return str(client.meta.endpoint_url)

    def owner(self) -> Owner | None:
        """Whose credentials botocore finds, refreshed where they need it; None where it finds none."""
        with _in_our_words():
            found = self.session().get_credentials()
            if found is None:
                return None
            frozen = found.get_frozen_credentials()
        key = str(frozen.access_key or "")
        return Owner(str(found.method), f"***{key[-4:]}" if len(key) >= 16 else "***")

    def identity(self) -> tuple[str, str]:
        """The account's number and the ARN of whom the credentials belong to, by STS."""
        with _in_our_words():
            told = self.session().client("sts").get_caller_identity()
        return str(told.get("Account", "")), str(told.get("Arn", ""))

    def answered(self) -> Answered:
        """Ask the runtime's endpoint for nothing, through the very client that calls go by."""
        patient = replace(self.settings, read_timeout=self.seconds)
        with _in_our_words():
            client = make_client(patient, self.region)
            url = client.meta.endpoint_url
            began, at = time.monotonic(), time.time()
            request = AWSRequest(method="GET", url=url, stream_output=True).prepare()
            response = client._endpoint.http_session.send(request)
        seconds = time.monotonic() - began
        response.raw.close()
        proxy = get_environ_proxies(url).get(urlsplit(url).scheme, "")
        skew = _skew(str(response.headers.get("date", "")), at + seconds / 2)
        return Answered(redact_url(url), int(response.status_code), seconds, skew, redact_url(proxy))

    def offer(self) -> ModelAccess:
        """The foundation models and inference profiles of the account in this region."""
        return ModelAccess(
            dict(self._models()), {name: through for names, through in self._profiles() for name in names}
        )

    def availability(self, model: str) -> list[str]:
        """What stands between the account and a foundation model: nothing, where it may be called."""
        with _in_our_words():
            told = self._control().get_foundation_model_availability(modelId=model)
        agreement = told.get("agreementAvailability") or {}
        parts = {
            "agreement": agreement.get("status"),
            "authorization": told.get("authorizationStatus"),
            "entitlement": told.get("entitlementAvailability"),
            "region": told.get("regionAvailability"),
        }
        return [f"{name} is {value}" for name, value in parts.items() if value not in (None, "AVAILABLE", "AUTHORIZED")]

    def asks_control(self) -> bool:
        """Whether the control plane may be asked: not AWS itself with what is meant for an emulator."""
        return self._is_of_one_kind(CONTROL)

    def asks_identity(self) -> bool:
        """Whether STS may be asked: not AWS itself with what is meant for an emulator."""
        return self._is_of_one_kind("sts")

    def _is_of_one_kind(self, service: str) -> bool:
        with _in_our_words():
            client = self.session().client(service, aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
        return _is_here(client.meta.endpoint_url) or not _is_here(self.endpoint())

    def _control(self) -> Any:
        return self.session().client(CONTROL)

    def _models(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        with _in_our_words():
            told = self._control().list_foundation_models()
        for each in told.get("modelSummaries", ()):
            yield str(each.get("modelId", "")), tuple(each.get("inferenceTypesSupported", ()))

    def _profiles(self) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
        control = self._control()
        token: dict[str, str] = {}
        for _ in range(_PAGES):
            with _in_our_words():
                page = control.list_inference_profiles(maxResults=1000, **token)
            for each in page.get("inferenceProfileSummaries", ()):
                through = tuple(str(model.get("modelArn", "")) for model in each.get("models", ()))
                yield (str(each.get("inferenceProfileId", "")), str(each.get("inferenceProfileArn", ""))), through
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}


def _is_here(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _skew(date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return None


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turn whatever botocore raises into one of the gateway's errors, without secrets that its words may hold."""
    try:
        yield
    except boto.ClientError as error:
        told: Any = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        raise BedrockError(str(told.get("Code", "")), str(told.get("Message", "")), status) from None
    except _SAFE as error:
        raise CredentialsError(f"{error}.".replace("..", ".")) from None
    except tuple(_WORDS) as error:
        make = next(make for kind, make in _WORDS.items() if isinstance(error, kind))
        raise make(error) from None
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - botocore reads and parses answers without care for what they are
        raise UpstreamProtocolError(f"Something answered, but not as AWS does ({type(error).__name__}).") from None


def _unconnected(error: Any) -> GatewayError:
    if isinstance(error.kwargs.get("error"), NameResolutionError):
        return UpstreamUnreachable("The host's name is not known (DNS).")
    return UpstreamUnreachable("Nothing accepts a connection there.")


# Most special first, as with the calls themselves.
_WORDS: dict[type[Exception], Callable[[Any], GatewayError]] = {
    boto.ProxyConnectionError: lambda error: UpstreamUnreachable("The proxy cannot be reached."),
    boto.SSLError: lambda error: UpstreamUnreachable("No trusted TLS connection could be made."),
    boto.ConnectTimeoutError: lambda error: UpstreamTimeout("No connection could be made in time."),
    boto.ReadTimeoutError: lambda error: UpstreamTimeout("Nothing was answered in time."),
    boto.EndpointConnectionError: _unconnected,
    boto.ConnectionClosedError: lambda error: UpstreamUnreachable("The connection was closed before an answer."),
    boto.BotoCoreError: lambda error: CredentialsError(f"botocore says {type(error).__name__}."),
}
