"""What Converse refuses by the model: a system prompt, tools, sampling, stop sequences, efforts, additional fields.

The words are those of the reports that a comment names; docs/explanation/aws-assumptions.md lists the others.
"""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.operations.check import FROM_MODEL, Check
from bedrock_flask.emulator.operations.content_rules import walk_messages
from bedrock_flask.emulator.operations.tool_rules import UNFORCED

ADDITIONAL = "additionalModelRequestFields"
STREAMED_TOOLS = "This model doesn't support tool use in streaming mode."

# The member of a Converse request that says the same as an additional field.
_SAME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "max_tokens": ("inferenceConfig", "maxTokens"),
        "max_completion_tokens": ("inferenceConfig", "maxTokens"),
        "temperature": ("inferenceConfig", "temperature"),
        "top_p": ("inferenceConfig", "topP"),
        "stop": ("inferenceConfig", "stopSequences"),
        "stop_sequences": ("inferenceConfig", "stopSequences"),
        "messages": ("messages",),
        "system": ("system",),
    }
)
# The name of each in Claude's own format, whose defaults are 1.
_SAMPLING: Mapping[str, str] = MappingProxyType({"temperature": "temperature", "topP": "top_p"})
# The words for an additional field that the family's own format does not have, by the wire of that format, and what
# Converse takes for it besides. Claude's: vercel/ai#14773; Nova's: logancyang/obsidian-copilot#2145.
_UNKNOWN: Mapping[str, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        "anthropic": (f"{FROM_MODEL}{{}}: Extra inputs are not permitted", frozenset({"reasoning_config"})),
        "nova": (
            "Malformed input request: #: extraneous key [{}] is not permitted, please reformat your input and try "
            "again.",
            frozenset({"reasoningConfig"}),
        ),
    }
)
# The fields in which the families take an effort: a model knows its own alone.
_NOVAS_EFFORT = f"{ADDITIONAL}.reasoningConfig.maxReasoningEffort"
_EFFORT_FIELDS = ("thinking", "reasoning", "reasoning_effort", "reasoningConfig", "output_config")


def find_unknown_fields(adapter: Adapter, body: Json) -> Iterator[str]:
    """Bedrock's words for the additional fields that the adapter's own format does not have."""
    fields = body.get(ADDITIONAL)
    words, more = _UNKNOWN.get(adapter.wire, ("", frozenset()))
    for name in fields if words and isinstance(fields, dict) else ():
        if name not in adapter.schema.fields and name not in more:
            yield words.format(name)


