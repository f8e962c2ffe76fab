"""What goes wrong before a model is called is answered in the words of the API that was called, at each address."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway, StartGateway

KEY = "k" * 32
LIMIT = 100_000
NOVA = "amazon.nova-lite-v1:0"
TURNS = [{"role": "user", "content": [{"text": "hi"}]}]
CHAT = {"model": NOVA, "messages": [{"role": "user", "content": "hi"}]}
OPENAI = {
    "/v1/chat/completions": CHAT,
    "/openai/v1/chat/completions": CHAT,
    "/v1/responses": {"model": NOVA, "input": "hi"},
    "/v1/embeddings": {"model": "amazon.titan-embed-text-v2:0", "input": "hi"},
}
ANTHROPIC = {
    "/v1/messages": {**CHAT, "max_tokens": 9},
    "/anthropic/v1/messages": {**CHAT, "max_tokens": 9},
    "/v1/messages/count_tokens": CHAT,
}
NATIVE = {
    f"/v1/models/{NOVA}/invoke": {"messages": TURNS},
    f"/v1/models/{NOVA}/invoke-stream": {"messages": TURNS},
    "/v1/invoke": {"model": NOVA, "input": {"messages": TURNS}},
}
BEDROCK = {
    f"/model/{NOVA}/converse": {"messages": TURNS},
    f"/model/{NOVA}/converse-stream": {"messages": TURNS},
    f"/model/{NOVA}/invoke": {"messages": TURNS},
    f"/model/{NOVA}/invoke-with-response-stream": {"messages": TURNS},
    f"/model/{NOVA}/count-tokens": {"input": {"converse": {"messages": TURNS}}},
}
BODIES = OPENAI | ANTHROPIC | NATIVE | BEDROCK


def read_openai(response: Any) -> str:
    document = response.json()
    assert {"message", "type", "param", "code"} <= document["error"].keys()
    assert document["request_id"]
    return str(document["error"]["message"])


def read_anthropic(response: Any) -> str:
    document = response.json()
    assert document["type"] == "error"
    assert document["request_id"] == response.headers["request-id"]
    assert document["error"]["type"].endswith("_error") or document["error"]["type"] == "request_too_large"
    return str(document["error"]["message"])


def read_native(response: Any) -> str:
    document = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert document["status"] == response.status_code
    assert document["request_id"] == response.headers["x-request-id"]
    return str(document["detail"])


def read_bedrock(response: Any) -> str:
    assert response.headers["x-amzn-errortype"].endswith("Exception")
    assert response.headers["x-amzn-requestid"] == response.headers["x-request-id"]
    return str(response.json()["message"])


READERS: dict[str, Callable[[Any], str]] = {
    path: read
    for bodies, read in (
        (OPENAI, read_openai),
        (ANTHROPIC, read_anthropic),
        (NATIVE, read_native),
        (BEDROCK, read_bedrock),
    )
    for path in bodies
}


@pytest.fixture(scope="module")
def keyed(start_gateway: StartGateway) -> Gateway:
    return start_gateway(
        BEDROCK_FLASK_API_KEYS=f"me:{KEY}", BEDROCK_FLASK_MAX_BODY_BYTES=str(LIMIT), BEDROCK_FLASK_MAX_ATTEMPTS="1"
    )


def rename(path: str, body: Any) -> tuple[str, str]:
    """The same request for a model that nobody has."""
    return path.replace(NOVA, "no such model"), json.dumps({**body, "model": "no such model"})


# What is sent to an address with its body, and the statuses of the answer.
BROKEN: dict[str, tuple[Callable[[str, Any], dict[str, Any]], tuple[int, ...]]] = {
    "malformed JSON": (lambda path, body: {"data": "{"}, (400,)),
    "an empty body": (lambda path, body: {"data": ""}, (400,)),
    "a list": (lambda path, body: {"data": "[]"}, (400,)),
    "a text": (lambda path, body: {"data": '"hi"'}, (400,)),
    "an empty object": (lambda path, body: {"data": "{}"}, (400,)),
    "a member of a wrong type": (
        lambda path, body: {"data": json.dumps({**body, "messages": 3, "input": 3, "model": 3})},
        (400,),
    ),
    "bytes that are no text": (lambda path, body: {"data": b"\xff{}"}, (400,)),
    "a compressed body": (
        lambda path, body: {"data": json.dumps(body), "headers": {"content-encoding": "gzip"}},
        (415,),
    ),
    "a body that is too large": (lambda path, body: {"data": " " * (LIMIT + 1)}, (413,)),
    "another method": (lambda path, body: {"method": "DELETE"}, (405,)),
    "an address below it": (lambda path, body: {"path": f"{path}/nowhere", "data": json.dumps(body)}, (404, 405)),
    "no key": (lambda path, body: {"data": json.dumps(body), "key": ""}, (401, 403)),
    "a wrong key": (lambda path, body: {"data": json.dumps(body), "key": "x" * 32}, (401, 403)),
    "an unknown model": (
        lambda path, body: dict(zip(("path", "data"), rename(path, body), strict=True)),
        (404,),
    ),
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_answered_in_the_words_of_the_api(
    keyed: Gateway, emulator: Emulator, name: str, path: str
) -> None:
    make, statuses = BROKEN[name]
    request = {"method": "POST", "path": path, "key": KEY, "headers": {}, **make(path, BODIES[path])}
    headers = {**request["headers"], **({"x-api-key": request["key"]} if request["key"] else {})}
    response = keyed.ask(request["method"], request["path"], data=request.get("data"), headers=headers)
    assert response.status_code in statuses, response.text
    assert READERS[path](response)
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["request-id"] == response.headers["x-request-id"]
    # What a count is made of is Bedrock's to read.
    assert emulator.calls() == [] or path.endswith("/count-tokens")


# What Bedrock refuses, the status for other clients than AWS's own, and a word that must reach the caller.
REFUSED: dict[str, tuple[int, str]] = {
    "AccessDeniedException": (403, "access"),
    "ResourceNotFoundException": (404, "model"),
    "ThrottlingException": (429, "wait"),
    "ModelNotReadyException": (503, "ready"),
    "ServiceUnavailableException": (503, "try again"),
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("name", REFUSED)
def test_what_bedrock_refuses_is_answered_in_the_words_of_the_api(
    keyed: Gateway, emulator: Emulator, name: str, path: str
) -> None:
    emulator.fault(name, message=f"Of {name}: {REFUSED[name][1]}.")
    response = keyed.post(path, BODIES[path], headers={"x-api-key": KEY})
    message = READERS[path](response)
    assert REFUSED[name][1] in message
    if path in BEDROCK:
        assert response.headers["x-amzn-errortype"] == name
    else:
        assert response.status_code == REFUSED[name][0]
