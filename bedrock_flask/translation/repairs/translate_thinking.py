"""Translate `effort` and Claude's `thinking` into the form that the model knows.

Sources: "Adaptive thinking" (AWS user guide); "Thinking", "Effort" and the migration guides of Anthropic.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import get_extra, set_extras

# The budget of tokens for an effort; at most half of maxTokens is used, so that there is room for an answer.
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768}
MIN_BUDGET = 1024
# The default effort of adaptive thinking.
_DEFAULT_EFFORT = "high"
_NO_EFFORT = "none"
_ON = ("enabled", "adaptive")
_TOOL_CHOICE = "toolConfig.toolChoice"


def translate_thinking(request: Request, capabilities: Capabilities) -> RepairResult:
    """Write `thinking` and `effort` in the form that the model knows; a model without `thinking` gets them unchanged.

    Where reasoning and a forced tool exclude each other, both are named and rejected.
    """
    given = "effort" if get_extra(request, "thinking") is None else "thinking"
    result = _switch_off(request, capabilities)
    result = result.then(_FORMS[capabilities.thinking](result.request, capabilities))
    if _is_budget_rejected(result.request, capabilities):
        result = result.then(RepairResult(set_extras(result.request, thinking=None), (given,)))
    if not capabilities.forced_while_reasoning and (faults := _find_forced_tool_faults(result.request, given)):
        raise InvalidBody(faults)
    return result


def is_thinking(request: Request) -> bool:
    """Whether `thinking` asks for reasoning."""
    return _get_thinking_type(request) in _ON


def _get_thinking_type(request: Request) -> str | None:
    kind = member(get_extra(request, "thinking"), "type")
    return kind if isinstance(kind, str) else None


def _switch_off(request: Request, capabilities: Capabilities) -> RepairResult:
    """Switch reasoning off in the model's own way, if the caller does."""
    kind, effort = _get_thinking_type(request), get_extra(request, "effort")
    by_effort = effort == _NO_EFFORT
    if not capabilities.reasoning:
        # A model that does not reason already does what the caller asks for.
        thinking = None if kind == "disabled" else get_extra(request, "thinking")
        return RepairResult(set_extras(request, thinking=thinking, effort=None if by_effort else effort))
    if not capabilities.thinking and kind == "disabled":
        # This family has another switch, if any, and reasons only on request.
        return RepairResult(set_extras(request, thinking=None))
    if not capabilities.thinking or not (by_effort or kind == "disabled"):
        return RepairResult(request)
    if by_effort and is_thinking(request):
        return RepairResult(set_extras(request, effort=None), ("effort",))
    path = "effort" if by_effort else "thinking.type"
    if capabilities.thinking_off == "never":
        raise InvalidBody([FieldError(path, "this model always reasons; its lowest effort is 'low'")])
    left = None if by_effort or capabilities.thinking == "budget" else effort
    # Without `thinking` a model may not reason by default, but with an effort it does.
    absent = capabilities.thinking_off == "absent"
    form = "disabled" if absent else capabilities.thinking_off
    thinking = None if absent and left is None else {"type": form}
    # Thinking between tools is the least that some models can do, which is not what the caller asks for.
    least = (path,) if form == "between_tools" else ()
    lost = ("effort",) if effort is not None and not by_effort and left is None else ()
    return RepairResult(set_extras(request, thinking=thinking, effort=left), least + lost)


def _leave_unchanged(request: Request, capabilities: Capabilities) -> RepairResult:
    return RepairResult(request)


