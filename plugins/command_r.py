"""Command R and R+ by Cohere: legacy models, which some accounts still call, in Cohere's chat format and by Converse.

Source: AWS user guide, "Cohere Command R and Command R+ models" (read 2026-11-30); the events of a stream as they are
recorded from Cohere's API v1, whose format it is.
"""

from collections.abc import Callable, Iterable, Iterator

from bedrock_flask.plugin import (
    CHAT,
    Adapter,
    Json,
    KnownModel,
    Schema,
    build_answer,
    fields,
    hookimpl,
    inference_config,
    sources,
    text_of_answer,
)

MODELS = {"cohere.command-r*": CHAT.but(structured=False, strict_tools=False, reasoning=False)}

SOURCES = {
    **sources.CHAT,
    **sources.MODALITIES,
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
    "reasoning": [sources.NOT_REASONING],
}

# Neither is in AWS's list of models any more (bedrock-models 0.1.165, October 2026).
_REGIONS = ("us-east-1", "us-west-2")
KNOWN_MODELS = {
    # The end: AWS's page on the life cycle as awslabs/startups has it, ai-model-lifecycle.md (2026-07-08).
    "cohere.command-r-v1:0": KnownModel(
        name="Command R", regions=_REGIONS, active=False, ends_on="2026-08-19", context=128_000, output=4_000
    ),
    "cohere.command-r-plus-v1:0": KnownModel(
        name="Command R+", regions=_REGIONS, active=False, ends_on="2026-08-19", context=128_000, output=4_000
    ),
}


class ToolCall(Schema):
    """A call of a tool."""

    name = fields.String(required=True, description="The tool's name.")
    parameters = fields.Object(required=True, description="The tool's arguments, by name.")


class ToolResult(Schema):
    """What a tool has answered to a call."""

    call = fields.Nested(ToolCall, required=True, description="The call, as the model has made it.")
    outputs = fields.List(fields.Object(), required=True, description="The tool's answers, as objects.")


class Turn(Schema):
    """An earlier turn of the conversation."""

    role = fields.String(required=True, one_of=("USER", "CHATBOT", "SYSTEM", "TOOL"), description="Whose turn it is.")
    message = fields.String(description="The text.")
    tool_calls = fields.List(fields.Nested(ToolCall), description="The tools that the model has called.")
    tool_results = fields.List(fields.Nested(ToolResult), description="What the tools have answered.")


class Parameter(Schema):
    """A parameter of a tool."""

    description = fields.String(description="What the parameter is.")
    type = fields.String(required=True, description="Its type, by Python's name, such as `str`.")
    required = fields.Boolean(description="Whether each call has it.")


class Tool(Schema):
    """A tool that the model may call."""

    name = fields.String(required=True, min_length=1, description="The tool's name.")
    description = fields.String(required=True, description="What the tool does.")
    parameter_definitions = fields.Object(fields.Nested(Parameter), description="The tool's parameters, by name.")


class CommandBody(Schema):
    """A request in the native format of Command R."""

    message = fields.String(required=True, description="The user's text, which the model answers.")
    chat_history = fields.List(fields.Nested(Turn), description="The turns before it, the oldest first.")
    documents = fields.List(
        fields.Object(), description="Texts that the answer may cite, usually with `title` and `snippet`."
    )
    search_queries_only = fields.Boolean(description="Answer with search queries only; default false.")
    preamble = fields.String(description="The system prompt, in place of Cohere's own.")
    max_tokens = fields.Integer(min=1, unverified_max=4_000, description="Maximum number of output tokens.")
    temperature = fields.Number(min=0, max=1, description="Sampling temperature; default 0.3.")
    p = fields.Number(
        min=0.01, max=0.99, description="Nucleus sampling: the probability mass to sample from; default 0.75."
    )
    k = fields.Number(min=0, max=500, description="The number of most likely tokens to sample from; default 0: all.")
    prompt_truncation = fields.String(
        one_of=("OFF", "AUTO_PRESERVE_ORDER"), description="Whether what is too long is left out; default OFF."
    )
    frequency_penalty = fields.Number(min=0, max=1, description="Penalty for each use of a token; default 0.")
    presence_penalty = fields.Number(min=0, max=1, description="Penalty for a token that was used; default 0.")
    seed = fields.Integer(description="Sample alike for alike requests, as far as possible.")
    return_prompt = fields.Boolean(description="Return the whole prompt as `prompt`; default false.")
    tools = fields.List(fields.Nested(Tool), description="The tools that the model may call.")
    tool_results = fields.List(fields.Nested(ToolResult), description="What the tools have answered.")
    stop_sequences = fields.List(fields.String(), description="Texts at which the model stops generating.")
    raw_prompting = fields.Boolean(description="Send the message as it is, without Cohere's template; default false.")


