"""The law: every dialect, with every adapter, whole and streamed, tells the same text, tools and counts."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.models import models_file
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.resolver import Models
from bedrock_flask.models.surfaces import choose_native_way
from bedrock_flask.protocol import eventstream, sse
from tests.catalogue.harness import Harness
from tests.catalogue.received import Received
from tests.doubles import Emulator, Gateway, StartGateway
from tests.sse_decoder import Decoder

Json = dict[str, Any]

REGISTRY = load_registry()
# The model id of every adapter whose model calls tools, by the adapter's name; two of them are the catalogue's own.
ADAPTERS = {
    adapter.name: model
    for adapter in REGISTRY.adapters.values()
    if REGISTRY.pick(model := adapter.default or "newvendor.model-of-tomorrow")[1].tools
}
# Those with whose models Bedrock's own address for streams takes no tools.
UNSTREAMED = {name for name, model in ADAPTERS.items() if not REGISTRY.pick(model)[1].streamed_tools}
MODELS = {**ADAPTERS, "acme-mute": "acme.mute-1", "acme-strict": "acme.strict-1"}


def find_own_wire(model: str) -> str:
    """The format of the body that the native route takes for a model."""
    resolved = Models(REGISTRY, models_file.read_models_file("", REGISTRY)).resolve(model, "us-east-1")
    way = choose_native_way(resolved.ways, resolved.adapter)
    return resolved.adapter.wire if way is None else way.wire


# The catalogue's own models have that of Converse.
OWN = {name: find_own_wire(model) if name in ADAPTERS else "converse" for name, model in MODELS.items()}
# The dialect in which an own format is written and read, where it is a client's, and its members beside those.
CLIENTS: dict[str, tuple[str, Json]] = {
    "anthropic": ("anthropic", {"anthropic_version": "bedrock-2023-05-31"}),
    "invoke_chat": ("chat", {}),
    "openai_chat": ("chat", {}),
}

TEXT = 'Z\u00fcrich \u2014 one moment, "please".'
CALLS = [
    {
        "id": "tooluse_1",
        "name": "weather",
        "input": {"city": "Z\u00fcrich", "days": [1, 2.5, None], "deep": {"a": True}},
    },
    {"id": "tooluse_2", "name": "now", "input": {}},
]
USED = {"inputTokens": 3, "outputTokens": 10, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17}
COUNTS = {"input": 3, "output": 10, "read": 32651, "written": 17}
RESPONSE: Json = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": TEXT},
                *({"toolUse": {"toolUseId": c["id"], "name": c["name"], "input": c["input"]}} for c in CALLS),
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {**USED, "totalTokens": 32681},
}
PROMPT = "What will it be like in the matrix?"
TOOLS = ("weather", "now")


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway, plugins_folder: Path) -> Gateway:
    """In front of the emulator."""
    return start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(plugins_folder))


@pytest.fixture
def scripted(emulator: Emulator) -> Iterator[Any]:
    """The emulator, which has its answer."""
    emulator.post("/_emulator/replies", {"prompt": PROMPT, "response": RESPONSE})
    yield emulator
    emulator.ask("DELETE", "/_emulator/replies")


def converse(harness: Harness, model: str) -> Json:
    schema = {"json": harness.body("anthropic", model, tools=["x"])["tools"][0]["input_schema"]}
    tools = [{"toolSpec": {"name": name, "inputSchema": schema}} for name in TOOLS]
    return {"messages": [{"role": "user", "content": [{"text": PROMPT}]}], "toolConfig": {"tools": tools}}


# --- an answer in one form --------------------------------------------------------------------------------------------


def of_received(received: Received) -> Json:
    """What a client of a translated dialect received."""
    used = received.usage
    if received.dialect == "anthropic":
        counts = (used["input_tokens"], used["cache_read_input_tokens"], used["cache_creation_input_tokens"])
        output = used["output_tokens"]
    else:
        sort = "prompt" if received.dialect == "chat" else "input"
        details = used[f"{sort}_tokens_details"]
        read, written = details["cached_tokens"], details["cache_write_tokens"]
        counts = (used[f"{sort}_tokens"] - read - written, read, written)
        output = used["completion_tokens" if received.dialect == "chat" else "output_tokens"]
    calls = [
        {"id": each["id"], "name": each["name"], "input": json.loads(each["arguments"])} for each in received.calls
    ]
    counted = {"input": counts[0], "output": output, "read": counts[1], "written": counts[2]}
    return {"text": received.text, "calls": calls, "counts": counted}


def of_response(response: Json) -> Json:
    """What a Converse response tells, or one in Nova's words."""
    content, used = response["output"]["message"]["content"], response["usage"]
    calls = [
        {"id": use["toolUseId"], "name": use["name"], "input": use["input"]}
        for block in content
        if (use := block.get("toolUse"))
    ]
    counts = {
        "input": used["inputTokens"],
        "output": used["outputTokens"],
        "read": used.get("cacheReadInputTokens", used.get("cacheReadInputTokenCount")),
        "written": used.get("cacheWriteInputTokens", used.get("cacheWriteInputTokenCount")),
    }
    return {"text": "".join(block.get("text", "") for block in content), "calls": calls, "counts": counts}