def _use_budget(request: Request, capabilities: Capabilities) -> RepairResult:
    """For models that know only budgets: an effort becomes one.

    Where no budget fits, the effort that is nearest is none. Programs set one effort for all calls, also for those that
    ask for a title in a few tokens.
    """
    thinking, effort = get_extra(request, "thinking"), get_extra(request, "effort")
    adaptive = _get_thinking_type(request) == "adaptive"
    if thinking is not None and not adaptive:
        return RepairResult(set_extras(request, effort=None), ("effort",) if effort else ())
    if not adaptive and effort is None:
        return RepairResult(request)
    budget = _compute_budget(request, effort or _DEFAULT_EFFORT)
    if budget is None:
        return RepairResult(set_extras(request, thinking=None, effort=None), ("thinking" if adaptive else "effort",))
    enabled = {**(thinking or {}), "type": "enabled", "budget_tokens": budget}
    return RepairResult(set_extras(request, thinking=enabled, effort=None), ("thinking.type",) if adaptive else ())


def _compute_budget(request: Request, effort: Any) -> int | None:
    """The budget for an effort; None if maxTokens, which the reasoning counts towards, has no room for the least."""
    if not isinstance(effort, str) or effort not in BUDGETS:
        raise InvalidBody([FieldError("effort", f"must be one of {', '.join((_NO_EFFORT, *BUDGETS))}")])
    max_tokens: int | None = member(request, "inferenceConfig", "maxTokens")
    if max_tokens is None:
        return BUDGETS[effort]
    if max_tokens <= MIN_BUDGET:
        return None
    return min(BUDGETS[effort], max(MIN_BUDGET, max_tokens // 2))


def _use_either(request: Request, capabilities: Capabilities) -> RepairResult:
    """For models that know both: a budget stays, unless it would be rejected."""
    return _use_adaptive(request, capabilities) if _has_lost_reasoning(request) else _use_effort(request, capabilities)


def _use_adaptive(request: Request, capabilities: Capabilities) -> RepairResult:
    """For models that know no budget: they decide how much they reason."""
    result = RepairResult(request)
    if _get_thinking_type(request) == "enabled":
        rest = {name: value for name, value in get_extra(request, "thinking").items() if name != "budget_tokens"}
        result = RepairResult(set_extras(request, thinking={**rest, "type": "adaptive"}), ("thinking.budget_tokens",))
    return result.then(_use_effort(result.request, capabilities))


def _use_effort(request: Request, capabilities: Capabilities) -> RepairResult:
    """Keep an effort, with adaptive thinking so that its reasoning can be seen."""
    thinking, effort = get_extra(request, "thinking"), get_extra(request, "effort")
    may_think = capabilities.forced_while_reasoning or not _is_tool_forced(request)
    if effort is not None and thinking is None and may_think:
        thinking = {"type": "adaptive"}
    minimal = effort == "minimal"
    changed = set_extras(request, thinking=thinking, effort="low" if minimal else effort)
    return RepairResult(changed, ("effort",) if minimal else ())


_FORMS: Mapping[str, Callable[[Request, Capabilities], RepairResult]] = {
    "": _leave_unchanged,
    "budget": _use_budget,
    "either": _use_either,
    "adaptive": _use_adaptive,
}


def _is_budget_rejected(request: Request, capabilities: Capabilities) -> bool:
    """Whether a budget would be rejected because the turn that called the open tools has lost its reasoning.

    Adaptive thinking requires none ("Adaptive thinking", Validation changes).
    """
    return capabilities.signs_reasoning and _get_thinking_type(request) == "enabled" and _has_lost_reasoning(request)


def _has_lost_reasoning(request: Request) -> bool:
    """Whether the last turn has tool results and the turn of their calls does not begin with reasoning."""
    messages: list[Json] = request["messages"]
    if not any("toolResult" in block for block in messages[-1]["content"]):
        return False
    calls = [message["content"] for message in messages if message["role"] == "assistant"]
    return bool(calls) and not any("reasoningContent" in block for block in calls[-1][:1])


def _is_tool_forced(request: Request) -> bool:
    choice = member(request, "toolConfig", "toolChoice") or {}
    return "any" in choice or "tool" in choice


def _find_forced_tool_faults(request: Request, given: str) -> list[FieldError]:
    if not (_is_tool_forced(request) and is_thinking(request)):
        return []
    clash = "reasoning and a forced tool exclude each other"
    return [FieldError(given, clash), FieldError(_TOOL_CHOICE, clash)]