def _check_system(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: 567-labs/instructor#1753.
    if body.get("system") and not capabilities.system:
        yield (
            "This model doesn't support system messages. Try again without a system message or use a model that "
            "supports system messages."
        )


def _check_tools(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: kortix-ai/suna#3706.
    if body.get("toolConfig") and not capabilities.tools:
        yield "This model doesn't support tool use."


def _check_choice(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: strands-agents/harness-sdk#1241; Claude's: run-llama/llama_index#23207, langchain-ai/langchain-aws#1273.
    choice = member(body, "toolConfig", "toolChoice") or {}
    accepted = {"any": capabilities.forced_tools, "tool": capabilities.forced_tools and capabilities.named_tools}
    for kind in choice:
        if not accepted.get(kind, True) and capabilities.thinking:
            yield f"{FROM_MODEL}{UNFORCED}"
        elif not accepted.get(kind, True):
            field = f"toolConfig.toolChoice.{kind}"
            yield f"This model doesn't support the {field} field. Remove {field} and try again."


def _check_stop_sequences(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: crewAIInc/crewAI#3317.
    if member(body, "inferenceConfig", "stopSequences") and not capabilities.stop_sequences:
        yield "This model doesn't support the stopSequences field. Remove stopSequences and try again."


def _check_sampling(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: NousResearch/hermes-agent#111043; Claude's: BerriAI/litellm#15070, NousResearch/hermes-agent#36151.
    config = body.get("inferenceConfig") or {}
    given = [name for name in _SAMPLING if config.get(name) is not None]
    if capabilities.sampling == "none":
        for name in given:
            if not capabilities.thinking:
                yield f"This model doesn't support the {name} field. Remove {name} and try again."
            elif config[name] != 1:
                yield f"{FROM_MODEL}`{_SAMPLING[name]}` is deprecated for this model."
    if capabilities.sampling == "one" and len(given) > 1:
        yield f"{FROM_MODEL}`temperature` and `top_p` cannot both be specified for this model. Please use only one."


def _check_limit(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: a live call to GPT-5.6 of September 2026; aws-samples/generative-ai-use-cases#594.
    limit, most = member(body, "inferenceConfig", "maxTokens"), capabilities.most_tokens
    if limit is not None and most and limit > most:
        yield (
            f"The maximum tokens you requested exceeds the model limit of {most}. Try again with a maximum tokens "
            f"value that is lower than {most}."
        )
    if limit is not None and limit < capabilities.least_tokens:
        yield (
            f"{FROM_MODEL}Invalid 'max_output_tokens': integer below minimum value. Expected a value >= "
            f"{capabilities.least_tokens}, but got {limit} instead."
        )


def _check_effort(body: Json, capabilities: Capabilities) -> Iterator[str]:
    path = (capabilities.effort_field or _NOVAS_EFFORT).split(".")
    effort = member(body, *path)
    if effort is None or not capabilities.efforts:
        return
    if effort not in capabilities.efforts:
        accepted = ", ".join(f"'{name}'" for name in capabilities.efforts)
        yield f"{FROM_MODEL}{'.'.join(path[1:])}: Input should be one of {accepted}"
    if effort == capabilities.unlimited_effort and member(body, "inferenceConfig", "maxTokens") is not None:
        yield f"{FROM_MODEL}maxTokens must not be set with the effort '{effort}'"


def _check_effort_field(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: agentgateway/agentgateway#3442, anomalyco/opencode#48195.
    own = capabilities.effort_field.split(".")[1:2]
    for name in member(body, ADDITIONAL) or () if own else ():
        if name in _EFFORT_FIELDS and name not in own:
            error = {
                "code": "unknown_parameter",
                "message": f"Unknown parameter: '{name}'.",
                "param": name,
                "type": "invalid_request_error",
            }
            yield f"{FROM_MODEL}{json.dumps({'error': error}, separators=(',', ':'))}"


def _check_conflicts(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: BerriAI/litellm#36536.
    fields = body.get(ADDITIONAL)
    if not isinstance(fields, dict):
        return
    for name, existing in _find_conflicts(body, fields):
        yield (
            f"The additional field {name} conflicts with the existing field {existing}. Remove {name} and try again."
        )


def _find_conflicts(body: Json, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in fields:
        path = _SAME.get(name, ())
        if path and member(body, *path) is not None:
            yield name, ".".join(path)
    for kind in member(body, "toolConfig", "toolChoice") or ():
        if member(fields, "tool_choice", "type") is not None:
            yield "tool_choice/type", f"toolConfig.toolChoice.{kind}"
    own = member(fields, "inferenceConfig")
    for name in own if isinstance(own, dict) else ():
        if member(body, "inferenceConfig", name) is not None:
            yield f"inferenceConfig/{name}", f"inferenceConfig.{name}"


def _check_signatures(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: a live call to Kimi K3 (xiehust/strands-darwin).
    field = "reasoningContent.reasoningText.signature"
    for _, _, block in () if capabilities.signatures else walk_messages(body):
        if member(block, *field.split(".")):
            yield f"This model doesn't support the {field} field. Remove {field} and try again."


def _check_call_ids(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: anomalyco/opencode#48843.
    length = capabilities.shortest_call_id
    for _, _, block in walk_messages(body):
        call_id = member(block, "toolUse", "toolUseId")
        if call_id is not None and len(call_id) < length:
            yield f"{FROM_MODEL}Tool call id was {call_id} but must be a-z, A-Z, 0-9, with a length of {length}."


def _check_prefill(body: Json, capabilities: Capabilities) -> Iterator[str]:
    messages = body.get("messages") or ()
    if messages and messages[-1]["role"] == "assistant" and not capabilities.prefill:
        yield (
            f"{FROM_MODEL}This model does not support assistant message prefill. The conversation must end with a user "
            "message."
        )


CHECKS: tuple[Check, ...] = (
    _check_system,
    _check_tools,
    _check_choice,
    _check_stop_sequences,
    _check_sampling,
    _check_limit,
    _check_conflicts,
    _check_effort,
    _check_effort_field,
    _check_signatures,
    _check_call_ids,
    _check_prefill,
)
