"""A body for each dialect that has a member of every kind: what a fuzz of bodies starts from."""

from typing import Any

Json = dict[str, Any]

_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
_IMAGE_URI = f"data:image/png;base64,{_PNG}"
_TEXT_URI = "data:text/plain;base64,aGk="
_EMPTY_SCHEMA = {"type": "object", "properties": {}}

CHAT: Json = {
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": _IMAGE_URI, "detail": "auto"}},
                {"type": "file", "file": {"file_data": _TEXT_URI, "filename": "a.txt"}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "t"}, {"type": "refusal", "refusal": "no"}],
            "reasoning_details": [
                {"type": "reasoning.text", "text": "a", "signature": "b", "index": 0},
                {"type": "reasoning.summary", "summary": "s"},
                {"type": "reasoning.encrypted", "data": "aGk="},
            ],
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "custom", "custom": {"name": "g", "input": "x"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "r"}]},
        {"role": "tool", "tool_call_id": "b", "content": "r"},
        {"role": "user", "content": "x"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "f",
                "description": "d",
                "parameters": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}},
                    "anyOf": [{"required": ["a"]}, {"required": []}],
                    "allOf": [{"properties": {"a": {"maxLength": 3}}}],
                },
            },
        },
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "metadata": {"a": "b"},
    "user": "u",
    "stop": ["x"],
    "temperature": 1,
    "top_p": 1,
    "max_completion_tokens": 5,
    "stream": False,
    "stream_options": {"include_usage": True},
    "n": 1,
    "logit_bias": {},
}
RESPONSES: Json = {
    "instructions": "i",
    "input": [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                {"type": "input_image", "image_url": _IMAGE_URI, "detail": "auto"},
                {"type": "input_file", "file_data": _TEXT_URI, "filename": "a.txt"},
            ],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "x", "annotations": []}, {"type": "refusal", "refusal": "no"}],
        },
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "x"}],
            "content": [{"type": "reasoning_text", "text": "x"}],
        },
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
        {"type": "function_call", "call_id": "c", "name": "h", "namespace": "ns", "arguments": "{}"},
        {
            "type": "function_call_output",
            "call_id": "a",
            "output": [{"type": "input_text", "text": "r"}, {"type": "input_image", "image_url": _IMAGE_URI}],
        },
        {"type": "custom_tool_call_output", "call_id": "b", "output": "r"},
        {"type": "function_call_output", "call_id": "c", "output": "r"},
        {"type": "additional_tools", "tools": [{"type": "function", "name": "k", "parameters": {"type": "object"}}]},
        {"role": "user", "content": "x"},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": _EMPTY_SCHEMA},
        {"type": "custom", "name": "g", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {
            "type": "namespace",
            "name": "ns",
            "description": "d",
            "tools": [{"type": "function", "name": "h", "parameters": {"type": "object"}}],
        },
        {"type": "web_search"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "f"}, {"type": "namespace", "name": "ns"}],
    },
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "reasoning": {"summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "metadata": {"a": "b"},
    "max_output_tokens": 20,
    "store": False,
    "user": "u",
    "stream": False,
}
MESSAGES: Json = {
    "max_tokens": 5000,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "t"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}},
                {
                    "type": "document",
                    "title": "t",
                    "citations": {"enabled": True},
                    "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                },
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
                    "citations": {"enabled": True},
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "x", "signature": "s"},
                {"type": "redacted_thinking", "data": "aGk="},
                {"type": "text", "text": "x"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "x"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}},
                    ],
                },
                {"type": "text", "text": "x"},
            ],
        },
    ],
    "tools": [{"name": "f", "description": "d", "input_schema": _EMPTY_SCHEMA, "cache_control": {"type": "ephemeral"}}],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": False},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["x"],
    "temperature": 1,
    "stream": False,
}
CONVERSE: Json = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "x"},
                {"image": {"format": "png", "source": {"bytes": _PNG}}},
                {"document": {"format": "pdf", "name": "n", "source": {"bytes": "aGk="}}},
            ],
        },
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]},
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}, {"json": {}}], "status": "success"}}
            ],
        },
    ],
    "system": [{"text": "x"}],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}],
        "toolChoice": {"auto": {}},
    },
    "inferenceConfig": {"maxTokens": 5, "stopSequences": ["x"]},
}
EMBEDDINGS: Json = {"input": ["a", "b"], "dimensions": 256, "encoding_format": "float", "user": "u"}
