"""What an edit of Claude's own body returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import FieldError
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.repairs.record import trace_faults, trace_paths

Body = Mapping[str, Any]


# Not frozen: each edit makes one, and to make a frozen one takes three times as long.
@dataclass(slots=True)
class Edited:
    """A body that is nearer to what Bedrock accepts; what is not edited is the same object as before.

    `betas` are those that the body now needs. `reported` names what was dropped or changed, `refused` what only the
    caller may give up and is dropped here, and `rejected` what the caller cannot give up either. `translated` names
    what the model gets in another form, and `answer_tool` is the tool whose input is the answer, if there is one.
    """

    body: Body
    betas: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    rejected: tuple[FieldError, ...] = ()
    translated: tuple[str, ...] = ()
    answer_tool: AnswerTool | None = None

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to learn but the body."""
        return not (self.betas or self.reported or self.refused or self.rejected or self.translated or self.answer_tool)

    def then(self, step: "Edited") -> "Edited":
        """The reports of both, with the body of the later step, whose paths are those of this body."""
        if step.is_silent:
            return self if step.body is self.body else replace(self, body=step.body)
        return Edited(
            step.body,
            self.betas + step.betas,
            self.reported + trace_paths(self.body, step.reported),
            self.refused + trace_paths(self.body, step.refused),
            self.rejected + tuple(trace_faults(self.body, step.rejected)),
            self.translated + trace_paths(self.body, step.translated),
            step.answer_tool or self.answer_tool,
        )


# Compared by identity: what is needed of all edits is looked up for each request.
@dataclass(frozen=True, eq=False)
class Edit:
    """A step towards a body that Bedrock accepts; it runs where one of the contents that it looks for is there.

    `apply` does not change its input, and without any of these contents it has nothing to do. `contents.py` has the
    names.
    """

    apply: Callable[[Body, Capabilities], Edited]
    looks_for: tuple[str, ...]
