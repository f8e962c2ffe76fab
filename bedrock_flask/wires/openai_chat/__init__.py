"""The wire of OpenAI's Chat Completions, which many models also have as their own format.

Source: the types of the `openai` package for Python, 3.54; "OpenAI models" (AWS user guide). The reasoning, and in
Converse's own word why the model stopped, are told as other gateways tell them: `reasoning_content`,
`reasoning_details`, `native_finish_reason`.
"""

from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.usage import Usage, from_metrics
from bedrock_flask.converse import Json, member
from bedrock_flask.wires.openai_chat.request_reader import HINTS, read_request
from bedrock_flask.wires.openai_chat.request_writer import write_request
from bedrock_flask.wires.openai_chat.response_writer import FINISH, UNKNOWN, USAGE_NAMES, write_chunks, write_reply
from bedrock_flask.wires.openai_usage import read_usage
from bedrock_flask.wires.wire import Wire, has_metrics

__all__ = [
    "FINISH",
    "HINTS",
    "UNKNOWN",
    "WIRE",
    "complete",
    "finished",
    "read_request",
    "usage",
    "write_chunks",
    "write_reply",
    "write_request",
]


def complete(reply: Json) -> bool:
    """Whether a reply has a choice with a message."""
    return isinstance(member(_choice(reply), "message"), dict)


def finished(chunk: Json) -> bool:
    """Whether this is the last chunk: with the metrics, with the usage alone, or with why it stopped.

    A chunk that says why and has a null for usage announces that the usage is still to come.
    """
    if has_metrics(chunk) or (chunk.get("choices") == [] and isinstance(chunk.get("usage"), dict)):
        return True
    choice = _choice(chunk)
    # Mistral's models call it `stop_reason`.
    stopped = member(choice, "finish_reason") or member(choice, "stop_reason")
    return bool(stopped) and not ("usage" in chunk and chunk["usage"] is None)


def usage(told: Json) -> Usage:
    """The counts of a reply or a chunk, or the last one's metrics; what was cached OpenAI counts in the prompt, too."""
    return read_usage(told.get("usage"), **USAGE_NAMES).updated(from_metrics(told))


def _choice(told: Json) -> Any:
    choices = told.get("choices")
    return choices[0] if isinstance(choices, list) and choices else None


# What Converse, and the extras, call otherwise.
WORDS = MappingProxyType(
    {
        "effort": "reasoning_effort",
        "inferenceConfig.maxTokens": "max_completion_tokens",
        "inferenceConfig.stopSequences": "stop",
        "inferenceConfig.temperature": "temperature",
        "inferenceConfig.topP": "top_p",
        "json_object": "response_format",
        "outputConfig": "response_format",
        "outputConfig.textFormat": "response_format",
        "toolConfig": "tools",
        "toolConfig.toolChoice": "tool_choice",
        "toolConfig.tools": "tools",
    }
)
WIRE = Wire(
    name="openai_chat",
    complete=complete,
    finished=finished,
    usage=usage,
    read_request=read_request,
    write_request=write_request,
    write_reply=write_reply,
    write_chunks=write_chunks,
    hints=HINTS,
    words=WORDS,
)
