"""Every family that is registered answers on every way that fits its output, and is refused alike on both sides.

Nothing here names a family: a new plugin is tested as soon as it is there.
"""

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.contract.locations import FieldLocation, find_locations
from bedrock_flask.contract.samples import list_boundary_values
from bedrock_flask.headers import SURFACE
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.protocol.drawn_images import draw_image
from bedrock_flask.wires import WIRES
from tests.doubles import Emulator, Gateway, GatewayWith, StartEmulator

Json = dict[str, Any]
REGISTRY = load_registry()
QUESTION = "Tell me something about the sea."
DROP = {"x-bedrock-flask-unsupported": "drop"}


def find_default(adapter: Adapter) -> Capabilities:
    claim = REGISTRY.find_claim(adapter.model)
    assert claim is not None
    return claim.capabilities


# Those that answer at once, with the capabilities of the model that each name calls.
FAMILIES = {
    name: (adapter, find_default(adapter))
    for name, adapter in REGISTRY.adapters.items()
    if GENERIC not in adapter.models and adapter.operation != ASYNC
}


def list_families(*outputs: str) -> list[str]:
    return [name for name, (_, able) in FAMILIES.items() if able.output in outputs]


# --- a conversation through every dialect -----------------------------------------------------------------------------

DIALECTS: dict[str, Json] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 64},
    "/v1/messages": {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": 64},
    "/v1/responses": {"input": QUESTION, "max_output_tokens": 64},
}


