"""OpenAI's responses on bedrock-runtime and bedrock-mantle: created, stored, continued, retrieved, deleted.

Sources: "Responses API" (AWS user guide), also for what bedrock-runtime does differently; live calls for the words of
refusals (aws-samples/sample-per-model-bedrock, August 2026); the types of the package `openai` 3.57.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import SURFACES, Surface
from bedrock_flask.bodies import openai_responses_body
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.account.stored_responses import StoredResponse
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.request import EmulatorRequest, encode_json
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.surfaces import openai_rules, protocols
from bedrock_flask.emulator.surfaces.answers import AnswerFormat, answer, read_members, with_reasoning, without
from bedrock_flask.emulator.surfaces.body import check_project, read_openai_body, refuse
from bedrock_flask.emulator.surfaces.serving import find_served
from bedrock_flask.protocol import sse
from bedrock_flask.wires import openai_responses
from bedrock_flask.wires.openai_responses.request_reader import ENCRYPTED

_SCHEMA = openai_responses_body.Body()
# The members that decide what the engine says; the rules have read the others.
_READ_MEMBERS = ("input", "instructions", "max_output_tokens", "tools", "tool_choice", "text")
# The members of a response that repeat those of its request.
_REPEATED = (
    *("instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "temperature"),
    *("previous_response_id", "prompt_cache_key", "safety_identifier", "text", "tool_choice", "tools", "top_logprobs"),
    *("top_p", "truncation", "user"),
)
# Tools that the caller runs; all others run on the server.
_CALLERS = frozenset({"function", "custom", "namespace", "tool_search"})
# Marks reasoning that the emulator has encrypted; as on AWS, no other can be sent back.
_SEAL = "gAAAAA_emulated_"


def create_response(request: EmulatorRequest) -> EmulatorResponse:
    """Write a response."""
    surface = SURFACES[request.operation]
    body = read_openai_body(request, _SCHEMA)
    capabilities = find_served(request, surface)
    check_project(request, surface)
    _check_unserved(body, request, surface)
    if request.account.is_strict:
        call = openai_rules.Call(body=body, names=openai_rules.RESPONSES, model=request.model)
        openai_rules.check_rules(call, capabilities)
    items = [*_find_earlier(request, surface, body), *_list_items(body["input"])]
    read = {**body, "input": _unseal(items), "tools": [tool for tool in body.get("tools") or () if _is_callers(tool)]}
    converse_request = read_members(openai_responses.WIRE, read, _READ_MEMBERS)
    if capabilities.reasoning and _wants_reasoning(body):
        converse_request = with_reasoning(converse_request)
    tools: dict[str, Any] = {
        "custom": openai_responses.find_custom_tools(body),
        "namespaced": openai_responses.find_namespaced_tools(body),
        "searches": openai_responses.has_tool_search(body),
    }
    writer = _Writer(request, surface.endpoint, body, items)
    written = AnswerFormat(
        protocol=replace(protocols.RESPONSES, encode_exception=writer.encode_failure),
        write_reply=lambda response: writer.finish(openai_responses.write_reply(response, request.model, **tools)),
        open_writer=partial(openai_responses.open_writer, request.model, **tools),
        finish_events=writer.finish_events,
        encode=lambda event: sse.encode_json(event, event.get("type")),
    )
    return answer(request, converse_request, written, stream=bool(body.get("stream")))


# --- the conversation so far ------------------------------------------------------------------------------------------


def _list_items(given: Any) -> list[Any]:
    return [{"role": "user", "content": given}] if isinstance(given, str) else list(given)


def _find_earlier(request: EmulatorRequest, surface: Surface, body: Json) -> list[Any]:
    """The items of the conversation that `previous_response_id` continues. Raises EmulatedError."""
    identifier = body.get("previous_response_id")
    if identifier is None:
        return []
    return _find_stored(request, surface.endpoint, identifier).items


def _find_stored(request: EmulatorRequest, endpoint: str, identifier: str) -> StoredResponse:
    stored = request.account.responses.find(endpoint, identifier)
    if stored is None:
        raise EmulatedError("ResourceNotFoundException", f"Response '{identifier}' not found.")
    return stored


def _unseal(items: list[Any]) -> list[Any]:
    """The items with the reasoning that was encrypted; an EmulatedError for any that the emulator has not encrypted."""
    return [_unseal_item(item, index) for index, item in enumerate(items)]


def _unseal_item(item: Any, index: int) -> Any:
    encrypted = item.get("encrypted_content") if item.get("type") == "reasoning" else None
    if not encrypted:
        return item
    if not encrypted.startswith(_SEAL):
        raise refuse(
            f"The encrypted content {encrypted[:16]}... could not be verified. Reason: Encrypted content could not be "
            "decrypted or parsed.",
            f"input[{index}].encrypted_content",
            "invalid_encrypted_content",
        )
    return {**item, "encrypted_content": encrypted.removeprefix(_SEAL)}


# --- what is refused --------------------------------------------------------------------------------------------------


def _check_unserved(body: Json, request: EmulatorRequest, surface: Surface) -> None:
    """Raise an EmulatedError for what the endpoint does not do, and for what the emulator does not imitate."""
    if body.get("background"):
        if surface.endpoint == RUNTIME:
            raise refuse("The background parameter is not supported.", "background", "unsupported_parameter")
        raise _not_imitated("responses in the background", "background")
    for name in ("conversation", "prompt"):
        if body.get(name):
            raise _not_imitated(f"what '{name}' names", name)
    for index, tool in enumerate(body.get("tools") or ()):
        kind = tool["type"]
        if _is_callers(tool):
            continue
        if not any(kind.startswith(hosted) for hosted in surface.hosted_tools):
            raise refuse(
                f"Tool type '{kind}' is not supported for model `{request.model}`",
                f"tools[{index}].type",
                "validation_error",
            )
        # The model may use it, and need not.
        if _is_forced(kind, body):
            raise _not_imitated(f"tools that run on AWS's servers, such as '{kind}'", f"tools[{index}]")


def _is_callers(tool: Json) -> bool:
    """Whether the caller runs a tool, and not the server."""
    return tool["type"] in _CALLERS


def _is_forced(kind: str, body: Json) -> bool:
    """Whether the choice of a tool leaves the model only those of this kind, which run on the server."""
    choice = body.get("tool_choice")
    if choice == "required":
        return not any(map(_is_callers, body["tools"]))
    return isinstance(choice, dict) and choice.get("type") == kind


def _not_imitated(what: str, param: str) -> EmulatedError:
    return refuse(f"The emulator of Amazon Bedrock does not imitate {what}.", param, "not_emulated")


def _wants_reasoning(body: Json) -> bool:
    """Whether the reasoning is to be seen, or an effort is given; a model may reason without either."""
    effort = member(body, "reasoning", "effort")
    return effort != "none" and (effort is not None or _wants_summary(body) or ENCRYPTED in (body.get("include") or ()))


def _wants_summary(body: Json) -> bool:
    reasoning = body.get("reasoning") or {}
    return (reasoning.get("summary") or reasoning.get("generate_summary") or "none") != "none"


# --- the answer -------------------------------------------------------------------------------------------------------


@dataclass
class _Writer:
    """Makes AWS's response, or its events, of what the wire writes, and stores the response when it is complete."""

    request: EmulatorRequest
    endpoint: str
    body: Json
    items: list[Any]
    number: int = 0
    response: Json = field(default_factory=dict)
    output: list[Json] = field(default_factory=list)

    def finish(self, response: Json) -> Json:
        """The whole response, stored unless the request excludes that."""
        own = self._repeat_request(response)
        sealed = [_seal(item) for item in own["output"]]
        shown = [self._show(item) for item in sealed]
        finished = {**own, "output": shown}
        if finished["store"] and finished["status"] in ("completed", "incomplete"):
            stored = StoredResponse(finished, [*self.items, *sealed])
            self.request.account.responses.add(self.endpoint, stored)
        return finished

    def finish_events(self, events: Iterable[Json]) -> Iterator[Json]:
        """The events of a stream, without those that the request does not want, numbered anew."""
        hidden = "" if _wants_summary(self.body) else "response.reasoning_summary"
        for event in events:
            if hidden and event["type"].startswith(hidden):
                continue
            changed = {**event, **self._finish_members(event), "sequence_number": self.number}
            self.number += 1
            yield changed

    def encode_failure(self, error: EmulatedError) -> bytes:
        """The last event of a stream whose model fails: the response as far as it went."""
        begun = self.response or self._repeat_request(openai_responses.start_response(self.request.model))
        return protocols.encode_failed_response({**begun, "output": self.output}, error, self.number)

    def _finish_members(self, event: Json) -> Json:
        """The members of an event that differ from what the wire has written."""
        if "response" in event:
            is_last = event["response"]["status"] != "in_progress"
            self.response = self.finish(event["response"]) if is_last else self._repeat_request(event["response"])
            return {"response": self.response}
        if "item" not in event:
            return {}
        item = self._show(_seal(event["item"]))
        if event["type"] == "response.output_item.done":
            self.output.append(item)
        return {"item": item}

    def _repeat_request(self, response: Json) -> Json:
        """The response with the members of its request, and without the gateway's own."""
        repeated = {name: self.body[name] for name in _REPEATED if self.body.get(name) is not None}
        reasoning = self.body.get("reasoning") or {}
        return {
            **without(response, "native_stop_reason"),
            **repeated,
            "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
            "store": self.body.get("store") is not False,
        }

    def _show(self, item: Json) -> Json:
        """An item of the output with as much of its reasoning as the request wants."""
        if item["type"] != "reasoning":
            return item
        hidden = {} if ENCRYPTED in (self.body.get("include") or ()) else {"encrypted_content": None}
        return {**item, **({} if _wants_summary(self.body) else {"summary": []}), **hidden}


