"""Drop Claude Code's billing line where it stands before other text in the system prompt: Bedrock rejects it there.

A block that has nothing else is dropped as a whole, elsewhere. Source: anthropics/claude-code-action#928.
"""

from bedrock_flask.bedrock.anthropic_betas import split_billing_line
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.translation.messages.record import Body, Edited

_SYSTEM = "system"


def drop_billing_line(body: Body, capabilities: Capabilities) -> Edited:
    """Drop the line, and report the text that had it."""
    system = body.get(_SYSTEM)
    if isinstance(system, str):
        rest = _drop_line(system)
        if rest == system:
            return Edited(body)
        others = {name: value for name, value in body.items() if name != _SYSTEM}
        return Edited({**others, _SYSTEM: rest} if rest.strip() else others, reported=(_SYSTEM,))
    blocks = [
        {**block, "text": rest} if (rest := _drop_line(block.get("text"))).strip() else block for block in system or ()
    ]
    changed = [index for index, block in enumerate(system or ()) if block != blocks[index]]
    if not changed:
        return Edited(body)
    return Edited({**body, _SYSTEM: blocks}, reported=tuple(f"{_SYSTEM}[{index}].text" for index in changed))


def _drop_line(text: object) -> str:
    return split_billing_line(text)[1] if isinstance(text, str) else ""
