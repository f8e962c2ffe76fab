"""Limit maxTokens and the stop sequences to what the model takes."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import remove_member

_CONFIG = "inferenceConfig"


def drop_stop_sequences(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop the stop sequences of a model that takes none; only the caller may give them up."""
    config = request.get(_CONFIG) or {}
    if capabilities.stop_sequences or "stopSequences" not in config:
        return RepairResult(request)
    rest = {name: value for name, value in config.items() if name != "stopSequences"}
    dropped = {**request, _CONFIG: rest} if rest else remove_member(request, _CONFIG)
    return RepairResult(dropped, refused=(f"{_CONFIG}.stopSequences",) if config["stopSequences"] else ())


def refuses_stop_sequences(capabilities: Capabilities) -> bool:
    """Whether the model takes no stop sequences."""
    return not capabilities.stop_sequences


def fit_max_tokens(request: Request, capabilities: Capabilities) -> RepairResult:
    """Raise maxTokens to the smallest value that the model accepts, or lower it to the largest, which is reported."""
    limit = (request.get(_CONFIG) or {}).get("maxTokens")
    if limit is None:
        return RepairResult(request)
    fitting = max(limit, capabilities.least_tokens)
    if capabilities.most_tokens:
        fitting = min(fitting, capabilities.most_tokens)
    if fitting == limit:
        return RepairResult(request)
    config = {**request[_CONFIG], "maxTokens": fitting}
    return RepairResult({**request, _CONFIG: config}, (f"{_CONFIG}.maxTokens",))
