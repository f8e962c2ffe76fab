"""The items of a conversation, to and from Converse's turns.

What Converse has in one message, this format has in a row of items: the reasoning, the texts and the calls of one
answer; the outputs of its tools and what the user adds.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from bedrock_flask.converse import Json, is_blank
from bedrock_flask.wires.openai_responses import encrypted_reasoning
from bedrock_flask.wires.openai_responses.parts import Marked, is_part, marked, read_parts, write_parts
from bedrock_flask.wires.openai_responses.tools import full_name
from bedrock_flask.wires.reading.cursor import Cursor

# --- read ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """What one item says, and whether that stands first in its turn."""

    role: str
    content: list[Json]
    first: bool = False


def read_items(given: str | list[Json], place: Cursor) -> tuple[list[Json], list[Json]]:
    """The system prompt and the turns; raises InvalidBody for what no model could be asked."""
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    places = [place] if isinstance(given, str) else [place.item(index) for index in range(len(items))]
    said = [each for item, here in zip(items, places, strict=True) for each in _read_item(item, here)]
    system = [block for each in said if each.role == "system" for block in each.content]
    turns = [_turn(role, [*each]) for role, each in groupby(_not_system(said), lambda each: each.role)]
    if not turns:
        raise place.wrong("has no message of the user's")
    return system, turns


def _not_system(said: Iterable[_Said]) -> Iterator[_Said]:
    return (each for each in said if each.role != "system" and each.content)


def _turn(role: str, said: list[_Said]) -> Json:
    # The order in which a model has reasoned and spoken must not change, unless a turn would not begin with reasoning.
    if role == "user" or not said[0].first:
        said = sorted(said, key=lambda each: not each.first)
    return {"role": role, "content": [block for each in said for block in each.content]}


def _read_item(item: Json, place: Cursor) -> Iterator[_Said]:
    kind = "message" if item.get("type") is None else item["type"]
    if kind == "item_reference":
        raise place.wrong("names an item that was kept, and the gateway keeps none; send the item itself")
    if kind not in _ITEMS:
        place.leave(item)
        return
    read, *taken = _ITEMS[kind]
    for name in _NOTES:
        if item.get(name) is not None:
            place.at(name).mention(f"input.{name}", item[name])
    place.leave_rest(item, *_NAMES, *_NOTES, *taken, defaults=_DEFAULTS)
    yield from read(item, place)


def _read_message(item: Json, place: Cursor) -> Iterator[_Said]:
    role, here = item["role"], place.at("content")
    content = [*read_parts(item["content"], here)]
    if role in ("system", "developer"):
        for index, part in enumerate(item["content"]):
            if isinstance(part, dict) and part["type"] in ("input_image", "input_file"):
                raise here.item(index).wrong("must be text: the model is instructed in words only")
        yield _Said("system", content)
    elif role == "user" and not content:
        raise place.wrong("says nothing: there is no text in it, and no medium")
    else:
        # An answer may have been blank; the items around it still make up a turn.
        yield _Said(role, content)


def _read_function_call(item: Json, place: Cursor) -> Iterator[_Said]:
    yield _call(item, _read_arguments(item.get("arguments"), place.at("arguments")))


def _read_custom_call(item: Json, place: Cursor) -> Iterator[_Said]:
    yield _call(item, {"input": item["input"]})


def _call(item: Json, given: Json) -> _Said:
    return _Said("assistant", [{"toolUse": {"toolUseId": item["call_id"], "name": full_name(item), "input": given}}])


def _read_arguments(arguments: str | None, place: Cursor) -> Json:
    # What a call without arguments comes as, depending on who wrote it down.
    if not arguments or arguments.isspace() or arguments.strip() == "null":
        return {}
    try:
        # A name that a model has written twice must not end the conversation: the last one counts, as with all readers.
        value = json.loads(arguments, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise place.wrong(f"must be a JSON object in a string: {error}") from None
    if not isinstance(value, dict):
        raise place.wrong("must be a JSON object in a string")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _read_output(item: Json, place: Cursor) -> Iterator[_Said]:
    content = [*read_parts(item["output"], place.at("output"))]
    # Inside a tool result Converse has no cache points; behind it they mark the same prefix, or a little more.
    marks = [block for block in content if "cachePoint" in block][:1]
    result = {"toolUseId": item["call_id"], "content": [block for block in content if "cachePoint" not in block]}
    yield _Said("user", [{"toolResult": result}, *marks], first=True)


def _read_reasoning(item: Json, place: Cursor) -> Iterator[_Said]:
    """The reasoning; a summary alone is for people, and no model takes it back."""
    encrypted = item.get("encrypted_content")
    if encrypted:
        blocks = encrypted_reasoning.decode(encrypted)
        if blocks is None:
            # Another's, which no model on Bedrock can read.
            place.mention("input.reasoning.encrypted_content", item)
    else:
        text = "".join(piece["text"] for piece in item.get("content") or ())
        blocks = [{"reasoningContent": {"reasoningText": {"text": text}}}] if text and not text.isspace() else []
    yield _Said("assistant", blocks or [], first=True)


def _read_additional_tools(item: Json, place: Cursor) -> Iterator[_Said]:
    # Its tools are read with the others.
    yield from ()


# Members that name an item or say how far it had come; those that only a client needs; values that are the usual ones.
_NAMES = ("type", "id", "status", "role")
_NOTES = ("phase", "internal_chat_message_metadata_passthrough")
_DEFAULTS = {"caller": ({"type": "direct"},), "async": (False,), "encrypted_function_args": ([],)}
# How each kind of item is read, and its members that are.
_ITEMS: dict[str, tuple[Any, ...]] = {
    "message": (_read_message, "content"),
    "function_call": (_read_function_call, "call_id", "name", "namespace", "arguments"),
    "function_call_output": (_read_output, "call_id", "name", "namespace", "output"),
    "custom_tool_call": (_read_custom_call, "call_id", "name", "namespace", "input"),
    "custom_tool_call_output": (_read_output, "call_id", "name", "namespace", "output"),
    "reasoning": (_read_reasoning, "summary", "content", "encrypted_content"),
    "additional_tools": (_read_additional_tools, "tools"),
}


# --- written ---------------------------------------------------------------------------------------------------------


def write_system(system: list[Json]) -> tuple[str | None, list[Json]]:
    """The instructions, and the item that has the rest of a system prompt; raises InvalidBody."""
    blocks = [*marked(system, Cursor("system", {}))]
    instructions = None
    if blocks and not blocks[0][2] and "text" in blocks[0][1]:
        instructions = blocks.pop(0)[1]["text"]
    return instructions, [_write_message("developer", blocks)] if blocks else []


@dataclass(frozen=True)
class _Customs:
    """The tools that take free text, and the ids of their calls, by which outputs are told."""

    tools: frozenset[str]
    calls: frozenset[str] = frozenset()

    def has(self, use: Json) -> bool:
        """Whether a call is one of theirs, and gives nothing but text."""
        match use["input"]:
            case {"input": str(), **others}:
                return use["name"] in self.tools and not others
        return False


def write_turns(turns: list[Json], custom: frozenset[str]) -> Iterator[Json]:
    """The turns as items; `custom` are the tools that take free text. Raises InvalidBody."""
    tools = _Customs(custom)
    uses = (block["toolUse"] for turn in turns for block in turn["content"] if "toolUse" in block)
    customs = _Customs(custom, frozenset(use["toolUseId"] for use in uses if tools.has(use)))
    for index, turn in enumerate(turns):
        place = Cursor(f"messages[{index}]", {})
        if turn["role"] not in ("user", "assistant"):
            raise place.at("role").wrong("has no like in the format of OpenAI's Responses")
        blocks = marked(turn["content"], place.at("content"))
        for together, each in groupby(blocks, lambda block: is_part(block[1])):
            if together:
                yield _write_message(turn["role"], each)
            else:
                yield from (_write_item(block, customs) for block in each)


def _write_message(role: str, blocks: Iterable[Marked]) -> Json:
    return {"type": "message", "role": role, "content": write_parts(blocks, output=role == "assistant")}


def _write_item(block: Marked, customs: _Customs) -> Json:
    place, content, mark = block
    [(kind, value)] = content.items()
    return _WRITERS[kind](value, mark, place.at(kind), customs)


def _write_call(use: Json, mark: Json | None, place: Cursor, customs: _Customs) -> Json:
    if use.get("type"):
        raise place.at("type").wrong("has no like in the format of OpenAI's Responses")
    told = {"call_id": use["toolUseId"], "name": use["name"]}
    if customs.has(use):
        return {"type": "custom_tool_call", **told, "input": use["input"]["input"]}
    return {"type": "function_call", **told, "arguments": json.dumps(use["input"])}


def _write_output(result: Json, mark: Json | None, place: Cursor, customs: _Customs) -> Json:
    # The format has no mark for a tool that failed: what it says must tell.
    kind = "custom_tool_call_output" if result["toolUseId"] in customs.calls else "function_call_output"
    blocks = [*marked(result["content"], place.at("content"))]
    if mark and blocks:
        blocks[-1] = (*blocks[-1][:2], mark)
    parts = write_parts(blocks)
    plain = len(parts) < 2 and all(part.keys() == {"type", "text"} for part in parts)
    return {
        "type": kind,
        "call_id": result["toolUseId"],
        "output": "".join(part["text"] for part in parts) if plain else parts,
    }


def _write_reasoning(reasoning: Json, mark: Json | None, place: Cursor, customs: _Customs) -> Json:
    text = reasoning.get("reasoningText") or {}
    encrypted = encrypted_reasoning.unseal(text.get("signature") or "")
    if encrypted is not None:
        summary = [{"type": "summary_text", "text": text["text"]}] if text.get("text") else []
        return {"type": "reasoning", "summary": summary, "encrypted_content": encrypted}
    if not text.get("signature") and not is_blank(text.get("text")):
        # A model that signs nothing reads its reasoning as text.
        return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text["text"]}]}
    return {"type": "reasoning", **reasoning_members(reasoning)}


def reasoning_members(reasoning: Json) -> Json:
    """What an item of reasoning tells, for people and to be sent back."""
    text = (reasoning.get("reasoningText") or {}).get("text")
    summary = [{"type": "summary_text", "text": text}] if text else []
    return {"summary": summary, "encrypted_content": encrypted_reasoning.encode([{"reasoningContent": reasoning}])}


_WRITERS: dict[str, Callable[[Any, Json | None, Cursor, _Customs], Json]] = {
    "toolUse": _write_call,
    "toolResult": _write_output,
    "reasoningContent": _write_reasoning,
}
