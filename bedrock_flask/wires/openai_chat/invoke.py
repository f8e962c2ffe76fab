"""The wire of chat completions in InvokeModel, whose answers differ from OpenAI's by the family.

A chunk may have its piece of the message in `message`, and the reason why the model stopped in `stop_reason`; the
reasoning may be in the text, in `<reasoning>` tags; the token counts may be in Bedrock's headers and metrics alone; and
the last chunk may be the text `[DONE]`. All of this is read alike, and written as the family's `ChatForm` says.

Sources: "OpenAI models", "Mistral AI chat completion" and "Writer Palmyra X5" (AWS user guide, October 2026);
langchain-aws 1.9 and LiteLLM, which read the streams.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import ChatForm
from bedrock_flask.converse import Json, Request, Response, member
from bedrock_flask.wires.openai_chat import PATH_NAMES as OPENAI_PATH_NAMES
from bedrock_flask.wires.openai_chat import request_reader, request_writer, response_reader, response_writer
from bedrock_flask.wires.openai_chat.response_reader import is_complete, is_stop, is_terminal, read_usage
from bedrock_flask.wires.wire import ChunkReader, EventWriter, Wire, find_stated_error

# --- requests --------------------------------------------------------------------------------------------------------


def read_request(body: Json) -> Request:
    """A chat body as a Converse request; raises InvalidBody for a request that no model can answer.

    OpenAI's API takes a temperature of up to 2, Converse of up to 1: the body's own is kept.
    """
    temperature = body.get("temperature")
    plain = {name: value for name, value in body.items() if name not in ("temperature", "model", "stream")}
    plain["messages"] = [_read_message(message) for message in body["messages"]]
    if plain.get("tool_choice") == "any":
        # Mistral's name for it.
        plain["tool_choice"] = "required"
    request = request_reader.read_request(plain)
    if temperature is None:
        return request
    return {**request, "inferenceConfig": {**request.get("inferenceConfig", {}), "temperature": temperature}}


def _read_message(message: Json) -> Json:
    """The message in OpenAI's form: Palmyra's content may be one part, and an image of Mistral's only its URI."""
    content = message.get("content")
    if isinstance(content, dict):
        return {**message, "content": content["text"]}
    if not isinstance(content, list):
        return message
    return {**message, "content": [_read_part(part) for part in content]}


def _read_part(part: Json) -> Json:
    url = part.get("image_url")
    return {**part, "image_url": {"url": url}} if isinstance(url, str) else part


def write_request(request: Request) -> Json:
    """A Converse request as a chat body; raises InvalidBody for content that the format does not have."""
    body = request_writer.write_request(request)
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    for message in body["messages"]:
        details = message.get("reasoning_details") or ()
        if details and all(detail["type"] == "reasoning.text" and "signature" not in detail for detail in details):
            del message["reasoning_details"]
            message["reasoning_content"] = "".join(detail["text"] for detail in details)
    return body


# --- answers that are read -------------------------------------------------------------------------------------------

_OPENING, _CLOSING = "<reasoning>", "</reasoning>"


def read_reply(reply: Json) -> Response:
    """A chat completion in any form as a Converse response; raises UpstreamProtocolError for any other document."""
    return response_reader.read_reply(_split_reasoning(_Tags(), reply, is_last=True))


def open_reader() -> ChunkReader:
    """A reader of the chunks of one chat completion in any form."""
    reader, tags = response_reader.open_reader(), _Tags()
    return ChunkReader(lambda chunk: reader.read(_split_reasoning(tags, chunk, is_last=is_stop(chunk))), reader.end)


@dataclass
class _Tags:
    """Finds the reasoning at the beginning of a text that comes in pieces.

    held       what may be a part of a tag, or comes before one is decided on
    is_open    whether the reasoning has begun
    is_closed  whether all that follows is the answer
    """

    held: str = ""
    is_open: bool = False
    is_closed: bool = False

    def read(self, piece: str, *, is_last: bool) -> tuple[str, str]:
        """The reasoning and the answer that a piece completes."""
        if self.is_closed:
            return "", piece
        text, self.held = self.held + piece, ""
        if not self.is_open:
            if text and not is_last and _OPENING.startswith(text):
                self.held = text
                return "", ""
            self.is_open, self.is_closed = text.startswith(_OPENING), bool(text) and not text.startswith(_OPENING)
            if not self.is_open:
                return "", text
            text = text.removeprefix(_OPENING)
        reasoning, closing, answer = text.partition(_CLOSING)
        if closing or is_last:
            self.is_closed = True
            return reasoning, answer
        self.held = _find_beginning(text, _CLOSING)
        return text.removesuffix(self.held), ""


def _find_beginning(text: str, tag: str) -> str:
    """The end of a text that may be the beginning of a tag."""
    return next((tag[:size] for size in range(len(tag) - 1, 0, -1) if text.endswith(tag[:size])), "")


