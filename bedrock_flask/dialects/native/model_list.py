"""The lists of models: what can be called here, in the members of OpenAI's and of Anthropic's lists, and more.

Source: `Model` in the types of OpenAI's SDK for Python 2, `ModelInfo` in those of Anthropic's 2.12.
"""

import dataclasses
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from bedrock_flask.dialects.native.anthropic_models import ANTHROPIC_VERSION, describe_capabilities
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.fields import Boolean, Integer, List, Nested, Object, Open, String
from bedrock_flask.governance.policy import describe_policy
from bedrock_flask.models.discovery import Finding
from bedrock_flask.models.lifecycle import ACTIVE, DEPRECATED, RETIRED, find_today
from bedrock_flask.models.listing import Listed, describe, list_callable
from bedrock_flask.pipeline.request import resolve_model
from bedrock_flask.pipeline.terms import find_model_refusal, reject_model
from bedrock_flask.translation.async_invokes import is_async, is_only_async

# Seconds that a list waits for the account's lists, if no one has read them in this process.
_PATIENCE = 3.0
# Bedrock does not say when a model was released; clients require a time.
_RELEASED = {"created": 0, "created_at": "1970-01-01T00:00:00Z"}
# Where a list of models comes from.
ACCOUNT, PLUGINS = "account", "plugins"


class ModelEntry(Open):
    """One model that can be called."""

    id = String(required=True, description="The name for requests.")
    object = String(required=True, one_of=("model",))
    type = String(required=True, one_of=("model",))
    created = Integer(required=True, description="0: Bedrock does not say when a model was released.")
    created_at = String(required=True)
    owned_by = String(required=True, description="The adapter.")
    display_name = String(required=True)
    lifecycle = String(required=True, one_of=(ACTIVE, DEPRECATED, RETIRED))
    deprecated_at = String(allow_none=True, description="Since when AWS calls the model legacy.")
    retires_at = String(allow_none=True, description="When AWS stops serving it, if that is announced.")
    successor = String(allow_none=True, description="The id that is recommended instead.")
    max_input_tokens = Integer(allow_none=True, description="The tokens of its context window, if known.")
    max_tokens = Integer(allow_none=True, description="The most tokens of an answer, if known.")
    name = String(required=True)
    model = String(required=True, description="The Bedrock id, inference profile or ARN that is called.")
    adapter = String(required=True)
    description = String(required=True)
    region = String(allow_none=True, description="The region of the alias or of the ARN.")
    surfaces = List(String(), required=True, description="The APIs of AWS that serve it.")
    profiles = List(String(), required=True, description="The inference profiles that reach it from the region.")
    offered = Boolean(allow_none=True, description="Whether the account's lists have it; null if that is not known.")
    validation = String(required=True, data_key="validate", description="What happens to what a schema does not know.")
    policies = List(Object(), required=True, description="The rules that calls by this alias must satisfy.")
    operation = String(required=True)
    capabilities = Object(required=True)
    patterns = List(String(), required=True, description="The ids that the adapter claims.")
    source = String(required=True, description="Where the adapter's plugin is.")
    sample = Object(required=True, description="A body that it takes.")
    links = Object(String(), required=True)


class ListSource(Open):
    """Where a list comes from."""

    source = String(required=True, one_of=(ACCOUNT, PLUGINS), description="The account's lists, or the plugins alone.")
    detail = String(required=True, description="Why the account's lists are not in it; empty if they are.")


class ModelList(Open):
    """The models that can be called."""

    object = String(required=True, one_of=("list",))
    data = List(Nested(ModelEntry), required=True)
    has_more = Boolean(required=True)
    first_id = String(allow_none=True)
    last_id = String(allow_none=True)
    catalogue = Nested(ListSource, required=True)


def list_models(exchange: Exchange) -> Response:
    """The models that the caller may call: adapters, aliases, providers' names, and what the account is offered."""
    models, find_offer, today = exchange.state.models, _make_finder(exchange), find_today()
    rows = [row for row in list_callable(models, find_offer, today) if not find_model_refusal(exchange, row.model)]
    entries = [_describe_for_caller(exchange, row, today) for row in rows]
    finding = find_offer(models.region)
    return make_json_response(
        {
            "object": "list",
            "data": entries,
            "has_more": False,
            "first_id": entries[0]["id"] if entries else None,
            "last_id": entries[-1]["id"] if entries else None,
            "catalogue": {"source": ACCOUNT if finding.offer else PLUGINS, "detail": finding.problem},
        }
    )


def show_model(exchange: Exchange, name: str) -> Response:
    """One model: what it is on Bedrock, and what it can do."""
    model = resolve_model(exchange, name)
    reject_model(exchange, model)
    row = describe(exchange.state.models, model, _make_finder(exchange))
    return make_json_response(_describe_for_caller(exchange, row, find_today()))


def _make_finder(exchange: Exchange) -> Callable[[str], Finding]:
    """A function that finds what a region offers, and waits for all regions together no longer than a client would."""
    until, discovery = time.monotonic() + _PATIENCE, exchange.state.models.discovery
    found: dict[str, Finding] = {}

    def find(region: str) -> Finding:
        if region not in found:
            found[region] = discovery.wait(region, max(until - time.monotonic(), 0.0))
        return found[region]

    return find


def _describe_for_caller(exchange: Exchange, row: Listed, today: date) -> dict[str, Any]:
    """The description; Anthropic's SDKs, which name the version of their API, have a type of their own for it."""
    described = _describe(row, exchange.state.models.registry.sources[row.model.adapter.name], today)
    if exchange.has_header(ANTHROPIC_VERSION):
        described["capabilities"] = describe_capabilities(row.model.capabilities)
    return described


def _describe(row: Listed, source: str, today: date) -> dict[str, Any]:
    model, known, lifecycle = row.model, row.known, row.lifecycle
    address = f"/v1/models/{model.name}"
    stage = lifecycle.find_stage(today)
    return {
        "id": model.name,
        "object": "model",
        "type": "model",
        **_RELEASED,
        "owned_by": model.adapter.name,
        "display_name": model.title or model.name,
        "lifecycle": stage,
        "deprecated_at": None if stage == ACTIVE else _write_day(lifecycle.legacy_on),
        "retires_at": _write_day(lifecycle.ends_on),
        "successor": lifecycle.successor or None,
        "max_input_tokens": (known.context if known else 0) or None,
        "max_tokens": (known.output if known else 0) or None,
        "name": model.name,
        "model": model.id,
        "adapter": model.adapter.name,
        "description": model.description,
        "region": model.region or None,
        "surfaces": row.surfaces,
        "profiles": row.profiles,
        "offered": row.is_offered,
        "validate": model.validate,
        "policies": [describe_policy(policy) for policy in model.policies],
        "operation": model.adapter.operation,
        "capabilities": dataclasses.asdict(model.capabilities),
        "patterns": list(model.adapter.models),
        "source": source,
        "sample": model.adapter.sample,
        "links": {
            **({} if is_only_async(model) else {"invoke": f"{address}/invoke"}),
            **({"jobs": f"{address}/jobs", "jobs_schema": f"{address}/jobs/schema"} if is_async(model) else {}),
            "schema": f"{address}/schema",
        },
    }


def _write_day(day: date | None) -> str | None:
    return f"{day}T00:00:00Z" if day else None
