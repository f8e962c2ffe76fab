"""Drop Claude Code's billing line from the system prompt: Bedrock rejects it, in whatever format it comes.

It changes with every request, so for a model that takes it it would defeat the cache. Source:
anthropics/claude-code-action#928, musistudio/claude-code-router#1161.
"""

from bedrock_flask.bedrock.anthropic_betas import split_billing_line
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks


def drop_billing_line(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop the line, and the block that has no other text; both is reported."""
    found: dict[str, list[Json]] = {}
    for index, block in enumerate(request.get("system") or ()):
        text = block.get("text")
        line, rest = split_billing_line(text) if isinstance(text, str) else ("", "")
        if line:
            found[f"system[{index}]"] = [{**block, "text": rest}] if rest.strip() else []
    return RepairResult(replace_blocks(request, found), tuple(f"{path}.text" for path in found))
