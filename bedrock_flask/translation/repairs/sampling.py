"""Sampling: newer models take temperature or topP, or neither, and Claude takes them as they are while it reasons."""

from collections.abc import Container, Mapping

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.translation.repairs.blocks import without
from bedrock_flask.translation.repairs.extras import extra, with_extras
from bedrock_flask.translation.repairs.record import Repaired
from bedrock_flask.translation.repairs.thinking import is_on

_CONFIG = "inferenceConfig"
# What happens where nothing is said: to drop it changes nothing.
_USUAL: Mapping[str, float] = {"temperature": 1, "topP": 1}
# The least topP beside reasoning ("Extended thinking", Feature compatibility).
_LEAST_TOP_P = 0.95


def allowed(request: Request, capabilities: Capabilities) -> Repaired:
    """Without what this model refuses of temperature, topP and the extra `top_k`.

    Of two that it takes one at a time one is left out and told; what it does not take at all is only the caller's.
    """
    said = {name: member(request, _CONFIG, name) for name in _USUAL} | {"top_k": extra(request, "top_k")}
    given = {name: value for name, value in said.items() if value is not None}
    kept = _kept(given, capabilities, reasons=bool(capabilities.thinking) and is_on(request))
    dropped = [name for name in given if name not in kept]
    told = tuple(_path(name) for name in dropped if given[name] != _USUAL.get(name))
    one_of_two = capabilities.sampling == "one" and "temperature" in kept
    reported = tuple(path for path in told if one_of_two and path == _path("topP"))
    refused = tuple(path for path in told if path not in reported)
    return Repaired(_without(request, dropped), reported, refused)


def _kept(given: Mapping[str, float], capabilities: Capabilities, *, reasons: bool) -> Mapping[str, float]:
    if capabilities.sampling == "none":
        return {}
    kept = {name: value for name, value in given.items() if not reasons or _fits_reasoning(name, value)}
    if capabilities.sampling == "one" and kept.keys() >= _USUAL.keys():
        # The one that asks for nothing is no loss.
        del kept["temperature" if kept["temperature"] == _USUAL["temperature"] else "topP"]
    return kept


def _fits_reasoning(name: str, value: float) -> bool:
    return value >= _LEAST_TOP_P if name == "topP" else value == _USUAL.get(name)


def _without(request: Request, names: Container[str]) -> Request:
    config = {name: value for name, value in (request.get(_CONFIG) or {}).items() if name not in names}
    if config != (request.get(_CONFIG) or {}):
        request = {**request, _CONFIG: config} if config else without(request, _CONFIG)
    return with_extras(request, top_k=None) if "top_k" in names else request


def _path(name: str) -> str:
    return f"{_CONFIG}.{name}" if name in _USUAL else name