class Citation(Schema):
    """A part of the text, and the documents that it is from."""

    start = fields.Integer(min=0, description="Where the part begins.")
    end = fields.Integer(min=0, description="Where the part ends.")
    text = fields.String(description="The part.")
    document_ids = fields.List(fields.String(), description="The ids of the documents.")


class BilledUnits(Schema):
    """The tokens that are billed."""

    input_tokens = fields.Number(min=0, description="The tokens of the prompt.")
    output_tokens = fields.Number(min=0, description="The tokens of the answer.")


class Meta(Schema):
    """What is known of the answer besides."""

    api_version = fields.Object(description="The version of Cohere's API.")
    billed_units = fields.Nested(BilledUnits, description="The tokens that are billed.")


class CommandAnswer(Schema):
    """A whole answer in the native format of Command R."""

    response_id = fields.String(description="The id of the answer.")
    generation_id = fields.String(description="The id of the text.")
    text = fields.String(required=True, description="The text.")
    chat_history = fields.List(fields.Object(), description="The conversation with this answer.")
    finish_reason = fields.String(description="Why the model stopped: `COMPLETE`, `MAX_TOKENS`, `ERROR` and others.")
    citations = fields.List(fields.Nested(Citation), description="The parts that are from documents or tools.")
    documents = fields.List(fields.Object(), description="The documents that are cited.")
    tool_calls = fields.List(fields.Nested(ToolCall), description="The tools that the model calls.")
    search_queries = fields.List(fields.Object(), description="The queries that were requested.")
    is_search_required = fields.Boolean(description="Whether a search is needed.")
    prompt = fields.String(description="The whole prompt, if it was requested.")
    meta = fields.Nested(Meta, description="The version of the API, and the tokens.")


PARAMETERS = {
    "max_tokens": "maxTokens",
    "temperature": "temperature",
    "p": "topP",
    "stop_sequences": "stopSequences",
}
_STOPS = {"MAX_TOKENS": "max_tokens", "STOP_SEQUENCE": "stop_sequence", "ERROR_TOXIC": "content_filtered"}
_REASONS = {reason: name for name, reason in _STOPS.items()}
_ROLES = {"USER": "user", "CHATBOT": "assistant"}
_ID = "00000000-0000-4000-8000-000000000000"


def _read_call(number: int, call: Json) -> Json:
    # Cohere's calls have no ids.
    return {"toolUse": {"toolUseId": f"call_{number}", "name": call["name"], "input": call["parameters"]}}


def _read_calls(answer: Json) -> list[Json]:
    return [_read_call(number, call) for number, call in enumerate(answer.get("tool_calls") or (), 1)]


def _read_end(answer: Json, reason: str | None) -> Json:
    """The stop reason and the tokens of an answer."""
    units = (answer.get("meta") or {}).get("billed_units") or {}
    called = "tool_use" if answer.get("tool_calls") else "end_turn"
    return build_answer(
        stop_reason=_STOPS.get(reason or "", called),
        input_tokens=units.get("input_tokens"),
        output_tokens=units.get("output_tokens"),
    )


def _read_event(chunk: Json) -> Json:
    """A chunk as a part of a Converse response; events that hold nothing of the answer are empty."""
    event = chunk["event_type"]
    if event == "text-generation":
        return build_answer(chunk["text"])
    if event == "tool-calls-generation":
        return {"output": {"message": {"role": "assistant", "content": _read_calls(chunk)}}}
    if event == "stream-end":
        answer = chunk.get("response") or {}
        return _read_end(answer, chunk.get("finish_reason") or answer.get("finish_reason"))
    return {}


def decode(reply: Json) -> Json:
    """Decode a reply or a chunk, which is an event."""
    if "event_type" in reply:
        return _read_event(reply)
    queries = "\n".join(query["text"] for query in reply.get("search_queries") or ())
    content = [{"text": queries or reply["text"]}, *_read_calls(reply)]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        **_read_end(reply, reply.get("finish_reason")),
    }


def _read_tools(tools: Iterable[Json]) -> Json:
    specs = []
    for tool in tools:
        parameters = tool.get("parameter_definitions", {})
        schema = {
            "type": "object",
            "properties": {name: {"description": each.get("description", "")} for name, each in parameters.items()},
            "required": [name for name, each in parameters.items() if each.get("required")],
        }
        specs.append(
            {"toolSpec": {"name": tool["name"], "description": tool["description"], "inputSchema": {"json": schema}}}
        )
    return {"tools": specs}


