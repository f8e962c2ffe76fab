"""What a repair returns: the new request, and what the caller must learn of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.errors import FieldError
from bedrock_flask.protocol.json_path import format_path, parse_path
from bedrock_flask.protocol.json_places import Known, find_place
from bedrock_flask.translation.answer_tool import AnswerTool

# Paths that are traced: no more are shown.
_MAX_TRACED = 200


class CallerPath(str):
    """A path in the caller's own body, or a name that only the caller's format has."""


def trace_path(request: Mapping[str, Any], path: str, known: Known | None = None) -> str:
    """The path in the caller's body of what is at a path of a request; the same path if no value has a place."""
    if isinstance(path, CallerPath):
        return path
    place = find_place(request, parse_path(path), known)
    return CallerPath(format_path(place)) if place else path


def trace_paths(request: Mapping[str, Any], paths: tuple[str, ...]) -> tuple[str, ...]:
    """The paths in the caller's body, as far as they are known."""
    known: Known = {}
    return (*(trace_path(request, path, known) for path in paths[:_MAX_TRACED]), *paths[_MAX_TRACED:])


def trace_faults(request: Mapping[str, Any], faults: Iterable[FieldError]) -> list[FieldError]:
    """The faults with the paths of the caller's body, as far as they are known."""
    each = [*faults]
    known: Known = {}
    traced = [replace(fault, path=trace_path(request, fault.path, known)) for fault in islice(each, _MAX_TRACED)]
    return [*traced, *each[_MAX_TRACED:]]


# Not frozen: each repair makes one, and to make a frozen one takes three times as long.
@dataclass(slots=True)
class RepairResult:
    """A request that Bedrock accepts.

    `reported` names what was dropped or changed and is reported to the caller: paths in the Converse request, such as
    `system[1].cachePoint`, or extras, such as `thinking`. `refused` names in the same way what the model does not
    support and only the caller may give up: it is dropped here, and the caller's policy decides whether that is
    allowed. `names` is the caller's name of a tool by the name that Bedrock receives. `translated` names what the model
    gets in another form, with the same meaning. `answer_tool` is the tool whose input is the answer, if there is one.
    """

    request: Request
    reported: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    translated: tuple[str, ...] = ()
    answer_tool: AnswerTool | None = None

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to learn but the request."""
        return not (self.reported or self.refused or self.names or self.translated or self.answer_tool)

    def then(self, step: "RepairResult") -> "RepairResult":
        """The reports of both, with the request of the later step, whose paths are those of this request."""
        if step.is_silent:
            return self if step.request is self.request else replace(self, request=step.request)
        reported = tuple(dict.fromkeys(self.reported + trace_paths(self.request, step.reported)))
        refused = tuple(dict.fromkeys(self.refused + trace_paths(self.request, step.refused)))
        return RepairResult(
            step.request,
            reported,
            refused,
            {**self.names, **step.names},
            self.translated + trace_paths(self.request, step.translated),
            step.answer_tool or self.answer_tool,
        )


def is_always_needed(capabilities: Capabilities) -> bool:
    """True: there is no model for which the repair never has anything to do."""
    return True


# Compared by identity: what is needed of all repairs is looked up for each request.
@dataclass(frozen=True, eq=False)
class Repair:
    """A step towards a request that Bedrock accepts; it runs where one of the contents that it looks for is there.

    `apply` does not change its input, and without any of these contents it has nothing to do. It raises InvalidBody,
    with a path for each fault. `contents.py` has the names. `is_needed` says whether it may have something to do for a
    model of these capabilities.
    """

    apply: Callable[[Request, Capabilities], RepairResult]
    looks_for: tuple[str, ...]
    is_needed: Callable[[Capabilities], bool] = is_always_needed