def joined(events: list[Json]) -> Json:
    """Converse events as the response that they make."""
    blocks: dict[int, Json] = {}
    inputs: dict[int, str] = {}
    response: Json = {}
    for event in events:
        [(kind, items)] = event.items()
        index = items.get("contentBlockIndex", 0)
        if kind == "contentBlockStart":
            blocks[index] = {"toolUse": dict(items["start"]["toolUse"])}
            inputs[index] = ""
        elif kind == "contentBlockDelta" and "text" in items["delta"]:
            block = blocks.setdefault(index, {"text": ""})
            block["text"] += items["delta"]["text"]
        elif kind == "contentBlockDelta":
            inputs[index] += items["delta"]["toolUse"]["input"]
        elif kind == "metadata":
            response["usage"] = items["usage"]
    for index, text in inputs.items():
        blocks[index]["toolUse"]["input"] = json.loads(text or "{}")
    response["output"] = {"message": {"content": [blocks[index] for index in sorted(blocks)]}}
    return response


# --- each dialect -----------------------------------------------------------------------------------------------------


def by_translation(dialect: str) -> Callable[[Any, str, str, bool], Json]:
    def ask(harness: Harness, adapter: str, model: str, streamed: bool) -> Json:
        more = {"stream_options": {"include_usage": True}} if dialect == "chat" and streamed else {}
        body = harness.body(dialect, model, PROMPT, tools=TOOLS, streamed=streamed, **more)
        return of_received(harness.ask(dialect, body).ok())

    return ask


def by_bedrock(harness: Harness, adapter: str, model: str, streamed: bool) -> Json:
    path = f"/model/{model}/converse{'-stream' if streamed else ''}"
    response = harness.gateway.post(path, converse(harness, model))
    assert response.status_code == 200, response.text
    if not streamed:
        return of_response(response.json())
    frames = eventstream.Decoder().feed(response.content)
    return of_response(joined([{str(frame.headers[":event-type"]): json.loads(frame.payload)} for frame in frames]))


def natively(harness: Harness, adapter: str, model: str, streamed: bool) -> Json:
    """The model's own body, and its own answer."""
    wire = OWN[adapter]
    response = harness.gateway.post(
        f"/v1/models/{model}/invoke{'-stream' if streamed else ''}", make_own_body(harness, wire, model)
    )
    assert response.status_code == 200, response.text
    if wire in CLIENTS:
        return of_received(harness.told(CLIENTS[wire][0], Renamed(response) if streamed else response).ok())
    if not streamed:
        return of_response(response.json())
    events = [event for event in Decoder().feed(response.content) if event.event != "usage"]
    if wire == "nova":
        chunks = [json.loads(event.data) for event in events]
        return of_response(
            joined([{kind: payload} for chunk in chunks for kind, payload in chunk.items() if kind in KINDS])
        )
    return of_response(joined([{event.event: json.loads(event.data)} for event in events]))


KINDS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")