def _read_results(results: Iterable[Json]) -> list[Json]:
    """The turns of tools that were called and have answered."""
    calls, answers = [], []
    for number, result in enumerate(results, 1):
        calls.append(_read_call(number, result["call"]))
        content = [{"json": output} for output in result["outputs"]]
        answers.append({"toolResult": {"toolUseId": f"call_{number}", "content": content}})
    return [{"role": "assistant", "content": calls}, {"role": "user", "content": answers}]


def read_request(body: Json) -> Json:
    """Read a native body as a Converse request."""
    turns = [(_ROLES.get(turn["role"]), turn.get("message")) for turn in body.get("chat_history", ())]
    turns.append(("user", body["message"]))
    messages = [{"role": role, "content": [{"text": text}]} for role, text in turns if role and text]
    if body.get("tool_results"):
        messages += _read_results(body["tool_results"])
    return {
        "messages": messages or [{"role": "user", "content": [{"text": " "}]}],
        **({"system": [{"text": body["preamble"]}]} if body.get("preamble") else {}),
        **({"toolConfig": _read_tools(body["tools"])} if body.get("tools") else {}),
        **inference_config.read_config(body, PARAMETERS),
    }


def _write_calls(response: Json) -> list[Json]:
    content = (response.get("output") or {}).get("message", {}).get("content", ())
    uses = (block["toolUse"] for block in content if "toolUse" in block)
    return [{"name": use["name"], "parameters": use["input"]} for use in uses]


def write_reply(response: Json) -> Json:
    """Write a Converse response in the native format."""
    usage, calls = response.get("usage", {}), _write_calls(response)
    return {
        "response_id": _ID,
        "text": text_of_answer(response),
        "generation_id": _ID,
        "finish_reason": _REASONS.get(response.get("stopReason", ""), "COMPLETE"),
        **({"tool_calls": calls} if calls else {}),
        "meta": {
            "api_version": {"version": "1"},
            "billed_units": {
                "input_tokens": usage.get("inputTokens", 0),
                "output_tokens": usage.get("outputTokens", 0),
            },
        },
    }


def write_chunks(parts: Iterable[Json]) -> Iterator[Json]:
    """Write the parts of a response as events; the last one has the whole answer."""
    yield {"is_finished": False, "event_type": "stream-start", "generation_id": _ID}
    text, calls = "", []
    for part in parts:
        if piece := text_of_answer(part):
            text += piece
            yield {"is_finished": False, "event_type": "text-generation", "text": piece}
        if found := _write_calls(part):
            calls += found
            yield {"is_finished": False, "event_type": "tool-calls-generation", "tool_calls": found}
        if "stopReason" in part:
            whole = write_reply({**build_answer(text), **part}) | {"text": text}
            response = whole | ({"tool_calls": calls} if calls else {})
            reason = response["finish_reason"]
            yield {"is_finished": True, "event_type": "stream-end", "response": response, "finish_reason": reason}


def complete_reply(reply: Json, body: Json) -> Json:
    """Add the conversation with its new turns to a whole answer, which the last event of a stream has too."""
    if "response" in reply:
        return {**reply, "response": complete_reply(reply["response"], body)}
    if "response_id" not in reply:
        return reply
    turns = [{"role": "USER", "message": body["message"]}, {"role": "CHATBOT", "message": reply["text"]}]
    return {**reply, "chat_history": [*body.get("chat_history", ()), *turns]}


REPLY = write_reply(build_answer("2+2 is 4.", stop_reason="end_turn", input_tokens=7, output_tokens=8))


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="command-r",
            description="Command R and R+ by Cohere (legacy): chat, tools and citations in Cohere's format.",
            body=CommandBody,
            answer=CommandAnswer,
            speaks={"command_r": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default="cohere.command-r-plus-v1:0",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            decode=decode,
            read_request=read_request,
            write_reply=write_reply,
            write_chunks=write_chunks,
            complete_reply=complete_reply,
            sample={
                "message": "What is 2+2?",
                "chat_history": [
                    {"role": "USER", "message": "Hello."},
                    {"role": "CHATBOT", "message": "Hello, what would you like to know?"},
                ],
                "preamble": "Be terse.",
                "max_tokens": 64,
                "temperature": 0.3,
            },
            reply=REPLY,
            chunks=[
                {"is_finished": False, "event_type": "stream-start", "generation_id": _ID},
                {"is_finished": False, "event_type": "text-generation", "text": "2+2"},
                {"is_finished": False, "event_type": "text-generation", "text": " is 4."},
                {"is_finished": True, "event_type": "stream-end", "response": REPLY, "finish_reason": "COMPLETE"},
            ],
        )
    )
