"""OpenAI's images, for every image model whose plugin writes a request and reads the answer.

Source: OpenAI's API reference, Images; the types of the `openai` package.
"""

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from bedrock_flask.bodies import openai_images_body
from bedrock_flask.bodies.answers import ImagesAnswer
from bedrock_flask.bodies.image_body import needs_image
from bedrock_flask.converse import Json, Request
from bedrock_flask.dialect import Dialect, Route, render_as
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.form import is_form, parse_form
from bedrock_flask.edge.limit_headers import write_openai
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import FieldError, InvalidBody, NotConversable, UpstreamProtocolError, redact_account_arns
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.pipeline.outputs import require_output
from bedrock_flask.pipeline.prepared import make_prepared_call, make_whole_response, prepare_body
from bedrock_flask.pipeline.request import (
    parse_json,
    reject_faults,
    resolve_model,
    send,
    take_safeguards,
    unknown_paths,
)
from bedrock_flask.pipeline.response import add_gateway_headers
from bedrock_flask.protocol import data_uri
from bedrock_flask.protocol.image_files import find_base64_size
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.translation.answer import read_response
from bedrock_flask.wires.openai_errors import error_document
from bedrock_flask.wires.wire import LEFT_OUT

GENERATION, EDIT = openai_images_body.GenerationBody(), openai_images_body.EditBody()
# Members that are not parameters of the model.
_ENVELOPE = frozenset({"model", "prompt", "response_format", "stream", "image", "images", "mask"})
# Values that leave a choice to the model, or ask for what every model does.
_DEFAULTS: Mapping[str, Any] = {"n": 1, "partial_images": 0}
_AUTO = "auto"
_HINTS = ("user", "safety_identifier")
# Members that are texts, whatever a form has in them.
_TEXTS = ("model", "prompt", "size", "quality", "style", "background", "output_format", "response_format", *_HINTS)


def generate_images(exchange: Exchange) -> Response:
    """Make images of a text."""
    data = read_body(exchange)
    _, body = take_safeguards(exchange, data, parse_json(data))
    return _respond(exchange, body, GENERATION)


def edit_images(exchange: Exchange) -> Response:
    """Make images of others: a form with files, or JSON."""
    data = read_body(exchange)
    body = parse_form(exchange, data, _TEXTS) if is_form(exchange) else parse_json(data)
    _, body = take_safeguards(exchange, b"{}", body)
    return _respond(exchange, body, EDIT)


def _respond(exchange: Exchange, body: Any, schema: Schema) -> Response:
    faults = find_faults(schema, body)
    reject_faults([*faults, *_find_faults(body, is_edit=schema is EDIT)])
    model = resolve_model(exchange, body["model"])
    require_output(model, "image")
    if schema is GENERATION and needs_image(model.adapter.schema):
        raise NotConversable(f"'{model.name}' changes images, and makes none of a text; use POST /v1/images/edits.")
    unknown = unknown_paths(faults)
    prepared = prepare_body(exchange, model, body, partial(_read_request, unknown=unknown), _HINTS)
    call = make_prepared_call(exchange, model, prepared)
    reply = send(exchange, call)
    document = _write_answer(read_response(reply, call, prepared.names))
    response = make_whole_response(exchange, reply, document)
    size = document.get("size")
    resized = ["size"] if body.get("size") not in (None, _AUTO, size) and "size" not in prepared.dropped else []
    return add_gateway_headers(exchange, response, model, prepared.dropped, [*prepared.translated, *resized])


def _find_faults(body: Any, *, is_edit: bool) -> Iterable[FieldError]:
    """What no schema says: what the gateway cannot do whichever model it is."""
    if not isinstance(body, dict):
        return
    if body.get("response_format") == "url":
        yield FieldError("response_format", "must be b64_json: the gateway stores no images that a URL could name")
    if body.get("stream"):
        yield FieldError("stream", "must be false: images are not streamed")
    if is_edit and ("image" in body) is ("images" in body):
        yield FieldError("image", "does not go with images" if "image" in body else "is required")


