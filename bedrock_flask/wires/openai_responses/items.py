"""The items of a conversation, to and from Converse's messages.

One message of Converse is several items in this format: the reasoning, the texts and the tool calls of one answer, or
the outputs of its tools and what the user adds.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from typing import Any

from bedrock_flask.converse import Json, build_cache_point, is_blank
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.wires.openai_responses import encrypted_reasoning
from bedrock_flask.wires.openai_responses.parts import MarkedBlock, is_part, pair_with_marks, read_parts, write_parts
from bedrock_flask.wires.openai_responses.tools import SEARCH, full_name, is_client_search, write_found_tools
from bedrock_flask.wires.reading.cursor import STAND_IN, Cursor
from bedrock_flask.wires.tool_input import read_tool_input, write_tool_input

# --- read ------------------------------------------------------------------------------------------------------------


_NO_ITEMS = (
    "is not supported: the gateway stores no items. Send the item itself, as clients do that set `store` to false (in "
    "Vercel's AI SDK: providerOptions.openai.store)."
)


@dataclass(slots=True)
class _Content:
    """The content of one item, and whether it comes first in its message; the item itself if it may be a message."""

    role: str
    content: list[Json]
    is_first: bool = False
    item: Json = field(default_factory=dict)


def read_items(given: str | list[Json], cursor: Cursor) -> tuple[list[Json], list[Json]]:
    """The system prompt, which is the instructions that come first, and the messages, later instructions in place."""
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    cursors = [cursor] if isinstance(given, str) else [cursor.item(index) for index in range(len(items))]
    contents = [each for item, here in zip(items, cursors, strict=True) for each in _read_item(item, here)]
    contents = [each for each in contents if each.content]
    first = [*takewhile(lambda each: each.role == "system", contents)]
    system = [block for each in first for block in each.content]
    turns = [_build_message(role, [*each]) for role, each in groupby(contents[len(first) :], lambda each: each.role)]
    return system, turns


def _build_message(role: str, contents: list[_Content]) -> Json:
    # A model's reasoning and texts keep their order, unless the message would not begin with reasoning.
    if role == "user" or not contents[0].is_first:
        contents = sorted(contents, key=lambda each: not each.is_first)
    message = {"role": role, "content": [block for each in contents for block in each.content]}
    return place_at(message, contents[0].item) if len(contents) == 1 else message


def _read_item(item: Json, cursor: Cursor) -> Iterator[_Content]:
    kind = "message" if item.get("type") is None else item["type"]
    if kind == "item_reference":
        cursor.reject(_NO_ITEMS)
        return
    if kind not in _ITEMS:
        cursor.add_extra(item)
        return
    read, *taken = _ITEMS[kind]
    for name in _NOTES:
        if item.get(name) is not None:
            cursor.at(name).add_hint(f"input.{name}", item[name])
    cursor.add_unread(item, *_NAMES, *_NOTES, "cache_control", *taken, defaults=_DEFAULTS)
    contents = [*read(item, cursor)]
    mark = item.get("cache_control")
    if mark and contents and "cachePoint" not in ({}, *contents[-1].content)[-1]:
        contents[-1].content.append(place_at(build_cache_point(mark.get("ttl")), mark))
    yield from contents


def _read_message(item: Json, cursor: Cursor) -> Iterator[_Content]:
    role, here = item["role"], cursor.at("content")
    content = [*read_parts(item["content"], here)]
    if role in ("system", "developer"):
        for index, part in enumerate(item["content"]):
            if isinstance(part, dict) and part["type"] in ("input_image", "input_file"):
                here.item(index).reject("must be text: instructions cannot have images or files")
        yield _Content("system", content)
    elif role == "user" and not content:
        cursor.reject("must have content that is not blank")
        yield _Content(role, [STAND_IN])
    else:
        # An answer may be blank; the items around it still form a message.
        yield _Content(role, content, item=item)


def _read_function_call(item: Json, cursor: Cursor) -> Iterator[_Content]:
    yield _build_call(item, read_tool_input(item.get("arguments")))


def _read_custom_call(item: Json, cursor: Cursor) -> Iterator[_Content]:
    yield _build_call(item, {"input": item["input"]})


def _build_call(item: Json, given: Any) -> _Content:
    use = {"toolUseId": item["call_id"], "name": place_at(full_name(item), item["name"]), "input": given}
    return _Content("assistant", [place_at({"toolUse": use}, item)])


def _read_search(item: Json, cursor: Cursor) -> Iterator[_Content]:
    """A search for tools that the client runs; one that OpenAI ran is left out, because the model sees all tools."""
    if not is_client_search(item):
        cursor.add_hint("input.tool_search", item)
        return
    given = item.get("arguments")
    if isinstance(given, str):
        given = read_tool_input(given)
    yield _build_call({"call_id": item["call_id"], "name": SEARCH}, given or {})


def _read_found(item: Json, cursor: Cursor) -> Iterator[_Content]:
    if not is_client_search(item):
        cursor.add_hint("input.tool_search", item)
        return
    result = {"toolUseId": item["call_id"], "content": [{"text": write_found_tools(item)}]}
    yield _Content("user", [{"toolResult": result}], is_first=True)


def _read_output(item: Json, cursor: Cursor) -> Iterator[_Content]:
    content = [*read_parts(item["output"], cursor.at("output"))]
    # Inside a tool result Converse has no cache points; behind it they cache the same prefix, or a little more.
    marks = [block for block in content if "cachePoint" in block][:1]
    result = {"toolUseId": item["call_id"], "content": [block for block in content if "cachePoint" not in block]}
    yield _Content("user", [place_at({"toolResult": result}, item), *marks], is_first=True)


def _read_reasoning(item: Json, cursor: Cursor) -> Iterator[_Content]:
    """The reasoning; a summary alone is written for people, and models do not accept it back."""
    encrypted = item.get("encrypted_content")
    if encrypted:
        blocks = encrypted_reasoning.decode(encrypted)
        if blocks is None:
            # Encrypted by another service, so no model on Bedrock can read it.
            cursor.add_hint("input.reasoning.encrypted_content", item)
    else:
        text = "".join(piece["text"] for piece in item.get("content") or ())
        blocks = [{"reasoningContent": {"reasoningText": {"text": text}}}] if not is_blank(text) else []
    yield _Content("assistant", [place_at(block, item) for block in blocks or ()], is_first=True)


def _read_additional_tools(item: Json, cursor: Cursor) -> Iterator[_Content]:
    # `read_tools` reads its tools.
    yield from ()


# Members that identify an item or give its status; members that only clients need; values that equal the default.
_NAMES = ("type", "id", "status", "role")
_NOTES = ("phase", "internal_chat_message_metadata_passthrough")
_DEFAULTS = {"caller": ({"type": "direct"},), "async": (False,), "encrypted_function_args": ([],)}
# How each kind of item is read, and which of its members.
_ITEMS: dict[str, tuple[Any, ...]] = {
    "message": (_read_message, "content"),
    "function_call": (_read_function_call, "call_id", "name", "namespace", "arguments"),
    "function_call_output": (_read_output, "call_id", "name", "namespace", "output"),
    "custom_tool_call": (_read_custom_call, "call_id", "name", "namespace", "input"),
    "custom_tool_call_output": (_read_output, "call_id", "name", "namespace", "output"),
    "reasoning": (_read_reasoning, "summary", "content", "encrypted_content"),
    "additional_tools": (_read_additional_tools, "tools"),
    "tool_search_call": (_read_search, "call_id", "execution", "arguments", "created_by"),
    "tool_search_output": (_read_found, "call_id", "execution", "tools", "created_by"),
}


# --- write -----------------------------------------------------------------------------------------------------------


def write_system(system: list[Json]) -> tuple[str | None, list[Json]]:
    """The instructions, and the item with the rest of a system prompt; raises InvalidBody for unsupported blocks."""
    blocks = [*pair_with_marks(system, Cursor("system", {}))]
    instructions = None
    if blocks and not blocks[0][2] and "text" in blocks[0][1]:
        instructions = blocks.pop(0)[1]["text"]
    return instructions, [_write_message("developer", blocks)] if blocks else []


@dataclass(frozen=True)
class _CustomTools:
    """The tools that take free text, and the ids of their calls, by which their outputs are recognised."""

    tools: frozenset[str]
    calls: frozenset[str] = frozenset()

    def has(self, use: Json) -> bool:
        """Whether this is a call of one of them, with nothing but text."""
        match use["input"]:
            case {"input": str(), **others}:
                return use["name"] in self.tools and not others
        return False


def write_turns(turns: list[Json], custom: frozenset[str]) -> Iterator[Json]:
    """Write messages as items; `custom` names the tools that take free text. Raises InvalidBody for other blocks."""
    tools = _CustomTools(custom)
    uses = (block["toolUse"] for turn in turns for block in turn["content"] if "toolUse" in block)
    customs = _CustomTools(custom, frozenset(use["toolUseId"] for use in uses if tools.has(use)))
    for index, turn in enumerate(turns):
        cursor = Cursor(f"messages[{index}]", {})
        blocks = pair_with_marks(turn["content"], cursor.at("content"))
        for together, each in groupby(blocks, lambda block: is_part(block[1])):
            if together:
                yield _write_message(_ROLES[turn["role"]], each)
            else:
                yield from (_write_item(block, customs) for block in each)


# This format's name for each of Converse's roles.
_ROLES = {"user": "user", "assistant": "assistant", "system": "developer"}


def _write_message(role: str, blocks: Iterable[MarkedBlock]) -> Json:
    return {"type": "message", "role": role, "content": write_parts(blocks, output=role == "assistant")}


def _write_item(block: MarkedBlock, customs: _CustomTools) -> Json:
    cursor, content, mark = block
    [(kind, value)] = content.items()
    return _WRITERS[kind](value, mark, cursor.at(kind), customs)


def _write_call(use: Json, mark: Json | None, cursor: Cursor, customs: _CustomTools) -> Json:
    if use.get("type"):
        raise cursor.at("type").error("is not supported by the Responses format")
    common = {"call_id": use["toolUseId"], "name": use["name"]}
    if customs.has(use):
        return {"type": "custom_tool_call", **common, "input": use["input"]["input"]}
    return {"type": "function_call", **common, "arguments": write_tool_input(use["input"])}


def _write_output(result: Json, mark: Json | None, cursor: Cursor, customs: _CustomTools) -> Json:
    # The format has no mark for a tool that failed, so only the output itself says so.
    kind = "custom_tool_call_output" if result["toolUseId"] in customs.calls else "function_call_output"
    blocks = [*pair_with_marks(result["content"], cursor.at("content"))]
    if mark and blocks:
        blocks[-1] = (*blocks[-1][:2], mark)
    parts = write_parts(blocks)
    plain = len(parts) < 2 and all(part.keys() == {"type", "text"} for part in parts)
    return {
        "type": kind,
        "call_id": result["toolUseId"],
        "output": "".join(part["text"] for part in parts) if plain else parts,
    }


def _write_reasoning(reasoning: Json, mark: Json | None, cursor: Cursor, customs: _CustomTools) -> Json:
    text = reasoning.get("reasoningText") or {}
    encrypted = encrypted_reasoning.unseal(text.get("signature") or "")
    if encrypted is not None:
        summary = [{"type": "summary_text", "text": text["text"]}] if text.get("text") else []
        return {"type": "reasoning", "summary": summary, "encrypted_content": encrypted}
    if not text.get("signature") and not is_blank(text.get("text")):
        # A model that does not sign its reasoning reads it as text.
        return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text["text"]}]}
    return {"type": "reasoning", **write_reasoning_members(reasoning)}


def write_reasoning_members(reasoning: Json) -> Json:
    """The members of an item of reasoning: a summary for people, and the blocks to be sent back."""
    text = (reasoning.get("reasoningText") or {}).get("text")
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"summary": summary, "encrypted_content": encrypted_reasoning.encode([{"reasoningContent": reasoning}])}


_WRITERS: dict[str, Callable[[Any, Json | None, Cursor, _CustomTools], Json]] = {
    "toolUse": _write_call,
    "toolResult": _write_output,
    "reasoningContent": _write_reasoning,
}
