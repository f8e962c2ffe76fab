"""The wire of OpenAI's Responses API.

Source: the types of the `openai` package for Python, 3.54 (`types/responses`), and what the Codex CLI sends and reads.
A reply depends on the tools of its request: calls of custom tools, and of tools in a namespace, are written differently
from those of functions. `find_custom_tools` and `find_namespaced_tools` read from a body what `write_reply` and
`write_chunks` need to know.
"""

from types import MappingProxyType

from bedrock_flask.wires.openai_responses.request_reader import ENCRYPTED, HINTS, find_stored, read_request
from bedrock_flask.wires.openai_responses.request_writer import write_request
from bedrock_flask.wires.openai_responses.response_reader import (
    PIECES,
    is_complete,
    is_stop,
    is_terminal,
    open_reader,
    read_chunks,
    read_reply,
    read_usage,
)
from bedrock_flask.wires.openai_responses.response_writer import start_response, write_reply
from bedrock_flask.wires.openai_responses.stream_writer import open_writer, write_chunks
from bedrock_flask.wires.openai_responses.tools import find_custom_tools, find_namespaced_tools, has_tool_search
from bedrock_flask.wires.wire import Wire, find_stated_error

__all__ = [
    "ENCRYPTED",
    "HINTS",
    "WIRE",
    "find_custom_tools",
    "find_namespaced_tools",
    "find_stored",
    "has_tool_search",
    "is_complete",
    "is_stop",
    "is_terminal",
    "open_reader",
    "open_writer",
    "read_chunks",
    "read_reply",
    "read_request",
    "start_response",
    "usage",
    "write_chunks",
    "write_reply",
    "write_request",
]

# This format's name for each path of a Converse request, or extra, that has another one.
PATH_NAMES = MappingProxyType(
    {
        "effort": "reasoning.effort",
        "inferenceConfig.maxTokens": "max_output_tokens",
        "inferenceConfig.temperature": "temperature",
        "inferenceConfig.topP": "top_p",
        "json_object": "text.format",
        "logprobs": "include",
        "messages": "input",
        "messages.system": "input.system",
        "outputConfig": "text.format",
        "outputConfig.textFormat": "text.format",
        "outputConfig.textFormat.structure.jsonSchema": "text.format",
        "toolConfig": "tools",
        "toolConfig.toolChoice": "tool_choice",
        "toolConfig.tools": "tools",
    }
)
WIRE = Wire(
    writes_after_answer=True,
    name="openai_responses",
    is_complete=is_complete,
    find_error=find_stated_error,
    is_stop=is_stop,
    is_terminal=is_terminal,
    pieces=PIECES,
    read_usage=read_usage,
    read_request=read_request,
    write_request=write_request,
    read_reply=read_reply,
    open_reader=open_reader,
    write_reply=write_reply,
    open_writer=open_writer,
    envelope={"store": False, "include": [ENCRYPTED]},
    hints=HINTS,
    path_names=PATH_NAMES,
)
