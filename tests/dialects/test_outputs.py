"""A model is called by a route for what it makes; any other is refused before the call, with the route that fits."""

from typing import Any

import pytest

from tests.doubles import Emulator, Gateway

CHAT = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}
ROUTES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": CHAT,
    "/v1/messages": CHAT,
    "/v1/messages/count_tokens": {"messages": CHAT["messages"]},
    "/v1/responses": {"input": "Hello"},
    "/v1/embeddings": {"input": "Hello"},
    "/v1/images/generations": {"prompt": "A door."},
    "/v1/images/edits": {"prompt": "A door.", "image": "iVBORw0KGgo="},
    "/v2/rerank": {"query": "Hello", "documents": ["Hello"]},
}
CHATS = ("/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses")
IMAGES = ("/v1/images/generations", "/v1/images/edits")
# The routes of each model, and one that its refusals name.
MODELS = {
    "nova": (CHATS, "/v1/chat/completions"),
    "titan-embed": (("/v1/embeddings",), "/v1/embeddings"),
    "stable-image-core": (IMAGES, "/v1/images/generations"),
    "cohere-rerank": (("/v2/rerank",), "/v1/rerank"),
}


@pytest.mark.parametrize(
    ("model", "route"),
    [(model, route) for model, (own, _) in MODELS.items() for route in ROUTES if route not in own],
)
def test_another_route_is_refused_with_the_one_that_fits(
    gateway: Gateway, emulator: Emulator, model: str, route: str
) -> None:
    response = gateway.post(route, {"model": model, **ROUTES[route]})
    assert response.status_code == 400, response.text
    assert MODELS[model][1] in response.text
    assert f"'{model}' makes " in response.text
    assert emulator.calls() == []
