"""Tools that a provider runs on its own servers, which no model on bedrock-runtime can use.

Sources: Anthropic's API reference, "Server tools", and the types of its SDK; OpenAI's API reference, Responses,
"Tools". The AWS user guide, "Anthropic Claude Messages API", names none of them. Bedrock's own servers run other tools,
which Converse calls `systemTool`.
"""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.bedrock.model_ids import matches

_PATTERNS = (
    "advisor_*",
    "code_execution_*",
    "code_interpreter",
    "file_search",
    "image_generation",
    "mcp",
    "mcp_toolset",
    "web_fetch_*",
    "web_search",
    "web_search_*",
)


def is_server_tool(kind: object) -> bool:
    """Whether a tool's `type` is that of a tool which its provider runs."""
    return isinstance(kind, str) and len(kind) < 100 and any(matches(pattern, kind) for pattern in _PATTERNS)


def find_server_members(members: Any) -> Iterator[tuple[str, str]]:
    """The top-level members of a body that name servers of a provider's, each with what runs there."""
    if members.get("mcp_servers"):
        yield "mcp_servers", "an MCP server"
    if isinstance(members.get("container"), dict) and members["container"].get("skills"):
        yield "container", "a container with skills"
    if members.get("web_search_options") is not None:
        yield "web_search_options", "web search"
