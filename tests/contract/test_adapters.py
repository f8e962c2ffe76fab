"""The built-in adapters keep the contract that every adapter keeps, and a few laws of the house beside it."""

import copy
from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import from_members
from bedrock_flask.contract import ADVICE, LAWS, Law, breaches
from bedrock_flask.contract.own_format import RESPONSE
from bedrock_flask.models.loading import load_registry
from bedrock_flask.wires import WIRES, find_wire
from bedrock_flask.wires.completeness import ACCOUNT

ADAPTERS = {adapter.name: adapter for adapter in load_registry().adapters.values()}

each_adapter = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS.keys())


# Advice that an adapter does not take, and why.
UNADVISED = {
    ("pegasus", "encode_is_there"): "a question needs a video, which no request of OpenAI's or Anthropic's API has",
    ("pegasus-1-5", "encode_is_there"): "a question needs a video, which no request of OpenAI's or Anthropic's API has",
}


@each_adapter
@pytest.mark.parametrize("law", [*LAWS, *ADVICE], ids=lambda law: law.__name__)
def test_it_keeps_the_law(adapter: Adapter, law: Law) -> None:
    violations = list(breaches(adapter, (law,)))
    if (adapter.name, law.__name__) in UNADVISED:
        assert violations
    else:
        assert violations == []


@each_adapter
@pytest.mark.parametrize("body", [None, [], "text", 5])
def test_a_body_that_is_no_object_is_refused(adapter: Adapter, body: Any) -> None:
    [fault] = adapter.find_faults(body)
    assert fault.path == ""
    assert fault.message.startswith("must be an object")


@each_adapter
def test_the_model_that_its_name_stands_for_is_its_own(adapter: Adapter) -> None:
    if "*" not in adapter.models:
        assert load_registry().pick(adapter.model)[0].name == adapter.name


@pytest.mark.parametrize("name", [name for name, wire in WIRES.items() if wire.write_reply])
def test_the_usage_of_a_reply_is_read_back(name: str) -> None:
    wire = WIRES[name]
    assert wire.write_reply is not None
    assert wire.read_usage(wire.write_reply(copy.deepcopy(RESPONSE), "acme.v1")) == from_members(RESPONSE["usage"])


# What clients speak, and what answers that are only passed on are written in.
CLIENTS = {
    "openai_chat",
    "openai_responses",
    "count_tokens",
    "count_messages",
    "opaque",
    *(wire.name for wire in ACCOUNT.values()),
}


def test_every_built_in_wire_is_spoken_by_some_adapter_or_by_clients() -> None:
    assert {find_wire(adapter).name for adapter in ADAPTERS.values()} | CLIENTS >= set(WIRES)
