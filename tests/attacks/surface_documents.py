"""The documents of true answers in OpenAI's and Anthropic's formats, whole and streamed; each has a mark."""

from typing import Any

FORMS = CHAT, RESPONSES, MESSAGES = "chat", "responses", "messages"
Json = dict[str, Any]

# Places of the true events: the piece of text with the mark, and the first of those that end the stream.
TEXT, END = 2, 4
_CHUNK: Json = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "lie"}
_COUNTS = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
_TOKENS = {"input_tokens": 3, "output_tokens": 4}
_IDS: Json = {"output_index": 0, "item_id": "msg_1", "content_index": 0}


def make_reply(form: str, mark: str) -> Json:
    """The document of a whole answer."""
    text = f"Here is {mark}"
    if form == CHAT:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return {**_CHUNK, "object": "chat.completion", "choices": [choice], "usage": _COUNTS}
    if form == RESPONSES:
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "model": "lie",
            "output": [_make_item(text)],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {**_TOKENS, "total_tokens": 7},
        }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "lie",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": _TOKENS,
    }


def _make_item(text: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def _make_chunk(delta: Json, reason: str | None = None) -> Json:
    return {**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def make_documents(form: str, mark: str) -> list[Json]:
    """The documents of a whole stream, six of each form; that of a chat's last event is empty."""
    reply = make_reply(form, mark)
    if form == CHAT:
        return [
            _make_chunk({"role": "assistant", "content": ""}),
            _make_chunk({"content": "Here is "}),
            _make_chunk({"content": mark}),
            _make_chunk({}, "stop"),
            {**_CHUNK, "choices": [], "usage": _COUNTS},
            {},
        ]
    if form == RESPONSES:
        started = {**reply, "status": "in_progress", "output": [], "usage": None}
        begun = {**reply["output"][0], "status": "in_progress", "content": []}
        return [
            {"type": "response.created", "response": started},
            {"type": "response.output_item.added", "output_index": 0, "item": begun},
            {"type": "response.output_text.delta", "delta": f"Here is {mark}", "logprobs": [], **_IDS},
            {"type": "response.output_text.done", "text": f"Here is {mark}", "logprobs": [], **_IDS},
            {"type": "response.output_item.done", "output_index": 0, "item": reply["output"][0]},
            {"type": "response.completed", "response": reply},
        ]
    return [
        {"type": "message_start", "message": {**reply, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f"Here is {mark}"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": _TOKENS},
        {"type": "message_stop"},
    ]