def _read_request(body: Any, unknown: Iterable[str]) -> Request:
    """A canonical request: one message with the prompt and the images, and everything else as extras."""
    prompt = body.get("prompt")
    content = [{"text": prompt}] if prompt else []
    content += [{"image": {"format": "png", "source": {"bytes": image}}} for image in _read_images(body)]
    own = {name: body[name] for name in unknown if name in body}
    known = {
        name: value
        for name, value in body.items()
        if name not in _ENVELOPE and name not in own and value not in (None, _AUTO, _DEFAULTS.get(name))
    }
    # The mask is placed when all is known that decides what its colours mean.
    mask = {"mask": _read_mask(body["mask"])} if body.get("mask") is not None else {}
    return {"messages": [{"role": "user", "content": content}], "extras": {**own, **known, **mask}}


def _read_images(body: Any) -> list[str]:
    """The images in base64, each with its place in the body."""
    if "images" in body:
        return [_read_reference(each, f"images[{index}]") for index, each in enumerate(body["images"])]
    image = body.get("image")
    if image is None:
        return []
    if isinstance(image, list):
        return [_read_base64(each, f"image[{index}]") for index, each in enumerate(image)]
    return [_read_base64(image, "image")]


def _read_mask(mask: Any) -> str:
    return _read_reference(mask, "mask") if isinstance(mask, dict) else _read_base64(mask, "mask")


def _read_reference(reference: Json, path: str) -> str:
    if "image_url" in reference:
        return _read_base64(reference["image_url"], f"{path}.image_url")
    wrong = "is not supported: the gateway stores no files. Send image_url." if "file_id" in reference else ""
    raise InvalidBody([FieldError(f"{path}.file_id" if wrong else f"{path}.image_url", wrong or "is required")])


def _read_base64(text: str, path: str) -> str:
    """The base64 of a `data:` URI, or of a text that is base64 itself."""
    try:
        content = data_uri.read(text)[1] if ":" in text[:10] else data_uri.normalize_base64(text)
    except ValueError as error:
        raise InvalidBody([FieldError(path, str(error))]) from None
    return place_at(content, text)


def _write_answer(response: Any) -> Json:
    """OpenAI's answer; raises UpstreamProtocolError if there are no images in the model's."""
    content = ((response.get("output") or {}).get("message") or {}).get("content") or ()
    images = [block["image"] for block in content if "image" in block]
    if not images:
        raise UpstreamProtocolError("The model's answer has no images.")
    for image in images:
        _require_base64(image["source"]["bytes"])
    more = dict(response.get("additionalModelResponseFields") or {})
    # Some of the images may have been withheld.
    left_out = {LEFT_OUT: [redact_account_arns(str(message))]} if (message := more.pop("error", None)) else {}
    first = images[0]["source"]["bytes"]
    size = find_base64_size(first)
    return {
        "created": int(time.time()),
        "data": [{"b64_json": image["source"]["bytes"]} for image in images],
        "output_format": images[0]["format"],
        **({"size": f"{size[0]}x{size[1]}"} if size else {}),
        **more,
        **left_out,
    }


def _require_base64(image: str) -> None:
    try:
        data_uri.normalize_base64(image)
    except ValueError as error:
        raise UpstreamProtocolError(f"An image in the model's answer {error}.") from None


DIALECT = Dialect(
    title="OpenAI",
    mounts=("/v1", "/openai/v1"),
    error_prefixes=("/v1/images", "/openai/v1/images"),
    render_error=render_as(error_document),
    write_levels=write_openai,
    routes=(
        Route(
            path="/images/generations",
            respond=generate_images,
            summary="Images of a text",
            body=openai_images_body.GenerationBody,
            answer=ImagesAnswer,
            sample={"model": "stable-image-core", "prompt": "A door between two roads.", "size": "1024x1024"},
        ),
        Route(
            path="/images/edits",
            respond=edit_images,
            summary="Images of others, as a form with files or in JSON",
            body=openai_images_body.EditBody,
            answer=ImagesAnswer,
            is_form=True,
            sample={
                "model": "stable-image-remove-background",
                "image": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg==",
            },
        ),
    ),
)
