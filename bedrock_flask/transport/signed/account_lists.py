"""Bedrock's control plane, read while the gateway serves: what a region offers to the account."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.offers import Offer, make_offer
from bedrock_flask.bedrock.operations import CONTROL
from bedrock_flask.call import Call, Handler
from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import UpstreamUnreachable
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed.client import make_transport
from bedrock_flask.transport.signed.endpoints import find_endpoint

# Seconds for the lists of one region.
_DEADLINE = 20.0
# An account has a few hundred profiles in a region at most, and a page holds a thousand.
_MAX_PAGES, _PAGE = 10, 1000


def make_offer_reader(settings: Settings, shutdown: Shutdown, adapter: Adapter) -> Callable[[str], Offer]:
    """A function from a region ("" for the configured one) to its offer; it raises a GatewayError if there is none.

    `adapter` is the generic one, on whose behalf operations on no model are called.
    """
    handler = make_transport(settings, shutdown, CONTROL)

    def read(region: str) -> Offer:
        check_endpoint(settings, region)
        deadline = time.monotonic() + _DEADLINE
        return make_offer(
            send(handler, adapter, "ListFoundationModels", region, deadline),
            list_pages(lambda query: send(handler, adapter, "ListInferenceProfiles", region, deadline, query)),
        )

    return read


def check_endpoint(settings: Settings, region: str) -> None:
    """Raise UpstreamUnreachable where an emulator is called: its credentials must not reach AWS itself."""
    if is_loopback(find_endpoint(settings, region).host) and not is_loopback(
        find_endpoint(settings, region, CONTROL).host
    ):
        raise UpstreamUnreachable("Calls go to this machine, and AWS_ENDPOINT_URL_BEDROCK is not set to it as well.")


def send(handler: Handler, adapter: Adapter, operation: str, region: str, deadline: float, query: str = "") -> Any:
    """The answer to one operation of the control plane."""
    call = Call(
        adapter=adapter,
        operation=operation,
        model="",
        body=b"",
        query=query,
        region=region,
        request_id="discovery",
        deadline=deadline,
    )
    return handler.send(call).document


def list_pages(send_page: Callable[[str], Any]) -> Iterator[Any]:
    """Every page of a list; `send_page` takes the query of one."""
    token = ""
    for _ in range(_MAX_PAGES):
        page = send_page(f"maxResults={_PAGE}" + (f"&nextToken={quote(token, safe='')}" if token else ""))
        yield page
        token = str(page.get("nextToken") or "")
        if not token:
            return
