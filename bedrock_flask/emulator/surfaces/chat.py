"""OpenAI's chat completions on bedrock-runtime and bedrock-mantle.

Sources: "Invoke a model with the OpenAI Chat Completions API" (AWS user guide), also for the guardrail in its headers;
live calls for where reasoning is written (aws-samples/sample-per-model-bedrock, August 2026).
"""

from functools import partial

from bedrock_flask.bedrock.surfaces import SURFACES
from bedrock_flask.bodies import openai_chat_body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.request import EmulatorRequest
from bedrock_flask.emulator.calls.response import EmulatorResponse
from bedrock_flask.emulator.operations import guardrails
from bedrock_flask.emulator.surfaces import openai_rules, protocols
from bedrock_flask.emulator.surfaces.answers import AnswerFormat, answer, read_members, with_reasoning, without
from bedrock_flask.emulator.surfaces.body import check_project, read_openai_body
from bedrock_flask.emulator.surfaces.serving import find_served
from bedrock_flask.protocol import sse
from bedrock_flask.wires import openai_chat

_SCHEMA = openai_chat_body.Body()
_DONE = sse.encode("[DONE]")
# The members that decide what the engine says; the rules have read the others.
_READ_MEMBERS = (
    *("messages", "max_completion_tokens", "max_tokens", "stop", "tools", "tool_choice", "response_format"),
    *("functions", "function_call"),
)


def create_chat_completion(request: EmulatorRequest) -> EmulatorResponse:
    """Write the next turn of a conversation."""
    surface = SURFACES[request.operation]
    body = read_openai_body(request, _SCHEMA, beside=(guardrails.CONFIG_MEMBER,) if surface.guardrails else ())
    capabilities = find_served(request, surface)
    check_project(request, surface)
    if request.account.is_strict:
        call = openai_rules.Call(body=body, names=openai_rules.CHAT, model=request.model)
        openai_rules.check_rules(call, capabilities)
    converse_request = read_members(openai_chat.WIRE, body, _READ_MEMBERS)
    if capabilities.reasoning and body.get("reasoning_effort") not in (None, "none"):
        converse_request = with_reasoning(converse_request)
    guarded = guardrails.guard_invoke(request, body) if surface.guardrails else None
    custom = openai_chat.find_custom_tools(body)
    with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
    finish = partial(_finish, body=body, shows_reasoning=_shows_reasoning(capabilities))
    written = AnswerFormat(
        protocol=protocols.CHAT,
        write_reply=lambda response: {
            **finish(openai_chat.write_reply(response, request.model, custom=custom)),
            **(guarded.describe() if guarded else {}),
        },
        open_writer=partial(openai_chat.open_writer, request.model, custom=custom, with_usage=with_usage),
        finish_events=partial(map, finish),
        encode=sse.encode_json,
        end=_DONE,
    )
    return answer(request, converse_request, written, stream=bool(body.get("stream")), engine=guarded)


def _shows_reasoning(capabilities: Capabilities) -> bool:
    """Whether the model's reasoning is part of its answers, as that of the open models is."""
    return "mantle/openai/chat" not in capabilities.surfaces


def _finish(document: Json, *, body: Json, shows_reasoning: bool) -> Json:
    """The completion, or the chunk, with AWS's members instead of the gateway's own."""
    choices = []
    for choice in document["choices"]:
        name = "message" if "message" in choice else "delta"
        message = without(choice[name], "reasoning_details", "reasoning_content")
        if shows_reasoning and choice[name].get("reasoning_content"):
            message["reasoning"] = choice[name]["reasoning_content"]
        choices.append({**without(choice, "native_finish_reason"), name: message})
    tier = body.get("service_tier")
    return {
        **without(document),
        "choices": choices,
        "service_tier": "default" if tier in (None, "auto") else tier,
    }
