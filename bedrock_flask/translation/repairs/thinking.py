"""How much a model reasons: `effort` and Claude's `thinking`, said as this model knows them.

Sources: "Adaptive thinking" (AWS user guide); "Thinking", "Effort" and the migration guides of Anthropic.
"""

from collections.abc import Callable, Mapping

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.extras import extra, with_extras
from bedrock_flask.translation.repairs.record import Repaired

# The budget of tokens that stands for an effort, but at most half of maxTokens, so that there is room for an answer.
BUDGETS = {"minimal": 1024, "low": 1024, "medium": 4096, "high": 16384, "xhigh": 32768, "max": 32768}
LEAST_BUDGET = 1024
# The effort of adaptive thinking where nothing is said.
_USUAL = "high"
_NONE = "none"
_ON = ("enabled", "adaptive")
_CHOICE = "toolConfig.toolChoice"


def placed(request: Request, capabilities: Capabilities) -> Repaired:
    """With `thinking` and `effort` in the form that this model knows; where it knows no `thinking`, as they are.

    Reasoning and a forced tool exclude each other: both are named and refused.
    """
    asked = "effort" if extra(request, "thinking") is None else "thinking"
    said = _switched_off(request, capabilities)
    said = said.then(_FORMS[capabilities.thinking](said.request, capabilities))
    if _off_in_a_bare_loop(said.request, capabilities):
        said = said.then(Repaired(with_extras(said.request, thinking=None), (asked,)))
    faults = _forced(said.request, capabilities, asked)
    if faults:
        raise InvalidBody(faults)
    return said


def is_on(request: Request) -> bool:
    """Whether the request asks for reasoning by `thinking`."""
    return _type(request) in _ON


def _type(request: Request) -> str | None:
    kind = member(extra(request, "thinking"), "type")
    return kind if isinstance(kind, str) else None


def _switched_off(request: Request, capabilities: Capabilities) -> Repaired:
    """Reasoning switched off in this model's own way."""
    kind, effort = _type(request), extra(request, "effort")
    by_effort = effort == _NONE
    if not capabilities.reasoning:
        # What asks for no reasoning asks for what happens anyway.
        thinking = None if kind == "disabled" else extra(request, "thinking")
        return Repaired(with_extras(request, thinking=thinking, effort=None if by_effort else effort))
    if not capabilities.thinking and kind == "disabled":
        # This family says it in another way, if at all, and does not reason unasked.
        return Repaired(with_extras(request, thinking=None))
    if not capabilities.thinking or not (by_effort or kind == "disabled"):
        return Repaired(request)
    if by_effort and is_on(request):
        return Repaired(with_extras(request, effort=None), ("effort",))
    path = "effort" if by_effort else "thinking.type"
    if capabilities.thinking_off == "never":
        raise InvalidBody([FieldError(path, "this model always reasons; the effort 'low' is its least")])
    left = None if by_effort or capabilities.thinking == "budget" else effort
    # To say nothing is enough where the model reasons only when asked, but not beside an effort.
    absent = capabilities.thinking_off == "absent"
    form = "disabled" if absent else capabilities.thinking_off
    thinking = None if absent and left is None else {"type": form}
    # To think between tools is the least that some models can do, not the same.
    least = (path,) if form == "between_tools" else ()
    lost = ("effort",) if effort is not None and not by_effort and left is None else ()
    return Repaired(with_extras(request, thinking=thinking, effort=left), least + lost)


def _as_said(request: Request, capabilities: Capabilities) -> Repaired:
    return Repaired(request)


def _with_a_budget(request: Request, capabilities: Capabilities) -> Repaired:
    """For models that know a budget only: it stands for an effort."""
    thinking, effort = extra(request, "thinking"), extra(request, "effort")
    adaptive = _type(request) == "adaptive"
    if thinking is not None and not adaptive:
        return Repaired(with_extras(request, effort=None), ("effort",) if effort else ())
    if not adaptive and effort is None:
        return Repaired(request)
    budget = _budget(request, effort or _USUAL, "thinking" if adaptive else "effort")
    enabled = {**(thinking or {}), "type": "enabled", "budget_tokens": budget}
    return Repaired(with_extras(request, thinking=enabled, effort=None), ("thinking.type",) if adaptive else ())


def _budget(request: Request, effort: str, path: str) -> int:
    if effort not in BUDGETS:
        raise InvalidBody([FieldError("effort", f"must be one of {', '.join((_NONE, *BUDGETS))}")])
    most: int | None = member(request, "inferenceConfig", "maxTokens")
    if most is None:
        return BUDGETS[effort]
    if most <= LEAST_BUDGET:
        room = f"this model reasons with at least {LEAST_BUDGET} tokens, which are a part of maxTokens"
        raise InvalidBody([FieldError(path, room), FieldError("inferenceConfig.maxTokens", room)])
    return min(BUDGETS[effort], max(LEAST_BUDGET, most // 2))


def _either_way(request: Request, capabilities: Capabilities) -> Repaired:
    """For models that know both: a budget stays, but where it would be refused."""
    return _adaptively(request, capabilities) if _is_bare_loop(request) else _with_effort(request, capabilities)


def _adaptively(request: Request, capabilities: Capabilities) -> Repaired:
    """For models that know no budget: how much they reason is left to them."""
    said = Repaired(request)
    if _type(request) == "enabled":
        rest = {name: value for name, value in extra(request, "thinking").items() if name != "budget_tokens"}
        said = Repaired(with_extras(request, thinking={**rest, "type": "adaptive"}), ("thinking.budget_tokens",))
    return said.then(_with_effort(said.request, capabilities))


def _with_effort(request: Request, capabilities: Capabilities) -> Repaired:
    """An effort stays, and adaptive thinking lets its reasoning be seen."""
    thinking, effort = extra(request, "thinking"), extra(request, "effort")
    if effort is not None and thinking is None and not _is_forced(request):
        thinking = {"type": "adaptive"}
    minimal = effort == "minimal"
    changed = with_extras(request, thinking=thinking, effort="low" if minimal else effort)
    return Repaired(changed, ("effort",) if minimal else ())


_FORMS: Mapping[str, Callable[[Request, Capabilities], Repaired]] = {
    "": _as_said,
    "budget": _with_a_budget,
    "either": _either_way,
    "adaptive": _adaptively,
}


def _off_in_a_bare_loop(request: Request, capabilities: Capabilities) -> bool:
    """Whether a budget would be refused, because the turn that called the open tools has lost its reasoning.

    Adaptive thinking asks for none ("Adaptive thinking", Validation changes).
    """
    return capabilities.signs_reasoning and _type(request) == "enabled" and _is_bare_loop(request)


def _is_bare_loop(request: Request) -> bool:
    messages: list[Json] = request["messages"]
    if not any("toolResult" in block for block in messages[-1]["content"]):
        return False
    calls = [message["content"] for message in messages if message["role"] == "assistant"]
    return bool(calls) and "reasoningContent" not in calls[-1][0]


def _is_forced(request: Request) -> bool:
    choice = member(request, "toolConfig", "toolChoice") or {}
    return "any" in choice or "tool" in choice


def _forced(request: Request, capabilities: Capabilities, asked: str) -> list[FieldError]:
    if not _is_forced(request):
        return []
    if is_on(request):
        clash = "reasoning and a forced tool exclude each other"
        return [FieldError(asked, clash), FieldError(_CHOICE, clash)]
    return [] if capabilities.forced_tools else [FieldError(_CHOICE, "this model cannot be made to use a tool")]
