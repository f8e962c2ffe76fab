"""A turn of a conversation, and a tool, in the form of each dialect."""

import json
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}}


def _chat(turn: Any) -> Iterator[Json]:
    if isinstance(turn, str):
        yield {"role": "user", "content": turn}
    elif isinstance(turn, list):
        calls = [
            {"id": call[0], "type": "function", "function": {"name": call[1], "arguments": json.dumps(call[2])}}
            for call in turn
            if isinstance(call, tuple)
        ]
        text = "".join(part for part in turn if isinstance(part, str)) or None
        yield {"role": "assistant", "content": text, "tool_calls": calls}
    else:
        yield {"role": "tool", "tool_call_id": turn[0], "content": turn[1]}


def _responses(turn: Any) -> Iterator[Json]:
    if isinstance(turn, str):
        yield {"type": "message", "role": "user", "content": turn}
    elif isinstance(turn, list):
        for part in turn:
            if isinstance(part, str):
                yield {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": part}]}
            else:
                call_id, name, value = part
                yield {"type": "function_call", "call_id": call_id, "name": name, "arguments": json.dumps(value)}
    else:
        yield {"type": "function_call_output", "call_id": turn[0], "output": turn[1]}


def _anthropic(turn: Any) -> Iterator[Json]:
    if isinstance(turn, str):
        yield {"role": "user", "content": turn}
    elif isinstance(turn, list):
        content = [
            {"type": "text", "text": part}
            if isinstance(part, str)
            else {"type": "tool_use", "id": part[0], "name": part[1], "input": part[2]}
            for part in turn
        ]
        yield {"role": "assistant", "content": content}
    else:
        result = {"type": "tool_result", "tool_use_id": turn[0], "content": turn[1]}
        yield {"role": "user", "content": [result]}


WRITERS: dict[str, Callable[[Any], Iterator[Json]]] = {"chat": _chat, "responses": _responses, "anthropic": _anthropic}
TOOLS: dict[str, Callable[[str, Json], Json]] = {
    "chat": lambda name, schema: {"type": "function", "function": {"name": name, "parameters": schema}},
    "responses": lambda name, schema: {"type": "function", "name": name, "parameters": schema, "strict": False},
    "anthropic": lambda name, schema: {"name": name, "input_schema": schema},
}