def make_own_body(harness: Harness, wire: str, model: str) -> Json:
    if wire not in CLIENTS:
        return converse(harness, model)
    dialect, members = CLIENTS[wire]
    body = harness.body(dialect, model, PROMPT, tools=TOOLS, **members)
    return {name: value for name, value in body.items() if name != "model"}


class Renamed:
    """A model's own stream by the native route, with the events as the API has them whose format it is."""

    def __init__(self, response: Any) -> None:
        self.status_code, self.headers, self.text = response.status_code, response.headers, response.text
        chunks = [json.loads(event.data) for event in Decoder().feed(response.content) if event.event != "usage"]
        self.content = b"".join(
            sse.encode(chunk) if isinstance(chunk, str) else sse.encode_json(chunk, chunk.get("type"))
            for chunk in chunks
        )


DIALECTS: dict[str, Callable[[Any, str, str, bool], Json]] = {
    "chat": by_translation("chat"),
    "responses": by_translation("responses"),
    "anthropic": by_translation("anthropic"),
    "bedrock": by_bedrock,
    "native": natively,
}


def test_every_adapter_that_speaks_is_among_them() -> None:
    assert set(ADAPTERS) >= {"claude", "nova", "converse"}


def can_be_compared(name: str, adapter: str, streamed: bool) -> bool:
    """Whether there is such an answer with the text, the tools and the counts.

    What a family's own format cannot express, or writes otherwise than the formats above, is tested with the family.
    """
    if name not in ("bedrock", "native"):
        return True
    if streamed and adapter in UNSTREAMED:
        return False
    if name == "bedrock":
        return True
    is_mute = adapter == "acme-mute" and streamed
    is_counted = adapter not in ADAPTERS or REGISTRY.adapters[adapter].chat_form.has_usage
    return OWN[adapter] in ("converse", "nova", *CLIENTS) and is_counted and not is_mute


COMPARED = [
    pytest.param(name, adapter, streamed, id=f"{name}-{adapter}-{'streamed' if streamed else 'whole'}")
    for name in DIALECTS
    for adapter in MODELS
    for streamed in (False, True)
    if can_be_compared(name, adapter, streamed)
]


@pytest.mark.parametrize(("name", "adapter", "streamed"), COMPARED)
def test_every_dialect_with_every_adapter_tells_the_same(
    harness: Harness, scripted: Any, name: str, adapter: str, streamed: bool
) -> None:
    result = DIALECTS[name](harness, adapter, MODELS[adapter], streamed)
    assert result == {"text": TEXT, "calls": CALLS, "counts": COUNTS}


def test_a_model_without_streams_has_none_on_the_native_route(harness: Harness) -> None:
    """There its answer goes out as it came."""
    model = MODELS["acme-mute"]
    response = harness.gateway.post(f"/v1/models/{model}/invoke-stream", converse(harness, model))
    assert (response.status_code, response.json()["code"]) == (400, "not_streamable")


@pytest.mark.parametrize("adapter", ["claude", "nova"])
def test_the_counts_are_in_the_log_as_bedrock_told_them(
    harness: Harness, scripted: Any, dialect: str, adapter: str, streamed: bool
) -> None:
    response = harness.ask(dialect, harness.body(dialect, MODELS[adapter], PROMPT, tools=TOOLS, streamed=streamed)).ok()
    line = harness.gateway.line(response.response.headers["x-request-id"])
    counted = [line[f"{sort}_tokens"] for sort in ("input", "output", "cache_read", "cache_write")]
    assert counted == [3, 10, 32651, 17]


def test_case_30_i_texts_are_embedded_one_by_one_and_keep_their_order(harness: Harness, emulator: Emulator) -> None:
    texts = ["one", "two", "three"]

    def vectors(given: Any) -> list[list[float]]:
        response = harness.gateway.post("/v1/embeddings", {"model": "titan-embed", "input": given, "dimensions": 256})
        assert response.status_code == 200, response.text
        return [each["embedding"] for each in response.json()["data"]]

    together = vectors(texts)
    assert len(emulator.calls()) == 3
    alone = [vectors(text)[0] for text in texts]
    assert together == alone
    assert len({tuple(each) for each in alone}) == 3
