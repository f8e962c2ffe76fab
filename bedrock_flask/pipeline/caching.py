"""Whether the gateway marks what a model caches, for requests whose format has no marks and that have none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask import headers
from bedrock_flask.converse import Request, member
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import CallerError
from bedrock_flask.models.models_file import AUTO, CACHE_MODES, OFF, ON
from bedrock_flask.models.resolver import Model
from bedrock_flask.translation.repairs.add_cache_points import has_cache_points
from bedrock_flask.translation.request import Caching

_OPTIONS = "prompt_cache_options"


@dataclass(frozen=True)
class CacheWish:
    """What a request says of caching.

    `mode` is empty if it says nothing. `ttl` is the lifetime of Bedrock's that keeps the one that is asked for.
    """

    mode: str = ""
    ttl: str | None = None


@dataclass(slots=True)
class CacheChoice:
    """The request, how it is cached, and what of the caller's wish is dropped."""

    request: Request
    caching: Caching | None = None
    dropped: tuple[str, ...] = ()


def read_openai_wish(body: Mapping[str, Any]) -> CacheWish:
    """The wish of a request in a format of OpenAI's, which caches by itself.

    `mode: explicit` there means that only the caller's own marks count. Of the lifetimes `ttl` is a promise, which
    Bedrock's hour keeps; `prompt_cache_retention` is a limit, which any lifetime keeps. Source: OpenAI's API reference,
    `prompt_cache_options` and `prompt_cache_retention`.
    """
    options = body.get(_OPTIONS) or {}
    if options.get("mode") == "explicit":
        return CacheWish(OFF)
    asks = options or body.get("prompt_cache_key") or body.get("prompt_cache_retention")
    return CacheWish(ON if asks else "", "1h" if options.get("ttl") else None)


def choose_caching(exchange: Exchange, model: Model, canonical: Request, wish: CacheWish | None) -> CacheChoice:
    """How a canonical request is cached; one with marks of its own, or without a wish, stays as it is.

    The request's header decides first, then what its body excludes, then the alias, then the key, then the settings.
    """
    if wish is None or (not exchange.has_header(headers.CACHE) and not _is_wanted("", exchange, model, wish)):
        # To look for marks is the dearest question, and most requests need no answer to it.
        return CacheChoice(canonical)
    if has_cache_points(canonical):
        return CacheChoice(canonical)
    ordered = _read_header(exchange)
    if not model.capabilities.cache:
        return CacheChoice(canonical, dropped=(headers.CACHE,) if ordered == ON else ())
    if not _is_wanted(ordered, exchange, model, wish):
        return CacheChoice(canonical)
    if wish.ttl is None or not model.capabilities.long_cache:
        return CacheChoice(canonical, Caching())
    return CacheChoice(_without_options(canonical), Caching(wish.ttl))


def _is_wanted(ordered: str, exchange: Exchange, model: Model, wish: CacheWish) -> bool:
    settings = exchange.settings
    own = dict(pair.rsplit(":", 1) for pair in settings.cache_keys).get(exchange.key, "") if settings.cache_keys else ""
    mode = ordered or (OFF if wish.mode == OFF else "") or model.cache or own or settings.cache
    return (wish.mode if mode == AUTO else mode) == ON


def _read_header(exchange: Exchange) -> str:
    mode = exchange.header(headers.CACHE).strip().lower()
    if mode and mode not in CACHE_MODES:
        raise CallerError(f"{headers.CACHE} is '{ON}', '{OFF}' or '{AUTO}'.")
    return mode


def _without_options(canonical: Request) -> Request:
    """The request without the options that its cache points express."""
    extras = {name: value for name, value in (member(canonical, "extras") or {}).items() if name != _OPTIONS}
    return {**canonical, "extras": extras}
