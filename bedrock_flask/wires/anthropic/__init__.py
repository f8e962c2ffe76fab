"""The wire of Claude's Messages format, as Anthropic and Bedrock serve it.

Sources: "Anthropic Claude Messages API request and response" (AWS user guide); Anthropic's "Messages" and "Streaming
Messages", and the types of its SDK for Python 2.12.
"""

from types import MappingProxyType

from bedrock_flask.bodies.anthropic_body import VERSION
from bedrock_flask.wires.anthropic.request_reader import HINTS, read_request
from bedrock_flask.wires.anthropic.request_writer import write_request
from bedrock_flask.wires.anthropic.response_reader import (
    is_complete,
    is_stop,
    is_terminal,
    open_reader,
    read_chunks,
    read_reply,
    read_usage,
)
from bedrock_flask.wires.anthropic.response_writer import TO_CLAUDE, add_tokens, open_writer, write_chunks, write_reply
from bedrock_flask.wires.wire import Wire, find_stated_error

__all__ = [
    "HINTS",
    "TO_CLAUDE",
    "WIRE",
    "is_complete",
    "is_stop",
    "is_terminal",
    "open_reader",
    "open_writer",
    "read_chunks",
    "read_reply",
    "read_request",
    "usage",
    "write_chunks",
    "write_reply",
    "write_request",
]

# Claude's name for each path of a Converse request, or extra, that has another one.
PATH_NAMES = MappingProxyType(
    {
        "effort": "output_config.effort",
        "inferenceConfig.maxTokens": "max_tokens",
        "inferenceConfig.stopSequences": "stop_sequences",
        "inferenceConfig.temperature": "temperature",
        "inferenceConfig.topP": "top_p",
        "outputConfig": "output_config.format",
        "outputConfig.textFormat": "output_config.format",
        "outputConfig.textFormat.structure.jsonSchema": "output_config.format",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "toolConfig": "tools",
        "toolConfig.toolChoice": "tool_choice",
        "toolConfig.tools": "tools",
    }
)
WIRE = Wire(
    name="anthropic",
    is_complete=is_complete,
    find_error=find_stated_error,
    is_stop=is_stop,
    is_terminal=is_terminal,
    pieces=frozenset({"content_block_start", "content_block_delta", "content_block_stop", "ping"}),
    read_usage=read_usage,
    read_request=read_request,
    write_request=write_request,
    read_reply=read_reply,
    open_reader=open_reader,
    write_reply=write_reply,
    open_writer=open_writer,
    envelope={"anthropic_version": VERSION},
    needs_limit=True,
    response_paths=("/stop_sequence",),
    add_tokens=add_tokens,
    hints=HINTS,
    path_names=PATH_NAMES,
)
