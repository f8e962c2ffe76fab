"""The wire of OpenAI's Chat Completions, which is also the native format of many models.

Source: the types of the `openai` package for Python, 3.54; "OpenAI models" (AWS user guide). The reasoning and
Converse's stop reason are written as other gateways write them, in `reasoning_content`, `reasoning_details` and
`native_finish_reason`.
"""

from types import MappingProxyType

from bedrock_flask.wires.openai_chat.request_reader import HINTS, read_request
from bedrock_flask.wires.openai_chat.request_writer import write_request
from bedrock_flask.wires.openai_chat.response_reader import (
    is_complete,
    is_last_event,
    is_stop,
    is_terminal,
    open_reader,
    read_chunks,
    read_reply,
    read_usage,
)
from bedrock_flask.wires.openai_chat.response_writer import FINISH, UNKNOWN, open_writer, write_chunks, write_reply
from bedrock_flask.wires.openai_chat.tools import find_custom_tools
from bedrock_flask.wires.wire import Wire, find_stated_error

__all__ = [
    "FINISH",
    "HINTS",
    "UNKNOWN",
    "WIRE",
    "find_custom_tools",
    "is_complete",
    "is_last_event",
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

# This format's name for each path of a Converse request, or extra, that has another one.
PATH_NAMES = MappingProxyType(
    {
        "effort": "reasoning_effort",
        "inferenceConfig.maxTokens": "max_completion_tokens",
        "inferenceConfig.stopSequences": "stop",
        "inferenceConfig.temperature": "temperature",
        "inferenceConfig.topP": "top_p",
        "json_object": "response_format",
        "outputConfig": "response_format",
        "outputConfig.textFormat": "response_format",
        "outputConfig.textFormat.structure.jsonSchema": "response_format.json_schema",
        "toolConfig": "tools",
        "toolConfig.toolChoice": "tool_choice",
        "toolConfig.tools": "tools",
    }
)
WIRE = Wire(
    writes_after_answer=True,
    name="openai_chat",
    is_complete=is_complete,
    find_error=find_stated_error,
    is_stop=is_stop,
    is_terminal=is_terminal,
    is_last_event=is_last_event,
    read_usage=read_usage,
    read_request=read_request,
    write_request=write_request,
    read_reply=read_reply,
    open_reader=open_reader,
    write_reply=write_reply,
    open_writer=open_writer,
    hints=HINTS,
    path_names=PATH_NAMES,
)
