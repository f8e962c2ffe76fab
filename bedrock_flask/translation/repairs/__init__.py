"""What a Converse request that was translated from another format needs so that Bedrock takes it, one idea a file."""

from functools import reduce

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.translation.repairs import (
    abilities,
    blanks,
    caching,
    documents,
    images,
    media,
    prefill,
    reasoning,
    sampling,
    stops,
    thinking,
    tool_history,
    tool_ids,
    tool_list,
    tool_names,
    tool_pairs,
    tool_schemas,
    turns,
)
from bedrock_flask.translation.repairs.record import Repair, Repaired
from bedrock_flask.translation.repairs.tool_names import (
    restore_event_tool_names,
    restore_events_tool_names,
    restore_tool_names,
)

__all__ = [
    "REPAIRS",
    "Repaired",
    "apply_repairs",
    "restore_event_tool_names",
    "restore_events_tool_names",
    "restore_tool_names",
]

# What is refused comes first, and what is dropped before the turns are joined, so that paths are those of the request
# as it came; what follows looks at whole turns.
REPAIRS: tuple[Repair, ...] = (
    abilities.refused,
    stops.few,
    tool_list.distinct,
    blanks.dropped,
    media.decodable,
    images.labelled,
    tool_history.told,
    tool_pairs.tied,
    tool_names.aliased,
    tool_ids.aliased,
    tool_schemas.rooted,
    caching.supported,
    reasoning.signed,
    turns.alternating,
    reasoning.first,
    caching.placed,
    documents.named,
    prefill.trimmed,
    thinking.placed,
    sampling.allowed,
)


def apply_repairs(request: Request, capabilities: Capabilities) -> Repaired:
    """The request as Bedrock takes it for this model; InvalidBody names what cannot be put right."""
    return reduce(lambda sofar, repair: sofar.then(repair(sofar.request, capabilities)), REPAIRS, Repaired(request))