def _seal(item: Json) -> Json:
    encrypted = item.get("encrypted_content")
    return {**item, "encrypted_content": _SEAL + encrypted} if encrypted else item


# --- stored responses -------------------------------------------------------------------------------------------------


def retrieve_response(request: EmulatorRequest) -> EmulatorResponse:
    """A stored response."""
    stored = _find_stored(request, _read_endpoint(request), request.labels["response"])
    return make_response(encode_json(stored.response), protocol=protocols.RESPONSES)


def cancel_response(request: EmulatorRequest) -> EmulatorResponse:
    """Refuse to cancel a stored response: each is complete when its caller learns its id."""
    _find_stored(request, _read_endpoint(request), request.labels["response"])
    raise validation_error("Cannot cancel a synchronous response.")


def delete_response(request: EmulatorRequest) -> EmulatorResponse:
    """Delete a stored response."""
    endpoint, identifier = _read_endpoint(request), request.labels["response"]
    _find_stored(request, endpoint, identifier)
    request.account.responses.delete(endpoint, identifier)
    deleted = {"id": identifier, "object": "response", "deleted": True}
    return make_response(encode_json(deleted), protocol=protocols.RESPONSES)


def _read_endpoint(request: EmulatorRequest) -> str:
    """The endpoint of a call that is about a stored response: its operation is `SURFACE/retrieve` and so on."""
    return SURFACES[request.operation.rpartition("/")[0]].endpoint
