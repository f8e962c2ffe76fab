"""Bedrock's control plane and the list of bedrock-mantle, read while the gateway serves: what a region offers."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.offers import Offer, make_offer, read_mantle_models
from bedrock_flask.bedrock.operations import CONTROL
from bedrock_flask.bedrock.surfaces import MANTLE, MODEL_LIST, SURFACES, find_endpoints
from bedrock_flask.call import Call, Handler
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import GatewayError
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.transport.signed.client import make_transport
from bedrock_flask.transport.signed.endpoints import check_endpoint

LOG = logging.getLogger("bedrock_flask.gateway")
# Seconds for the lists of one region.
_DEADLINE = 20.0
# An account has a few hundred profiles in a region at most, and a page holds a thousand.
_MAX_PAGES, _PAGE = 10, 1000


def make_offer_reader(settings: Settings, shutdown: Shutdown, adapter: Adapter) -> Callable[[str], Offer]:
    """A function from a region ("" for the configured one) to its offer; it raises a GatewayError if there is none.

    `adapter` is the generic one, on whose behalf operations on no model are called.
    """
    handler = make_transport(settings, shutdown, CONTROL)
    read_mantle = make_mantle_reader(settings, shutdown, adapter)

    def read(region: str) -> Offer:
        check_endpoint(settings, region, CONTROL)
        deadline = time.monotonic() + _DEADLINE
        offer = make_offer(
            send(handler, adapter, "ListFoundationModels", region, deadline),
            list_pages(lambda query: send(handler, adapter, "ListInferenceProfiles", region, deadline, query)),
        )
        return replace(offer, mantle=_read_if_possible(read_mantle, region))

    return read


def _read_if_possible(read: Callable[[str], frozenset[str] | None], region: str) -> frozenset[str] | None:
    """The list of bedrock-mantle, or None where it cannot be read: not every account or network has this endpoint."""
    try:
        return read(region)
    except GatewayError as error:
        LOG.info("the models of bedrock-mantle in %s cannot be listed: %s", region or "the region", error.detail)
        return None


def make_mantle_reader(
    settings: Settings, shutdown: Shutdown, adapter: Adapter, seconds: float = _DEADLINE
) -> Callable[[str], frozenset[str] | None]:
    """A function from a region to the ids that bedrock-mantle serves there, within this time.

    It returns None if none of its surfaces may be called, and raises a GatewayError if there is no list.
    """
    handler = make_transport(settings, shutdown)

    def read(region: str) -> frozenset[str] | None:
        if MANTLE not in find_endpoints(settings.surfaces or SURFACES):
            return None
        check_endpoint(settings, region, MANTLE)
        return read_mantle_models(send(handler, adapter, MODEL_LIST.name, region, time.monotonic() + seconds))

    return read


def send(handler: Handler, adapter: Adapter, operation: str, region: str, deadline: float, query: str = "") -> Any:
    """The answer to one operation of the control plane, or to the list of bedrock-mantle."""
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
