"""Name the effort of reasoning as the model does: each accepts some of the names, and few can stop reasoning."""

from collections.abc import Sequence
from typing import Any

from bedrock_flask.capabilities import EFFORTS, Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import get_extra, set_extras

_NONE = "none"
# The default effort of adaptive thinking.
_ADAPTIVE = "high"
# The effort for a budget of tokens: the last one whose budget is not larger.
_BUDGETS = ((0, "low"), (4096, "medium"), (16384, "high"), (32768, "xhigh"))


def name_effort(request: Request, capabilities: Capabilities) -> RepairResult:
    """Replace the effort by the nearest one that the model accepts, and Claude's `thinking` by an effort.

    A change is reported. A model whose efforts are not known gets both unchanged, and for a model that reasons with a
    budget the effort becomes one.
    """
    if not capabilities.efforts or capabilities.thinking == "budget":
        return RepairResult(request)
    result = RepairResult(request) if capabilities.thinking else _replace_thinking(request)
    effort = get_extra(result.request, "effort")
    if effort is None or (capabilities.thinking and effort == _NONE):
        return result
    is_limited = member(request, "inferenceConfig", "maxTokens") is not None
    accepted = [name for name in capabilities.efforts if not (is_limited and name == capabilities.unlimited_effort)]
    named = find_nearest(effort, accepted)
    changed = set_extras(result.request, effort=named)
    return result.then(RepairResult(changed, ("effort",) if named != effort else ()))


def _replace_thinking(request: Request) -> RepairResult:
    """Write `thinking` as an effort; an effort beside it decides, unless `thinking` disables reasoning."""
    thinking, effort = get_extra(request, "thinking"), get_extra(request, "effort")
    if not isinstance(thinking, dict):
        return RepairResult(request)
    without = set_extras(request, thinking=None)
    if thinking.get("type") == "disabled":
        # The model has one switch for both; whether it can be switched off is decided with the effort's name.
        reported = () if effort in (None, _NONE) else ("effort",)
        return RepairResult(set_extras(without, effort=_NONE), reported)
    if effort is not None:
        lost = ("thinking.budget_tokens",) if "budget_tokens" in thinking else ()
        return RepairResult(without, lost)
    found = _ADAPTIVE if thinking.get("type") == "adaptive" else _find_effort(thinking.get("budget_tokens"))
    return RepairResult(set_extras(without, effort=found), ("thinking",))


def _find_effort(budget: Any) -> str:
    """The effort for a budget of tokens."""
    tokens = budget if isinstance(budget, int) else 0
    return [effort for least, effort in _BUDGETS if least <= tokens][-1]


def find_nearest(effort: Any, accepted: Sequence[str]) -> str:
    """The nearest of the accepted efforts, of two the lower; raises InvalidBody for a name that no API knows.

    Reasoning is not switched off for a caller who asks for some.
    """
    if effort in accepted:
        return str(effort)
    if effort not in EFFORTS:
        raise InvalidBody([FieldError("effort", f"must be one of {', '.join(EFFORTS)}")])
    at = EFFORTS.index(effort)
    some = [name for name in accepted if name != _NONE]
    return min(some, key=lambda name: (abs(EFFORTS.index(name) - at), EFFORTS.index(name)))
