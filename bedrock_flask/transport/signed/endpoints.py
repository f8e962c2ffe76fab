"""Where Bedrock is: by botocore's configuration and its own rules for endpoints, without the cost of a client.

A client of botocore takes about a tenth of a second and several megabytes for each region. What it knows of an endpoint
comes from three parts of botocore that can be used alone: the session's configuration, the provider of configured
endpoint URLs, and the rule set of bedrock-runtime. The last two are not public; `tests/transport/signed` compares
the results with those of clients.
"""

import os
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote, urlsplit

import botocore.exceptions as boto
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.endpoint_provider import EndpointProvider
from botocore.session import Session
from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url, validate_region_name

from bedrock_flask.bedrock.iam import partition_of
from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import MANTLE, MANTLE_HOST, SIGNING_NAMES
from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import CredentialsError, UpstreamUnreachable
from bedrock_flask.transport.signed.sessions import SIGNING_NAME, make_session, map_errors

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where calls go, and for what they are signed.

    `host` has no brackets around an IPv6 address; `base_path` is empty or begins with a slash and does not end with
    one. `ca_bundle` is a file or folder of certificates to trust, or empty for botocore's own.
    """

    scheme: str
    host: str
    port: int
    base_path: str
    region: str
    signing_region: str
    signing_service: str = SIGNING_NAME
    ca_bundle: str = ""

    @cached_property
    def authority(self) -> str:
        """The value of the `Host` header, which is signed."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @cached_property
    def url(self) -> str:
        """The URL that `base_path` ends."""
        return f"{self.scheme}://{self.authority}{self.base_path}"


def find_endpoint(settings: Settings, region: str = "", service: str = RUNTIME) -> Endpoint:
    """The endpoint of a region, or of the configured one; CredentialsError if botocore's configuration has none.

    `service` is AWS's name of an endpoint, which variables and profiles name: `AWS_ENDPOINT_URL_BEDROCK_MANTLE`.
    """
    with map_errors():
        session = make_session(region or settings.region)
        region = session.get_config_variable("region")
        if region is None:
            raise boto.NoRegionError()
        validate_region_name(region)
        # Older configurations name FIPS in the region, such as fips-us-gov-west-1.
        named = region.replace("fips-", "").replace("-fips", "")
        configured = _find_configured_url(session, service)
        find_url = _build_mantle_url if service == MANTLE else partial(_apply_rules, service)
        url = configured or find_url(session, named, fips=named != region)
        return _read_url(url, named, SIGNING_NAMES.get(service, SIGNING_NAME), _find_ca_bundle(session))


def check_endpoint(settings: Settings, region: str, service: str) -> None:
    """Raise UpstreamUnreachable where an emulator is called: its credentials must not reach AWS itself."""
    check_host(find_endpoint(settings, region).host, find_endpoint(settings, region, service).host, service)


def check_host(runtime: str, host: str, service: str) -> None:
    """The same, given the hosts of bedrock-runtime and of the service."""
    if is_loopback(runtime) and not is_loopback(host):
        variable = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
        raise UpstreamUnreachable(f"Calls go to this machine, and {variable} is not set to it as well.")


def _find_configured_url(session: Session, service: str) -> str:
    """The URL that a variable or the profile names, unless such URLs are to be ignored."""
    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return ""
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), service)
    return str(provider.provide() or "")


def _apply_rules(service: str, session: Session, region: str, *, fips: bool) -> str:
    loader = session.get_component("data_loader")
    rules = loader.load_service_model(service, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, loader.load_data("partitions"))
    found: Any = provider.resolve_endpoint(
        Region=region,
        UseFIPS=fips or bool(session.get_config_variable("use_fips_endpoint")),
        UseDualStack=bool(session.get_config_variable("use_dualstack_endpoint")),
    )
    return str(found.url)


def _build_mantle_url(session: Session, region: str, *, fips: bool) -> str:
    """The URL of bedrock-mantle, which botocore does not know."""
    unknown = [
        *(["FIPS"] if fips or session.get_config_variable("use_fips_endpoint") else []),
        *([partition] if (partition := partition_of(region)) not in _MANTLE_PARTITIONS else []),
    ]
    if unknown:
        raise CredentialsError(
            f"AWS documents no endpoint of bedrock-mantle for {' and '.join(unknown)}: set "
            "AWS_ENDPOINT_URL_BEDROCK_MANTLE, or leave the mantle surfaces out of BEDROCK_FLASK_SURFACES."
        )
    return f"https://{MANTLE_HOST.format(region=region)}"


# Source: BerriAI/litellm 1.109 has prices of bedrock-mantle for GovCloud.
_MANTLE_PARTITIONS = ("aws", "aws-us-gov")


def _find_ca_bundle(session: Session) -> str:
    bundle = session.get_config_variable("ca_bundle")
    if bundle is None:
        bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle is not None and not bundle.strip():
        raise boto.InvalidConfigError(error_msg="the CA bundle is empty")
    return str(bundle or "")


def _read_url(url: str, region: str, signing_service: str, ca_bundle: str) -> Endpoint:
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not (is_valid_endpoint_url(url) or is_valid_ipv6_endpoint_url(url)):
        raise CredentialsError("The gateway's Bedrock endpoint is not a valid http or https URL.")
    return Endpoint(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        # What is encoded already stays as it is.
        base_path=quote(parts.path.removesuffix("/"), safe="/%:@!$&'()*+,;=~"),
        region=region,
        signing_region=region,
        signing_service=signing_service,
        ca_bundle=ca_bundle,
    )
