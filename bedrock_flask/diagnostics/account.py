"""An AWS account and the network path to it, as operators' commands inspect them; never used while serving."""

import time
from collections.abc import Callable, Iterator, Mapping
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

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.offers import Offer, make_offer
from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.settings import Settings
from bedrock_flask.diagnostics.configuration import CONTROL, RUNTIME, mask_key_id, redact_url
from bedrock_flask.errors import (
    BedrockError,
    CredentialsError,
    GatewayError,
    UpstreamProtocolError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from bedrock_flask.governance.role_session import RoleSession
from bedrock_flask.transport.boto.client import make_client
from bedrock_flask.transport.regions import resolve_region
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed.account_lists import make_mantle_reader
from bedrock_flask.transport.signed.assumed_roles import assume_role
from bedrock_flask.transport.signed.credentials import make_credentials
from bedrock_flask.transport.signed.endpoints import find_endpoint
from bedrock_flask.transport.signed.gate import cache_gates

# An account has a few hundred profiles in a region at most, and a page holds a thousand.
_MAX_PAGES = 10
# Errors whose text never holds a secret.
_SAFE_ERRORS = (boto.ProfileNotFound, boto.PartialCredentialsError, boto.NoRegionError, boto.InvalidRegionError)


@dataclass(frozen=True)
class Probe:
    """An endpoint's answer to an empty request, of any status; `skew` is how many seconds its clock is ahead."""

    url: str
    status: int
    seconds: float
    skew: float | None
    proxy: str = ""


@dataclass(frozen=True)
class FoundCredentials:
    """The botocore provider that found credentials, and the masked id of their access key."""

    provider: str
    key_id: str


@dataclass(frozen=True)
class AwsAccount:
    """One account in one region; each method answers within `seconds` or raises a GatewayError."""

    settings: Settings
    seconds: float
    region: str

    def make_session(self) -> Any:
        """A session whose clients, those that fetch credentials included, give up in time."""
        config = Config(
            connect_timeout=min(self.seconds, self.settings.connect_timeout),
            read_timeout=self.seconds,
            retries={"total_max_attempts": 1},
        )
        with _map_errors():
            session = boto3.session.Session(region_name=resolve_region(self.region) or None)
            session._session.set_default_client_config(config)
            return session

    def find_region(self) -> str:
        """The region that calls go to; empty if none is configured."""
        return self.make_session().region_name or ""

    def list_regions(self) -> list[str]:
        """The regions in which botocore knows Bedrock; its list covers the control plane only."""
        session = self.make_session()
        return [
            region
            for partition in session.get_available_partitions()
            for region in session.get_available_regions(CONTROL, partition)
        ]

    def find_endpoint(self) -> str:
        """The URL that the gateway calls in this region."""
        with _map_errors():
            client = self._make_anonymous_client(RUNTIME)
            return str(client.meta.endpoint_url)

    def find_credentials(self) -> FoundCredentials | None:
        """The credentials that botocore finds, refreshed if they have expired; None if it finds none."""
        with _map_errors():
            credentials = self.make_session().get_credentials()
            if credentials is None:
                return None
            frozen = credentials.get_frozen_credentials()
        return FoundCredentials(str(credentials.method), mask_key_id(str(frozen.access_key or "")))

    def get_identity(self) -> tuple[str, str]:
        """The account's number and the ARN of the credentials' owner, from STS."""
        with _map_errors():
            identity = self.make_session().client("sts").get_caller_identity()
        return str(identity.get("Account", "")), str(identity.get("Arn", ""))

    def assume_role(self, session: RoleSession) -> None:
        """Assume a role as the gateway does while it serves; RoleNotAssumed if that fails."""
        settings = replace(self.settings, read_timeout=self.seconds)
        find_gate, forget_gates = cache_gates(settings)
        try:
            assume_role(session, settings, make_credentials(settings), find_gate)
        finally:
            forget_gates()

    def probe_endpoint(self, service: str = RUNTIME) -> Probe:
        """Send an empty request to an endpoint, with a client configured as those that serve calls."""
        settings = replace(self.settings, read_timeout=self.seconds)
        with _map_errors():
            client = make_client(settings, self.region)
            # Botocore does not know the others.
            url = client.meta.endpoint_url if service == RUNTIME else find_endpoint(settings, self.region, service).url
            began, at = time.monotonic(), time.time()
            request = AWSRequest(method="GET", url=url, stream_output=True).prepare()
            response = client._endpoint.http_session.send(request)
        seconds = time.monotonic() - began
        response.raw.close()
        proxy = get_environ_proxies(url).get(urlsplit(url).scheme, "")
        skew = _measure_skew(str(response.headers.get("date", "")), at + seconds / 2)
        return Probe(redact_url(url), int(response.status_code), seconds, skew, redact_url(proxy))

    def read_offer(self) -> Offer:
        """The foundation models and inference profiles that the account is offered in this region."""
        with _map_errors():
            models = self._make_control_client().list_foundation_models()
        return make_offer(models, self._list_profile_pages())

    def list_mantle_models(self, adapter: Adapter) -> frozenset[str] | None:
        """The ids that bedrock-mantle serves in this region; None if none of its surfaces may be called.

        `adapter` is the generic one, on whose behalf the list is read.
        """
        settings = replace(self.settings, read_timeout=self.seconds, max_attempts=1)
        return make_mantle_reader(settings, Shutdown(), adapter, self.seconds)(self.region)

    def list_access_problems(self, model: str) -> list[str]:
        """The reasons why the account cannot call a foundation model; empty if it can."""
        with _map_errors():
            availability = self._make_control_client().get_foundation_model_availability(modelId=model)
        agreement = availability.get("agreementAvailability") or {}
        parts = {
            "agreement": agreement.get("status"),
            "authorization": availability.get("authorizationStatus"),
            "entitlement": availability.get("entitlementAvailability"),
            "region": availability.get("regionAvailability"),
        }
        return [f"{name} is {value}" for name, value in parts.items() if value not in (None, "AVAILABLE", "AUTHORIZED")]

    def can_call_control_plane(self) -> bool:
        """Whether the control plane may be called: an emulator's credentials must not reach AWS itself."""
        return self._can_call(CONTROL)

    def can_call_sts(self) -> bool:
        """Whether STS may be called: an emulator's credentials must not reach AWS itself."""
        return self._can_call("sts")

    def _can_call(self, service: str) -> bool:
        with _map_errors():
            client = self._make_anonymous_client(service)
        return _is_local(client.meta.endpoint_url) or not _is_local(self.find_endpoint())

    def _make_anonymous_client(self, service: str) -> Any:
        # Looking for the real credentials might use the network.
        return self.make_session().client(service, aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106

    def _make_control_client(self) -> Any:
        return self.make_session().client(CONTROL)

    def _list_profile_pages(self) -> Iterator[Mapping[str, Any]]:
        client = self._make_control_client()
        token: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            with _map_errors():
                page = client.list_inference_profiles(maxResults=1000, **token)
            yield page
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}


def _is_local(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _measure_skew(date: str, now: float) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except ValueError:
        return None


@contextmanager
def _map_errors() -> Iterator[None]:
    """Turn an error of botocore's into a GatewayError, without the secrets that its text may hold."""
    try:
        yield
    except boto.ClientError as error:
        fault: Any = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        raise BedrockError(str(fault.get("Code", "")), str(fault.get("Message", "")), status) from None
    except _SAFE_ERRORS as error:
        raise CredentialsError(f"{error}.".replace("..", ".")) from None
    except tuple(_ERRORS) as error:
        make_error = next(make for kind, make in _ERRORS.items() if isinstance(error, kind))
        raise make_error(error) from None
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - botocore parses answers without checking their form
        raise UpstreamProtocolError(f"Something answered, but not as AWS does ({type(error).__name__}).") from None


def _make_connection_error(error: Any) -> GatewayError:
    if isinstance(error.kwargs.get("error"), NameResolutionError):
        return UpstreamUnreachable("The host name cannot be resolved (DNS).")
    return UpstreamUnreachable("The connection was refused or the host is unreachable.")


# Subclasses first, as the first match counts.
_ERRORS: dict[type[Exception], Callable[[Any], GatewayError]] = {
    boto.ProxyConnectionError: lambda error: UpstreamUnreachable("The proxy cannot be reached."),
    boto.SSLError: lambda error: UpstreamUnreachable("No trusted TLS connection could be established."),
    boto.ConnectTimeoutError: lambda error: UpstreamTimeout("The connection timed out."),
    boto.ReadTimeoutError: lambda error: UpstreamTimeout("The endpoint did not answer in time."),
    boto.EndpointConnectionError: _make_connection_error,
    boto.ConnectionClosedError: lambda error: UpstreamUnreachable("The connection was closed before an answer."),
    boto.BotoCoreError: lambda error: CredentialsError(f"botocore raised {type(error).__name__}."),
}
