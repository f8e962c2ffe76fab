"""Valid bodies for every family and every route that it has, to be changed: paths and JSON objects, and forms."""

from base64 import b64decode
from collections.abc import Iterator
from functools import cache
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.registry import Registry
from bedrock_flask.protocol.drawn_images import draw_image
from tests.dialects import full_bodies

Json = dict[str, Any]
BOUNDARY = "edge-of-a-part"
# Models that only a surface serves: chat completions, and responses.
SURFACE_MODELS = ("google.gemma-4-31b", "openai.gpt-5.5")
_TEXT = "A lighthouse that is made of paper."
_CHATS = {
    "/v1/chat/completions": full_bodies.CHAT,
    "/v1/responses": full_bodies.RESPONSES,
    "/v1/messages": full_bodies.MESSAGES,
}


@cache
def find_registry() -> Registry:
    """The built-in plugins."""
    return load_registry()


def list_bodies() -> Iterator[tuple[str, Json]]:
    """A path and a valid body for every family, whole and streamed, and for every dialect that fits it."""
    for name, adapter in find_registry().adapters.items():
        yield from _list_native(name, adapter)
        yield from _list_outputs(name, adapter)
    for model in SURFACE_MODELS:
        for path, body in _CHATS.items():
            yield path, {**body, "model": model}
            yield path, {**body, "model": model, "stream": True}


def _list_native(name: str, adapter: Adapter) -> Iterator[tuple[str, Json]]:
    sample = dict(adapter.sample)
    yield f"/v1/models/{name}/invoke", sample
    yield f"/v1/models/{name}/invoke-stream", sample
    yield "/v1/invoke", {"model": name, "input": sample}
    yield f"/model/{adapter.model}/invoke", sample
    if adapter.async_invoke is not None or ASYNC in adapter.speaks.values():
        own = dict(adapter.async_sample)
        place = {"s3_uri": "s3://videos/out", "kms_key_id": "k", "bucket_owner": "111122223333"}
        job = {"input": own, "output": place, "client_request_token": "t1", "tags": {"team": "a"}}
        yield f"/v1/models/{name}/jobs", job
        config = {"s3OutputDataConfig": {"s3Uri": "s3://videos/out"}}
        yield "/async-invoke", {"modelId": adapter.model, "modelInput": own, "outputDataConfig": config}


def _list_outputs(name: str, adapter: Adapter) -> Iterator[tuple[str, Json]]:
    output = next(iter(adapter.models.values())).output
    if output == "text":
        messages = [{"role": "user", "content": "Hi."}]
        yield "/v1/chat/completions", {"model": name, "messages": messages, "max_tokens": 9, "stream": True}
        yield "/v1/responses", {"model": name, "input": "Hi.", "instructions": "Be brief.", "max_output_tokens": 9}
        yield "/v1/messages", {"model": name, "messages": messages, "system": "Be brief.", "max_tokens": 9}
        yield "/v1/messages/count_tokens", {"model": name, "messages": messages}
    elif output == "embedding":
        yield "/v1/embeddings", {"model": name, "input": [_TEXT, "b"], "encoding_format": "base64", "user": "u"}
    elif output == "ranking":
        body = {"model": name, "query": "Where?", "documents": [_TEXT, {"text": "b"}], "top_n": 1}
        yield "/v1/rerank", {**body, "return_documents": True, "rank_fields": ["text"]}
        yield "/v2/rerank", {**body, "max_tokens_per_doc": 100, "priority": 1}
    elif output == "image":
        image = draw_image("a street", 64, 64)
        generated = {"model": name, "prompt": _TEXT, "size": "1024x1024", "n": 1, "quality": "auto"}
        yield "/v1/images/generations", {**generated, "response_format": "b64_json", "background": "auto"}
        edited = {"model": name, "prompt": _TEXT, "image": f"data:image/png;base64,{image}"}
        yield "/v1/images/edits", {**edited, "mask": draw_image("", 64, 64, transparent=True)}
        yield "/v1/images/edits", {**edited, "images": [{"image_url": f"data:image/png;base64,{image}"}]}


def list_forms() -> Iterator[bytes]:
    """Edits of images as forms with files."""
    names = [name for name, each in find_registry().adapters.items() if _makes_images(each)]
    for name in names:
        texts = {"model": name, "prompt": _TEXT, "n": "1", "size": "1024x1024", "style[preset]": "[1, 2]"}
        parts = [_write_part(f'name="{member}"', text.encode()) for member, text in texts.items()]
        for file in ("image", "image[]", "mask"):
            head = f'name="{file}"; filename="a.png"\r\nContent-Type: image/png'
            parts.append(_write_part(head, b64decode(draw_image("", 16, 16, transparent=True))))
        yield b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _makes_images(adapter: Adapter) -> bool:
    return next(iter(adapter.models.values())).output == "image"


def _write_part(head: str, content: bytes) -> bytes:
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n"
    return start.encode() + content + b"\r\n"
