"""Drop stop sequences that the model refuses: empty ones, which mean nothing, and those of white space."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import remove_member

_PATH = "inferenceConfig.stopSequences"


def drop_blank_stops(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop empty stop sequences, and, reported, those of white space where the model takes none."""
    stops = member(request, "inferenceConfig", "stopSequences") or []
    blank = [index for index, stop in enumerate(stops) if stop and not stop.strip() and not capabilities.blank_stops]
    kept = [stop for stop in stops if stop.strip() or (stop and capabilities.blank_stops)]
    if kept == stops:
        return RepairResult(request)
    config = remove_member(request["inferenceConfig"], "stopSequences") | ({"stopSequences": kept} if kept else {})
    changed = {**request, "inferenceConfig": config} if config else remove_member(request, "inferenceConfig")
    return RepairResult(changed, tuple(f"{_PATH}[{index}]" for index in blank))
