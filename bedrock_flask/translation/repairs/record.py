"""The record of a repair: the request anew, and what must be told of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request


@dataclass(frozen=True)
class Repaired:
    """A request that Bedrock takes.

    `reported` names what was left out or changed and must be told: paths in the Converse request, such as
    `system[1].cachePoint`, or extras, such as `thinking`. `refused` names in the same way what the model cannot take,
    and only the caller may give up: it is left out here, and the policy decides whether it may be. `names` gives
    for a tool's name that Bedrock sees what the caller said.
    """

    request: Request
    reported: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def then(self, step: "Repaired") -> "Repaired":
        """What both say together, the request being the step's."""
        reported = tuple(dict.fromkeys(self.reported + step.reported))
        refused = tuple(dict.fromkeys(self.refused + step.refused))
        return Repaired(step.request, reported, refused, {**self.names, **step.names})


# Neither changes its input; InvalidBody refuses, with a path for each fault.
Repair = Callable[[Request, Capabilities], Repaired]
