"""Drop Claude Code's billing line from the system prompt: Bedrock rejects it, in whatever format it comes.

It changes with every request, so for a model that takes it it would defeat the cache. Source:
anthropics/claude-code-action#928, musistudio/claude-code-router#1161.
"""

from bedrock_flask.bedrock.anthropic_betas import split_billing_line
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks


def drop_billing_line(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop the line, and the block that has no other text; both is reported."""
    texts = {
        f"system[{index}]": (block, split_billing_line(block["text"]))
        for index, block in enumerate(request.get("system") or ())
        if isinstance(block.get("text"), str)
    }
    found = {
        path: [{**block, "text": rest}] if rest.strip() else [] for path, (block, (line, rest)) in texts.items() if line
    }
    return RepairResult(replace_blocks(request, found), tuple(f"{path}.text" for path in found))
