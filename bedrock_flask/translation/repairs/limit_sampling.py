"""Limit temperature, topP and top_k to what the model takes; while Claude reasons, it takes only their defaults."""

from collections.abc import Container, Mapping

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import get_extra, remove_member, set_extras
from bedrock_flask.translation.repairs.translate_thinking import is_thinking

_CONFIG = "inferenceConfig"
# The model's defaults: to drop one of these values changes nothing.
_DEFAULTS: Mapping[str, float] = {"temperature": 1, "topP": 1}
# The lowest topP beside reasoning ("Extended thinking", Feature compatibility).
_MIN_REASONING_TOP_P = 0.95


def limit_sampling(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop what the model rejects of temperature, topP and the extra `top_k`.

    Of two that it takes one at a time, one is dropped and reported; the caller decides on what it never takes.
    """
    reasons = bool(capabilities.thinking) and is_thinking(request)
    if capabilities.sampling == "both" and not reasons:
        return RepairResult(request)
    values = {name: member(request, _CONFIG, name) for name in _DEFAULTS} | {"top_k": get_extra(request, "top_k")}
    given = {name: value for name, value in values.items() if value is not None}
    kept = _keep_accepted(given, capabilities, reasons=reasons)
    dropped = [name for name in given if name not in kept]
    paths = tuple(_format_path(name) for name in dropped if given[name] != _DEFAULTS.get(name))
    one_of_two = capabilities.sampling == "one" and "temperature" in kept
    reported = tuple(path for path in paths if one_of_two and path == _format_path("topP"))
    refused = tuple(path for path in paths if path not in reported)
    return RepairResult(_remove(request, dropped), reported, refused)


def limits_sampling(capabilities: Capabilities) -> bool:
    """Whether there are requests whose sampling the model rejects."""
    return capabilities.sampling != "both" or bool(capabilities.thinking)


def _keep_accepted(given: Mapping[str, float], capabilities: Capabilities, *, reasons: bool) -> Mapping[str, float]:
    if capabilities.sampling == "none":
        return {}
    kept = {name: value for name, value in given.items() if not reasons or _is_valid_with_reasoning(name, value)}
    if capabilities.sampling == "one" and kept.keys() >= _DEFAULTS.keys():
        # Dropping a default loses nothing.
        del kept["temperature" if kept["temperature"] == _DEFAULTS["temperature"] else "topP"]
    return kept


def _is_valid_with_reasoning(name: str, value: float) -> bool:
    return value >= _MIN_REASONING_TOP_P if name == "topP" else value == _DEFAULTS.get(name)


def _remove(request: Request, names: Container[str]) -> Request:
    config = {name: value for name, value in (request.get(_CONFIG) or {}).items() if name not in names}
    if config != (request.get(_CONFIG) or {}):
        request = {**request, _CONFIG: config} if config else remove_member(request, _CONFIG)
    return set_extras(request, top_k=None) if "top_k" in names else request


def _format_path(name: str) -> str:
    return f"{_CONFIG}.{name}" if name in _DEFAULTS else name