def read_events(text: str) -> list[Json]:
    lines = (line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: "))
    return [json.loads(line) for line in lines if line != "[DONE]"]


def read_whole(path: str, document: Json) -> tuple[str, Json]:
    """The text of an answer and its counts, whatever the dialect."""
    if path.endswith("completions"):
        return document["choices"][0]["message"]["content"], document["usage"]
    if path.endswith("messages"):
        return "".join(block.get("text", "") for block in document["content"]), document["usage"]
    parts = [part for item in document["output"] for part in item.get("content") or ()]
    return "".join(part.get("text", "") for part in parts if part["type"] == "output_text"), document["usage"]


def read_stream(path: str, events: list[Json]) -> tuple[str, Json]:
    """The same of a stream."""
    if path.endswith("completions"):
        deltas = [choice["delta"] for event in events for choice in event["choices"]]
        usage = next(event["usage"] for event in reversed(events) if event.get("usage"))
        return "".join(delta.get("content") or "" for delta in deltas), usage
    if path.endswith("messages"):
        texts = [event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta"]
        [start] = [event["message"]["usage"] for event in events if event["type"] == "message_start"]
        [end] = [event["usage"] for event in events if event["type"] == "message_delta"]
        return "".join(texts), {**start, **end}
    assert events[-1]["type"] == "response.completed", events[-1]
    return read_whole(path, events[-1]["response"])


def count(usage: Json) -> tuple[int, int]:
    """The tokens in and out, by any dialect's names."""
    read, written = (
        next(usage[name] for name in names if name in usage)
        for names in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
    )
    return read, written


def is_conversable(adapter: Adapter) -> bool:
    """Whether requests of other formats can be written for the family."""
    return adapter.encode is not None or "converse" in adapter.speaks or adapter.wire in WIRES


@pytest.mark.parametrize("name", [name for name in list_families("text") if is_conversable(FAMILIES[name][0])])
def test_a_family_that_writes_text_answers_in_every_dialect(gateway: Gateway, name: str) -> None:
    _, able = FAMILIES[name]
    said: set[str] = set()
    counts: dict[str, set[tuple[int, int]]] = {}
    for path, body in DIALECTS.items():
        body = {**body, "model": name}
        if path.endswith("completions"):
            body["stream_options"] = {"include_usage": True}
        whole = gateway.post(path, {key: value for key, value in body.items() if key != "stream_options"}, headers=DROP)
        assert whole.status_code == 200, (path, whole.text)
        text, usage = read_whole(path, whole.json())
        assert text, path
        said.add(text)
        # Each of AWS's APIs counts for itself.
        counts.setdefault(whole.headers.get(SURFACE, ""), set()).add(count(usage))
        streamed = gateway.post(path, {**body, "stream": True}, headers=DROP)
        assert streamed.status_code == 200, (path, streamed.text)
        streamed_text, streamed_usage = read_stream(path, read_events(streamed.text))
        # A stream may begin or end with white space that a whole answer lacks.
        assert streamed_text.strip() == text.strip(), (path, able.streaming)
        assert count(streamed_usage) == count(usage), path
    assert len(said) == 1
    assert all(len(each) == 1 for each in counts.values()), counts


@pytest.mark.parametrize("name", FAMILIES)
def test_the_sample_is_answered_natively_and_its_usage_is_that_of_its_stream(gateway: Gateway, name: str) -> None:
    adapter, able = FAMILIES[name]
    whole = gateway.post(f"/v1/models/{name}/invoke", dict(adapter.sample))
    assert whole.status_code == 200, whole.text
    if not able.streaming:
        refused = gateway.post(f"/v1/models/{name}/invoke-stream", dict(adapter.sample))
        assert (refused.status_code, refused.json()["code"]) == (400, "not_streamable")
        return
    streamed = gateway.post(f"/v1/models/{name}/invoke-stream", dict(adapter.sample))
    assert streamed.status_code == 200, streamed.text
    assert "event: usage" in streamed.text, streamed.text[-300:]
    counts = read_events(streamed.text)[-1]
    for kind in ("input_tokens", "output_tokens"):
        assert str(counts.get(kind)) == whole.headers.get(f"x-bedrock-flask-{kind.replace('_', '-')}"), kind


# --- what is no text --------------------------------------------------------------------------------------------------


CLOSED = [
    *list_families("embedding", "ranking", "image", "video"),
    *(name for name in list_families("text") if not is_conversable(FAMILIES[name][0])),
]


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("path", DIALECTS)
def test_a_model_that_cannot_converse_is_refused_before_the_call(
    gateway: Gateway, emulator: Emulator, name: str, path: str
) -> None:
    response = gateway.post(path, {**DIALECTS[path], "model": name})
    assert response.status_code == 400, response.text
    assert "/v1/" in response.text
    assert emulator.calls() == []


@pytest.mark.parametrize("name", list_families("embedding"))
def test_an_embedding_family_has_a_vector_for_each_text(gateway: Gateway, name: str) -> None:
    response = gateway.post("/v1/embeddings", {"model": name, "input": ["one", "two", "three"]})
    assert response.status_code == 200, response.text
    vectors = [entry["embedding"] for entry in response.json()["data"]]
    assert len(vectors) == 3
    assert len({len(vector) for vector in vectors}) == 1
    assert vectors[0] != vectors[1]


@pytest.mark.parametrize("name", list_families("ranking"))
@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_a_ranking_family_ranks(gateway: Gateway, name: str, path: str) -> None:
    body = {"model": name, "query": "the sea", "documents": ["the sea is blue", "a road", "the sea"]}
    response = gateway.post(path, body)
    assert response.status_code == 200, response.text
    assert sorted(result["index"] for result in response.json()["results"]) == [0, 1, 2]


PIXELS = draw_image("a door", 768, 768)
# What a request of OpenAI's says in its own words.
OF_OPENAI = {"prompt", "image", "init_image", "style_image", "mask"}


def list_image_bodies(name: str, adapter: Adapter) -> Iterator[tuple[str, Json]]:
    """Requests for an image: of a text, of an image, and of two, with what else the family's sample has."""
    own = {
        member: value
        for member, value in adapter.sample.items()
        if member not in OF_OPENAI and member in adapter.extras
    }
    body = {"model": name, **own, "prompt": adapter.sample.get("prompt", "A door.")}
    yield "/v1/images/generations", {"model": name, "prompt": "A door."}
    for pictures in ({"image": PIXELS}, {"image": [PIXELS, PIXELS]}):
        for more in ({}, {"mask": PIXELS}):
            yield "/v1/images/edits", {**body, **pictures, **more}
            yield "/v1/images/edits", {"model": name, **own, **pictures, **more}


@pytest.mark.parametrize("name", list_families("image"))
def test_an_image_family_makes_images_by_openais_routes(gateway: Gateway, name: str) -> None:
    answers = [gateway.post(path, body) for path, body in list_image_bodies(name, FAMILIES[name][0])]
    made = [answer.json() for answer in answers if answer.status_code == 200]
    assert made, [answer.text for answer in answers]
    assert all(base64.b64decode(each["b64_json"], validate=True) for document in made for each in document["data"])
    assert {answer.status_code for answer in answers} <= {200, 400}


@pytest.mark.parametrize(
    ("path", "more"),
    [
        *((("/v1/embeddings", {"model": name, "input": "the sea"})) for name in list_families("embedding")),
        *(
            ("/v2/rerank", {"model": name, "query": "the sea", "documents": ["a road", "the sea"]})
            for name in list_families("ranking")
        ),
    ],
)
def test_the_usage_of_a_dialect_is_that_of_the_native_route(
    gateway: Gateway, emulator: Emulator, path: str, more: Json
) -> None:
    by_dialect = gateway.post(path, more)
    assert by_dialect.status_code == 200, by_dialect.text
    [call] = emulator.calls()
    native = gateway.post(f"/v1/models/{more['model']}/invoke", json.loads(call["body"]))
    tokens = "x-bedrock-flask-input-tokens"
    assert by_dialect.headers[tokens] == native.headers[tokens] != "0"


# --- asynchronous -----------------------------------------------------------------------------------------------------

ASYNCHRONOUS = {
    name: adapter
    for name, adapter in REGISTRY.adapters.items()
    if GENERIC not in adapter.models
    and (adapter.operation == ASYNC or "async-invoke" in (find_default(adapter).surfaces or ()))
}
OUTPUT = {"s3_uri": "s3://bucket/out/"}


@pytest.fixture(scope="module")
def account(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    return start_emulator("--async-dir", str(tmp_path_factory.mktemp("s3")))


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_an_asynchronous_family_takes_its_sample_and_refuses_faults_on_both_sides(
    account: Emulator, gateway_with: GatewayWith, name: str
) -> None:
    gateway, adapter = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=account.url), ASYNCHRONOUS[name]
    sample = dict(adapter.async_sample)
    path = f"/v1/models/{name}/jobs"
    started = gateway.post(path, {"input": sample, "output": OUTPUT})
    assert started.status_code == 202, started.text
    shown = gateway.get(f"{path}/{started.json()['id']}")
    assert shown.json()["status"] in ("in_progress", "completed"), shown.text
    base = json.loads(account.calls()[0]["body"])["modelId"]
    tried = 0
    changes = [("no_such_member", {**sample, "no_such_member": 1})]
    changes += [(member, {key: value for key, value in sample.items() if key != member}) for member in sample]
    changes += [(member, {**sample, member: [[]]}) for member in sample]
    for member, body in changes:
        if not (faults := adapter.find_async_faults(body)):
            continue
        tried += 1
        refused = gateway.post(path, {"input": body, "output": OUTPUT})
        assert refused.status_code == 400, (member, refused.text)
        assert refused.json()["errors"][0]["path"].startswith("input"), (member, faults)
        place = {"s3OutputDataConfig": {"s3Uri": OUTPUT["s3_uri"]}}
        there = account.post("/async-invoke", {"modelId": base, "modelInput": body, "outputDataConfig": place})
        assert there.status_code == 400, (member, there.text)
    assert tried >= 2


# --- refused alike ----------------------------------------------------------------------------------------------------

NATIVE = [name for name, (adapter, _) in FAMILIES.items() if adapter.operation == "InvokeModel"]
# Changes of each family that are tried: all of them would be thousands.
_TRIED = 12


def list_changes(adapter: Adapter) -> Iterator[tuple[str, Json]]:
    """The sample with one fault each: a member missing, unknown, of another type, or just out of its range."""
    yield "no_such_member", {**adapter.sample, "no_such_member": 1}
    locations = [*find_locations(adapter)]
    Random(7).shuffle(locations)
    for location in locations[: 4 * _TRIED]:
        yield from _change(location)


def _change(location: FieldLocation) -> Iterator[tuple[str, Json]]:
    if location.field.required:
        yield location.path, location.drop()
    for value in (True, {"no_such_member": 1}):
        if not location.field.accepts_type(value):
            yield location.path, location.put(value)
            break
    outside = [value for value, fits in list_boundary_values(location.field) if not fits]
    if outside:
        yield location.path, location.put(outside[0])


@pytest.mark.parametrize("name", NATIVE)
def test_a_body_with_a_fault_is_refused_by_the_gateway_and_by_the_emulator(
    gateway: Gateway, emulator: Emulator, name: str
) -> None:
    adapter, _ = FAMILIES[name]
    tried = 0
    for path, body in list_changes(adapter):
        # Some changes are right: a member may be open, or two faults of one place.
        if not (faults := adapter.find_faults(body)) or tried == _TRIED:
            continue
        tried += 1
        before = len(emulator.calls())
        refused = gateway.post(f"/v1/models/{name}/invoke", body)
        assert refused.status_code == 400, (path, refused.text)
        assert [fault["path"] for fault in refused.json()["errors"]][:1] == [faults[0].path], path
        assert len(emulator.calls()) == before, path
        there = emulator.post(f"/model/{adapter.model}/invoke", body)
        assert there.status_code == 400, (path, there.text)
    assert tried >= 2


@pytest.fixture(scope="module")
def lenient(start_emulator: StartEmulator) -> Emulator:
    """An emulator without the rules of single models."""
    return start_emulator("--lenient")


@pytest.mark.parametrize("name", NATIVE)
def test_bodies_that_fit_are_accepted_by_the_emulator(lenient: Emulator, name: str) -> None:
    """The sample, and each end of the ranges of its members, but for what a single model of the family refuses."""
    adapter, _ = FAMILIES[name]
    inside = [
        location.put(value)
        for location in find_locations(adapter)
        for value, fits in list_boundary_values(location.field)
        if fits and len(repr(value)) < 2000
    ]
    Random(7).shuffle(inside)
    passing = [body for body in (dict(adapter.sample), *inside) if not adapter.find_faults(body)]
    for body in passing[:_TRIED]:
        response = lenient.post(f"/model/{adapter.model}/invoke", body)
        # What the members need of each other, such as a choice of a tool its tool, is no matter of the schema.
        assert response.status_code == 200 or "Malformed input" not in response.text, (body, response.text)
        assert "x-emulator-unknown-fields" not in response.headers
