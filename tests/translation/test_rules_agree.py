"""What the gateway sends keeps Bedrock's rules: of any request of a client's, the emulator refuses nothing."""

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bedrock_flask.bodies import converse_body
from bedrock_flask.emulator.operations.rules import check_rules
from bedrock_flask.errors import InvalidBody
from bedrock_flask.fields import find_faults
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file import DROP, ERROR
from bedrock_flask.models.resolver import Model
from bedrock_flask.translation.request import Caching, build_bedrock_request
from bedrock_flask.wires import WIRES

Json = dict[str, Any]

REGISTRY = load_registry()
CONVERSE = converse_body.Body()
# A model of each pattern that writes text, and for which requests of other formats can be written.
MODELS = {
    claim.pattern: Model(
        name=claim.pattern,
        id=claim.pattern.replace("*", "1"),
        adapter=claim.adapter,
        capabilities=claim.capabilities,
    )
    for claim in REGISTRY.claims
    if claim.capabilities.output == "text"
    and ("converse" in claim.adapter.speaks or claim.adapter.encode is not None or claim.adapter.wire in WIRES)
}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
CLOSED = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
RICH = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Weather",
    "type": "object",
    "properties": {
        "place": {"$ref": "#/$defs/Place"},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
        "names": {"type": "array", "items": {"type": "string", "maxLength": 5}, "minItems": 2, "maxItems": 4},
    },
    "$defs": {"Place": {"type": "object", "properties": {"x": {"type": "string", "pattern": "^a"}}}},
    "anyOf": [{"required": ["place"]}, {"required": ["days"]}],
}
EFFORTS = st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"])
MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def function(schema: Json, **more: Any) -> Json:
    return {"type": "function", "function": {"name": "get_weather", "parameters": schema, **more}}


TEXTS = st.sampled_from(
    [{"type": "text", "text": "Hi"}, {"type": "text", "text": ""}, {"type": "text", "text": "x", **MARK}]
)
MEDIA = st.sampled_from(
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}, **MARK},
        {"type": "file", "file": {"filename": "a.md", "file_data": "data:text/markdown;base64,IyBo"}, **MARK},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
)
PARTS = st.lists(st.one_of(TEXTS, TEXTS, TEXTS, MEDIA), min_size=1, max_size=3)
CALL = {"id": "t1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "A"}'}}
RESULTS = st.one_of(st.just(""), st.just("21"), PARTS)


KINDS = st.sampled_from(["system", "user", "assistant", "reasoning", "call"])


@st.composite
def conversations(draw: st.DrawFn) -> list[Json]:
    """Messages that OpenAI takes: instructions anywhere, turns of one role in a row, empty answers, calls."""
    messages: list[Json] = []
    for kind in draw(st.lists(KINDS, max_size=5)):
        if kind == "call":
            calling = {"role": "assistant", "content": draw(st.sampled_from([None, "", "Look."])), "tool_calls": [CALL]}
            messages += [calling, {"role": "tool", "tool_call_id": "t1", "content": draw(RESULTS)}]
        elif kind == "reasoning":
            messages.append({"role": "assistant", "content": "b", "reasoning_content": "Hm."})
        elif kind == "assistant":
            messages.append({"role": "assistant", "content": draw(st.sampled_from(["", "b", "The answer is "]))})
        elif kind == "user":
            messages.append({"role": "user", "content": draw(PARTS)})
        else:
            messages.append({"role": draw(st.sampled_from(["system", "developer"])), "content": "Be brief."})
    return [{"role": "user", "content": "Hello"}, *messages]


TOOLS = st.lists(
    st.sampled_from(
        [
            function(CLOSED),
            function(CLOSED, strict=True, description=""),
            function(RICH),
            function(RICH, strict=True),
            function({}, strict=False) | MARK,
        ]
    ),
    max_size=1,
)
SCHEMAS = st.sampled_from([CLOSED, RICH]).map(
    lambda schema: {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
)
BODIES = st.fixed_dictionaries(
    {"messages": conversations()},
    optional={
        "tools": TOOLS,
        "tool_choice": st.sampled_from(
            ["auto", "none", "required", {"type": "function", "function": {"name": "get_weather"}}]
        ),
        "parallel_tool_calls": st.booleans(),
        "temperature": st.sampled_from([0, 0.5, 1]),
        "top_p": st.sampled_from([0.1, 1]),
        "stop": st.sampled_from([["END"], ["\n", " "], ["a", "b", "c", "d"]]),
        "max_tokens": st.sampled_from([1, 300, 5000]),
        "reasoning_effort": EFFORTS,
        "response_format": st.one_of(st.just({"type": "json_object"}), SCHEMAS),
    },
)


@pytest.mark.parametrize("policy", [ERROR, DROP])
@settings(deadline=None, max_examples=1500)
@given(pattern=st.sampled_from(sorted(MODELS)), body=BODIES, cached=st.booleans())
def test_bedrock_refuses_nothing_that_the_gateway_sends(policy: str, pattern: str, body: Json, cached: bool) -> None:
    # Bedrock says itself that a request has too many documents.
    assume(json.dumps(body).count('"filename"') <= 5)
    model, wire = MODELS[pattern], WIRES["openai_chat"]
    try:
        request = wire.read_request({"model": "x", **body})
        sent = build_bedrock_request(
            model, request, hints=wire.hints, policy=policy, caching=Caching("1h") if cached else None
        )
    except InvalidBody:
        # Refused by name, before it costs anything.
        return
    written = json.loads(sent.body)
    if sent.operation == "Converse":
        assert find_faults(CONVERSE, written) == []
        check_rules("converse", written, model.capabilities)
    else:
        assert model.adapter.find_faults(written) == []
        check_rules(sent.wire or model.adapter.wire, written, model.capabilities)