def _split_reasoning(tags: _Tags, document: Json, *, is_last: bool) -> Json:
    """The reply, or the chunk, with the reasoning of its text in a member of its own."""
    choices = document.get("choices")
    choice: Any = choices[0] if isinstance(choices, list) and choices else None
    name = "message" if member(choice, "message") else "delta"
    piece = member(choice, name)
    if not isinstance(piece, dict) or not isinstance(piece.get("content"), str | None):
        return document
    reasoning, text = tags.read(piece.get("content") or "", is_last=is_last)
    split = {**piece, "content": text, **({"reasoning_content": reasoning} if reasoning else {})}
    return {**document, "choices": [{**choice, name: split}]}


# --- answers that are written ----------------------------------------------------------------------------------------

# The members of a message that are written; OpenAI's writer has more of them.
_WRITTEN = ("role", "content", "tool_calls", "reasoning_content")


def write_reply(form: ChatForm, response: Response, model_id: str) -> Json:
    """A Converse response as a chat completion of this form; raises UpstreamProtocolError for any other document."""
    reply = response_writer.write_reply(response, model_id)
    message = _select(reply["choices"][0]["message"])
    if form.is_tagged and "reasoning_content" in message:
        tagged = f"{_OPENING}{message.pop('reasoning_content')}{_CLOSING}"
        message["content"] = tagged + (message["content"] or "")
    return _shape(form, reply, message, "message")


def _select(message: Json) -> Json:
    return {name: message[name] for name in _WRITTEN if name in message}


def _shape(form: ChatForm, document: Json, message: Json, member: str) -> Json:
    """A reply, or a chunk, with this message in its choice, and the other members that the form has."""
    [choice, *_] = document["choices"]
    others = {name: value for name, value in document.items() if name != "usage" or (value and form.has_usage)}
    return {**others, "choices": [{"index": 0, member: message, form.reason: choice["finish_reason"]}]}


@dataclass
class _Stream:
    """The state of a stream.

    last        the chunk with the stop reason, which is held until the token counts are known
    is_tagging  whether the tag of the reasoning is open
    """

    form: ChatForm
    last: Json = field(default_factory=dict)
    is_tagging: bool = False


def open_writer(form: ChatForm, model_id: str) -> EventWriter:
    """A writer of the chunks of one stream in this form; the last one has the stop reason and the token counts."""
    stream, writer = _Stream(form), response_writer.open_writer(model_id)

    def write(kind: str, payload: Json) -> Iterator[Json]:
        for chunk in writer.write(kind, payload):
            yield from _write_chunk(stream, chunk)

    return EventWriter(write)


def _write_chunk(stream: _Stream, chunk: Json) -> Iterator[Json]:
    """The chunk of OpenAI's stream in the form's own."""
    if not chunk["choices"]:
        yield {**stream.last, **({"usage": chunk["usage"]} if stream.form.has_usage else {}), **_find_others(chunk)}
        return
    [choice] = chunk["choices"]
    delta = _select(choice["delta"])
    if stream.form.is_tagged:
        delta = _tag(stream, delta, is_last=choice["finish_reason"] is not None)
    written = _shape(stream.form, chunk, delta, stream.form.piece)
    if choice["finish_reason"] is not None:
        stream.last = written
    elif delta:
        yield written


def _find_others(chunk: Json) -> Json:
    """What the chunk with the token counts has beside them, such as the tier."""
    return {name: value for name, value in chunk.items() if name not in ("choices", "usage")}


def _tag(stream: _Stream, delta: Json, *, is_last: bool) -> Json:
    """A piece of the message with its reasoning in the text."""
    reasoning = delta.pop("reasoning_content", "")
    if reasoning:
        opening = "" if stream.is_tagging else _OPENING
        stream.is_tagging = True
        return {**delta, "content": opening + reasoning}
    if stream.is_tagging and (delta.get("content") or "tool_calls" in delta or is_last):
        stream.is_tagging = False
        return {**delta, "content": _CLOSING + (delta.get("content") or "")}
    return delta


# This format's name for each path of a Converse request, or extra, that has another one.
PATH_NAMES = MappingProxyType({**OPENAI_PATH_NAMES, "inferenceConfig.maxTokens": "max_tokens"})
# Written in OpenAI's own form.
WIRE = Wire(
    name="invoke_chat",
    is_complete=is_complete,
    find_error=find_stated_error,
    is_stop=is_stop,
    is_terminal=is_terminal,
    texts=frozenset({b'"[DONE]"'}),
    read_usage=read_usage,
    read_request=read_request,
    write_request=write_request,
    read_reply=read_reply,
    open_reader=open_reader,
    write_reply=partial(write_reply, ChatForm()),
    open_writer=partial(open_writer, ChatForm()),
    hints=request_reader.HINTS,
    path_names=PATH_NAMES,
    writes_after_answer=True,
)


def shape_wire(form: ChatForm) -> Wire:
    """The wire whose answers are written in this form."""
    return replace(WIRE, write_reply=partial(write_reply, form), open_writer=partial(open_writer, form))
