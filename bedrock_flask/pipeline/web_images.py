"""Images by URL: fetched where the operator allows it, and put into the body as data, because Bedrock takes no URLs."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bedrock_flask.config.settings import Settings
from bedrock_flask.converse import Json
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import BodyTooLarge, FieldError, InvalidBody
from bedrock_flask.models.resolver import Model
from bedrock_flask.protocol import data_uri
from bedrock_flask.protocol.json_path import Path, format_path, put_at
from bedrock_flask.transport.web_images import WebImage, WebImageError, WebLimits, fetch_image
from bedrock_flask.wires.reading.media_types import LIST_ITS_HOST

# The images of one request that are fetched, and the time beyond that of an image that a name's resolution may take.
_MOST_IMAGES = 20
_GRACE = 1.0


@dataclass(frozen=True)
class ImageForm:
    """Where a part has the URL of an image; what is written takes the place of the value `up` steps above it."""

    path: Path
    write: Callable[[WebImage], Any]
    up: int = 0


def _write_uri(image: WebImage) -> str:
    return data_uri.write(image.media_type, image.content)


def _write_source(image: WebImage) -> Json:
    return {"type": "base64", "media_type": image.media_type, "data": image.content}


# By the `type` of the part: in OpenAI's chat completions, in its responses, and in Anthropic's messages.
FORMS: Mapping[str, ImageForm] = MappingProxyType(
    {
        "image_url": ImageForm(("image_url", "url"), _write_uri),
        "input_image": ImageForm(("image_url",), _write_uri),
        "image": ImageForm(("source", "url"), _write_source, up=1),
    }
)


def take_images(exchange: Exchange, model: Model, data: bytes, body: Any) -> tuple[bytes, Any]:
    """A body, its text and its value, with the images of its URLs in it; the same where nothing is fetched.

    Raises InvalidBody for each URL that cannot be fetched, by its path.
    """
    settings = exchange.settings
    if not settings.image_hosts or not model.capabilities.images:
        return data, body
    found = _list_urls(data, body)
    if not found:
        return data, body
    images = _fetch_all(exchange, {path: url for path, url, _ in found}, _make_limits(settings))
    for path, _, form in found:
        body = put_at(body, path[: len(path) - form.up], form.write(images[path]))
    written = json.dumps(body, ensure_ascii=False).encode()
    if len(written) > settings.max_body_bytes:
        raise BodyTooLarge(f"With its images the body is larger than the limit of {settings.max_body_bytes} bytes.")
    return written, body


def reject_urls(data: bytes, body: Any) -> None:
    """Raise InvalidBody for images by URL in a body that a model gets as it came, because Bedrock fetches none.

    Source: public reports (pollinations/pollinations#5862, Portkey-AI/gateway#1078).
    """
    if found := _list_urls(data, body):
        words = f"is a URL, which the gateway does not fetch; send the image as base64, {LIST_ITS_HOST}"
        raise InvalidBody([FieldError(format_path(path), words) for path, _, _ in found])


def _make_limits(settings: Settings) -> WebLimits:
    return WebLimits(settings.image_hosts, settings.image_networks, settings.image_max_bytes, settings.image_timeout)


def _list_urls(data: bytes, body: Any) -> Sequence[tuple[Path, str, ImageForm]]:
    """What `_find_urls` finds in a body; most have no member of such a name."""
    return [*_find_urls(body, ())] if b'url"' in data else ()


def _find_urls(value: Any, path: Path) -> Iterator[tuple[Path, str, ImageForm]]:
    """The path of each URL of an image, the URL, and its form."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _find_urls(inner, (*path, index))
    elif isinstance(value, dict):
        form = FORMS.get(value["type"]) if isinstance(value.get("type"), str) else None
        url = _find_text(value, form.path) if form else None
        if form and url and url[:8].lower().startswith(("https://", "http://")):
            yield (*path, *form.path), url, form
        else:
            for name, inner in value.items():
                yield from _find_urls(inner, (*path, name))


def _find_text(value: Any, path: Path) -> str | None:
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _fetch_all(exchange: Exchange, urls: Mapping[Path, str], limits: WebLimits) -> Mapping[Path, WebImage]:
    """The images, fetched side by side; raises InvalidBody with the fault of each that cannot be."""
    if len(urls) > _MOST_IMAGES:
        paths = [format_path(path) for path in urls][_MOST_IMAGES:]
        raise InvalidBody([FieldError(paths[0], f"is one URL too many: at most {_MOST_IMAGES} images are fetched")])
    until = time.monotonic() + limits.seconds + _GRACE
    futures: dict[Path, Future[WebImage]] = {
        path: exchange.state.pool.submit(fetch_image, url, limits) for path, url in urls.items()
    }
    images: dict[Path, WebImage] = {}
    faults: list[FieldError] = []
    for path, future in futures.items():
        try:
            images[path] = future.result(max(until - time.monotonic(), 0))
        except WebImageError as error:
            faults.append(FieldError(format_path(path), str(error)))
        except FutureTimeoutError:
            future.cancel()
            faults.append(FieldError(format_path(path), f"cannot be fetched within {limits.seconds:g} seconds"))
    if faults:
        raise InvalidBody(faults)
    return images
