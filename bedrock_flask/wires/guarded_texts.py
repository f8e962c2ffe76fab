"""The texts of requests and answers in the formats of AWS's APIs beside Converse and InvokeModel, for a guardrail.

Every string of a body is a text, unless its member is one that only names or marks something: so a member that a format
gets tomorrow is checked too. What is not a text is an error.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bedrock_flask.converse import Json
from bedrock_flask.protocol.json_path import Path, format_path

# Lists of parts, of which each has a type, and members that are one part.
_LISTS = frozenset({"messages", "input", "system", "content", "output", "summary"})
_PARTS = frozenset({"item", "part", "content_block"})
# The types of parts that hold texts and nothing else, in all three formats; a plain message has none.
_TEXTUAL = frozenset(
    {
        *("message", "text", "input_text", "output_text", "refusal"),
        *("reasoning", "reasoning_text", "summary_text", "thinking", "redacted_thinking"),
        *("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"),
        *("tool_use", "tool_result", "server_tool_use"),
        *("web_search_call", "mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"),
    }
)
# Members that mark something, or that only AWS can read. None of them is a text of the user's or the model's.
_MARKS = frozenset(
    {
        *("type", "role", "id", "item_id", "call_id", "tool_call_id", "tool_use_id", "status", "object", "model"),
        *("finish_reason", "native_finish_reason", "stop_reason", "service_tier", "system_fingerprint", "phase"),
        *("cache_control", "signature", "encrypted_content", "obfuscation", "logprobs", "usage", "include", "detail"),
        *("tool_choice", "reasoning_effort", "effort", "verbosity", "truncation", "modalities"),
        *("prompt_cache_key", "prompt_cache_retention", "safety_identifier"),
    }
)
# Objects of the caller's or the model's own: the arguments of a tool, and schemas.
_OWN = frozenset({"input", "arguments", "parameters", "input_schema", "schema"})
# Members that hold something else than texts, whatever their type.
_MEDIA = frozenset({"audio", "file", "image", "image_url", "images", "input_audio", "video", "video_url"})
# Members of a request that stand for texts which only AWS has, or by which the answer comes later.
_ELSEWHERE = ("previous_response_id", "conversation", "prompt", "background")
# What says where in an answer a piece of a stream belongs.
_PLACE = ("index", "output_index", "content_index", "summary_index")
# In Anthropic's format a block begins with a piece of its text.
_PIECES = frozenset({"delta", "content_block"})


class UncheckableContent(Exception):
    """A part that is not a text: its path, and its kind."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(path)
        self.path, self.kind = path, kind


def list_request_texts(body: Json) -> Sequence[str]:
    """All texts of a request; raises UncheckableContent for what is none."""
    for name in _ELSEWHERE:
        if body.get(name):
            raise UncheckableContent(name, "what is not in the request")
    return _unite(text for _, text in _list_strings(body, ()))


class AnswerTexts:
    """The texts of one answer, whole or in the pieces of a stream."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[Any, ...], list[str]] = {}

    def read(self, document: Json) -> None:
        """Take the texts of a whole answer or of one event; raises UncheckableContent for what is none."""
        place = tuple(number if isinstance(number := document.get(name), int) else None for name in _PLACE)
        for path, text in _list_strings(_leave_settings(document), ()):
            self._pieces.setdefault((place, path), []).append(text)

    def join(self) -> Sequence[str]:
        """The texts, each once: a stream may repeat what its pieces have shown."""
        return _unite("".join(pieces) for pieces in self._pieces.values())


def _leave_settings(document: Json) -> Json:
    """An answer, or an event, without what Responses repeats of its request."""
    if document.get("object") == "response":
        return {"output": document.get("output")}
    response = document.get("response")
    return {**document, "response": _leave_settings(response)} if isinstance(response, dict) else document


def _list_strings(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The texts of a JSON value and where they are; pieces of one text have the same place."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _list_strings(each, (*path, _find_number(each, number)))
    elif isinstance(value, dict):
        # What only AWS can read.
        skipped = "data" if value.get("type") == "redacted_thinking" else None
        for name, each in value.items():
            if name == skipped:
                continue
            yield from _list_member(name, each, path if name in _PIECES else (*path, name))


def _list_member(name: str, value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if name in _MARKS:
        return
    if name in _OWN and isinstance(value, dict):
        yield path, json.dumps(value, ensure_ascii=False)
        return
    if name in _MEDIA and isinstance(value, dict | list) and value:
        raise UncheckableContent(format_path(path), f"'{name}'")
    for place, part in _list_parts(name, value, path):
        kind = part.get("type") if isinstance(part, dict) else None
        if not (kind is None or (isinstance(kind, str) and kind in _TEXTUAL)):
            raise UncheckableContent(format_path(place), f"'{str(kind)[:50]}'")
    yield from _list_strings(value, path)


def _list_parts(name: str, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if name in _LISTS and isinstance(value, list):
        yield from (((*path, number), part) for number, part in enumerate(value))
    elif name in _PARTS:
        yield path, value


def _find_number(value: Any, number: int) -> int:
    """The number of an element: pieces of a stream say it."""
    own = value.get("index") if isinstance(value, dict) else None
    return own if isinstance(own, int) else number


def _unite(texts: Iterator[str]) -> Sequence[str]:
    return tuple(dict.fromkeys(text for text in texts if text.strip()))
