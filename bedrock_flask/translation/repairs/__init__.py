"""Make a Converse request that was translated from another format acceptable to Bedrock; one repair a file."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.alias_tool_names import (
    alias_tool_ids,
    alias_tool_names,
    restore_event_tool_names,
    restore_tool_names,
)
from bedrock_flask.translation.repairs.check_capabilities import (
    check_media,
    check_system,
    check_tools,
    limit_stop_sequences,
    refuses_media,
    refuses_system,
    refuses_tools,
    reject_duplicate_tools,
)
from bedrock_flask.translation.repairs.check_property_names import check_property_names
from bedrock_flask.translation.repairs.check_tool_pairs import check_tool_pairs
from bedrock_flask.translation.repairs.choose_tool import choose_tool
from bedrock_flask.translation.repairs.constrain_strict_tools import constrain_strict_tools
from bedrock_flask.translation.repairs.contents import (
    BLANK,
    NO_MESSAGES,
    OPEN_ANSWER,
    SYSTEM_TURN,
    UNEVEN_TURNS,
    find_contents,
)
from bedrock_flask.translation.repairs.drop_billing_line import drop_billing_line
from bedrock_flask.translation.repairs.drop_blank_stops import drop_blank_stops
from bedrock_flask.translation.repairs.drop_blank_text import drop_blank_text
from bedrock_flask.translation.repairs.drop_strict import drop_strict
from bedrock_flask.translation.repairs.encode_documents import encode_documents
from bedrock_flask.translation.repairs.fill_results import fill_results
from bedrock_flask.translation.repairs.flatten_tool_history import flatten_tool_history
from bedrock_flask.translation.repairs.join_turns import join_turns
from bedrock_flask.translation.repairs.limit_inference import (
    drop_stop_sequences,
    fit_max_tokens,
    refuses_stop_sequences,
)
from bedrock_flask.translation.repairs.limit_sampling import limit_sampling, limits_sampling
from bedrock_flask.translation.repairs.name_documents import name_documents
from bedrock_flask.translation.repairs.name_effort import name_effort
from bedrock_flask.translation.repairs.normalize_media import detect_image_formats, normalize_base64
from bedrock_flask.translation.repairs.order_reasoning import drop_unsigned_reasoning, move_reasoning_first
from bedrock_flask.translation.repairs.place_cache_points import drop_unsupported_cache_points, place_cache_points
from bedrock_flask.translation.repairs.place_media import place_media
from bedrock_flask.translation.repairs.place_system_turns import place_system_turns, refuses_system_prompt
from bedrock_flask.translation.repairs.record import Repair, RepairResult, trace_faults
from bedrock_flask.translation.repairs.require_json import require_json
from bedrock_flask.translation.repairs.require_object_schemas import require_object_schemas
from bedrock_flask.translation.repairs.simplify_schemas import simplify_schemas
from bedrock_flask.translation.repairs.translate_thinking import translate_thinking
from bedrock_flask.translation.repairs.trim_prefill import trim_prefill
from bedrock_flask.translation.repairs.wrap_tool_inputs import wrap_tool_inputs

__all__ = ["REPAIRS", "RepairResult", "apply_repairs", "restore_event_tool_names", "restore_tool_names"]

_FILES = ("document", "video", "audio")
_MEDIA = ("image", *_FILES)
_CALLS = ("toolUse", "toolResult")
_NAMED = ("toolConfig", "toolUse", "toolAddition", "toolRemoval")
_REASONING = ("effort", "thinking")
_STOPS = "stopSequences"

# The order matters: what rejects or drops comes before `place_system_turns`, so that paths are those of the caller's
# request; what follows it works on whole turns.
REPAIRS: tuple[Repair, ...] = (
    Repair(check_system, ("system",), refuses_system),
    Repair(check_tools, ("toolConfig",), refuses_tools),
    Repair(check_media, _MEDIA, refuses_media),
    Repair(limit_stop_sequences, (_STOPS,)),
    Repair(drop_blank_stops, (_STOPS,)),
    Repair(reject_duplicate_tools, ("toolSpec",)),
    Repair(drop_billing_line, ("system",)),
    Repair(drop_blank_text, (BLANK,)),
    Repair(encode_documents, ("document",)),
    Repair(normalize_base64, _FILES),
    Repair(detect_image_formats, ("image",)),
    Repair(wrap_tool_inputs, ("toolUse",)),
    Repair(flatten_tool_history, ("toolConfig", *_CALLS)),
    Repair(check_tool_pairs, _CALLS),
    Repair(alias_tool_names, _NAMED),
    Repair(alias_tool_ids, _CALLS),
    Repair(require_json, ("outputConfig", "json_object")),
    Repair(require_object_schemas, ("toolSpec",)),
    Repair(simplify_schemas, ("toolSpec",)),
    Repair(check_property_names, ("toolSpec",)),
    Repair(drop_strict, ("toolSpec",)),
    Repair(constrain_strict_tools, ("toolSpec",)),
    Repair(drop_unsupported_cache_points, ("cachePoint",)),
    Repair(place_media, ("toolResult",)),
    Repair(fill_results, ("toolResult",)),
    Repair(drop_unsigned_reasoning, ("reasoningContent",)),
    Repair(place_system_turns, (SYSTEM_TURN,)),
    Repair(place_system_turns, ("system",), refuses_system_prompt),
    Repair(join_turns, ("toolResult", UNEVEN_TURNS)),
    Repair(move_reasoning_first, ("reasoningContent",)),
    Repair(name_documents, ("document",)),
    Repair(place_cache_points, ("cachePoint",)),
    Repair(trim_prefill, (OPEN_ANSWER,)),
    Repair(name_effort, _REASONING),
    Repair(translate_thinking, _REASONING),
    Repair(choose_tool, ("toolConfig",)),
    Repair(limit_sampling, ("temperature", "topP", "top_k"), limits_sampling),
    Repair(drop_stop_sequences, (_STOPS,), refuses_stop_sequences),
    Repair(fit_max_tokens, ("maxTokens",)),
)


def apply_repairs(
    request: Request, capabilities: Capabilities, check: Callable[[], object] = lambda: None
) -> RepairResult:
    """Apply every repair to a request; InvalidBody names all that cannot be repaired, and has the result without it.

    `check` is called before each, and may raise an error that ends the work.
    """
    result = RepairResult(request)
    faults: list[FieldError] = []
    needed = _find_needed(REPAIRS, request, capabilities)
    while needed:
        repair, needed = needed[0], needed[1:]
        check()
        before = result.request
        try:
            result = result.then(_name_paths(repair, result, capabilities))
            if result.request is not before:
                later = REPAIRS[REPAIRS.index(repair) + 1 :]
                needed = _find_needed(later, result.request, capabilities)
        except InvalidBody as error:
            faults += trace_faults(result.request, error.fields)
        except (LookupError, ValueError):
            # A later repair may need what one before it could not do.
            if not faults:
                raise
            break
    if faults:
        raise InvalidBody(faults, rest=result)
    return result


def _find_needed(repairs: tuple[Repair, ...], request: Request, capabilities: Capabilities) -> tuple[Repair, ...]:
    """Those of the repairs that may have something to do for a request."""
    return _select_needed(repairs, find_contents(request) & _LOOKED_FOR, capabilities)


# Requests of one model are much alike.
@lru_cache(maxsize=1024)
def _select_needed(
    repairs: tuple[Repair, ...], contents: frozenset[str], capabilities: Capabilities
) -> tuple[Repair, ...]:
    if NO_MESSAGES in contents:
        # It is refused; until then each repair may find a fault of it.
        return repairs
    return tuple(
        repair for repair in repairs if not contents.isdisjoint(repair.looks_for) and repair.is_needed(capabilities)
    )


_LOOKED_FOR = frozenset({NO_MESSAGES}.union(*(repair.looks_for for repair in REPAIRS)))


def _name_paths(repair: Repair, before: RepairResult, capabilities: Capabilities) -> RepairResult:
    """What a repair makes of a request; its paths in the tool for the answer are those of what requires the answer."""
    tool = before.answer_tool
    if tool is None:
        return repair.apply(before.request, capabilities)
    try:
        result = repair.apply(before.request, capabilities)
    except InvalidBody as error:
        raise type(error)([replace(fault, path=tool.rename_path(fault.path)) for fault in error.fields]) from None
    return replace(
        result,
        reported=tuple(map(tool.rename_path, result.reported)),
        refused=tuple(map(tool.rename_path, result.refused)),
    )
