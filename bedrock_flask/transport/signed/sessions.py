"""botocore's configuration, from which credentials and endpoints come, and its errors in the gateway's words."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions as boto
from botocore.session import Session

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import SIGNING_NAMES
from bedrock_flask.errors import CredentialsError, GatewayError
from bedrock_flask.transport.regions import resolve_region

# botocore's name for bedrock-runtime in signatures and variables: `signingName` of its service model.
SIGNING_NAME = SIGNING_NAMES[RUNTIME]

LOG = logging.getLogger("bedrock_flask.transport")


def make_session(region: str) -> Session:
    """A session that reads environment and files anew; `region` is empty for the configured one."""
    session = Session()
    if region := resolve_region(region):
        session.set_config_variable("region", region)
    return session


@contextmanager
def map_errors() -> Iterator[None]:
    """Turn any error of botocore's configuration into a CredentialsError."""
    try:
        yield
    except GatewayError:
        raise
    except boto.NoRegionError:
        raise CredentialsError("The gateway has no AWS region: set AWS_REGION.") from None
    except Exception as error:  # noqa: BLE001 - botocore does not document what a provider may raise
        # Its type only: the messages may quote a token or an address with a password.
        LOG.warning("AWS configuration: %s", type(error).__name__)
        raise CredentialsError() from None
