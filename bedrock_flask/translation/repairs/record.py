"""What a repair returns: the new request, and what the caller must learn of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.translation.answer_tool import AnswerTool


@dataclass(frozen=True)
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

    def then(self, step: "RepairResult") -> "RepairResult":
        """The reports of both, with the request of the later step."""
        reported = tuple(dict.fromkeys(self.reported + step.reported))
        refused = tuple(dict.fromkeys(self.refused + step.refused))
        return RepairResult(
            step.request,
            reported,
            refused,
            {**self.names, **step.names},
            self.translated + step.translated,
            step.answer_tool or self.answer_tool,
        )


# A repair does not change its input. It raises InvalidBody, with a path for each fault.
Repair = Callable[[Request, Capabilities], RepairResult]
