"""Name the betas that a body needs: Anthropic's API takes some members without them, and Bedrock does not."""

from bedrock_flask.bedrock.anthropic_betas import EFFORT, find_needed_betas
from bedrock_flask.capabilities import Capabilities, is_effort_beta_needed
from bedrock_flask.converse import member
from bedrock_flask.translation.messages.record import Body, Edited

_EAGER = "eager_input_streaming"
# Source: vercel/ai#13900, maximhq/bifrost#4965.
_FINE_GRAINED = "fine-grained-tool-streaming-2025-05-14"


def add_betas(body: Body, capabilities: Capabilities) -> Edited:
    """Add the beta of each member that has one."""
    needs_effort = member(body, "output_config", "effort") is not None and is_effort_beta_needed(capabilities)
    return Edited(body, betas=(*find_needed_betas(body), *([EFFORT] if needs_effort else [])))


def translate_eager_streaming(body: Body, capabilities: Capabilities) -> Edited:
    """Replace `eager_input_streaming` of a tool by the beta, by which Bedrock has it for all tools."""
    tools = body.get("tools") or ()
    if not any(_EAGER in tool for tool in tools):
        return Edited(body)
    plain = [{name: value for name, value in tool.items() if name != _EAGER} for tool in tools]
    eager = [index for index, tool in enumerate(tools) if tool.get(_EAGER)]
    reported = tuple(f"tools[{index}].{_EAGER}" for index in eager)
    return Edited({**body, "tools": plain}, betas=(_FINE_GRAINED,) if eager else (), reported=reported)
