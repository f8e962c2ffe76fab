"""What Bedrock refuses of a body of Anthropic's format, besides its version, roles and schemas, in Bedrock's words.

Where no source is named, the words are those of Anthropic's API, which Bedrock passes on.
"""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.bedrock.anthropic_betas import EFFORT, Path, find_locked_members, select_betas
from bedrock_flask.bodies.anthropic_body import MAX_CACHE_CONTROLS, find_cache_controls
from bedrock_flask.capabilities import Capabilities, is_effort_beta_needed
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.operations.check import FROM_MODEL
from bedrock_flask.emulator.operations.tool_rules import UNFORCED

_ON = ("enabled", "adaptive")
_FORCED = ("any", "tool")
_EXTRA = "Extra inputs are not permitted"
# Members that Bedrock itself reads.
_BEDROCK = "amazon-bedrock-"
# A default changes nothing, and is taken (Anthropic's migration guide for Claude 4.7).
_DEFAULTS = {"temperature": 1, "top_p": 1, "top_k": None}
_LEAST_TOP_P = 0.95


def _check_betas(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: anthropics/claude-code#49370.
    betas = body.get("anthropic_beta") or []
    sent, dropped = select_betas(betas, body, capabilities.refused_betas)
    if dropped or set(betas) - set(sent):
        yield "invalid beta flag"


def check_converse_betas(body: Json, capabilities: Capabilities) -> Iterator[str]:
    """The betas of a Converse request, for models that have Anthropic's format."""
    betas = member(body, "additionalModelRequestFields", "anthropic_beta")
    if isinstance(betas, list) and capabilities.api_versions:
        for words in _check_betas({"anthropic_beta": betas}, capabilities):
            yield f"{FROM_MODEL}{words}"


def _check_members(body: Json, capabilities: Capabilities) -> Iterator[str]:
    for path in find_locked_members(body, body.get("anthropic_beta") or (), disputed=False):
        if not str(path[0]).startswith(_BEDROCK):
            yield _describe(body, path)


def _describe(body: Json, path: Path) -> str:
    """The refusal of a member; the words name the kind of each object on the way (`tools.0.custom.defer_loading`)."""
    value: Any = body
    words: list[str] = []
    for index, step in enumerate(path):
        words.append(str(step))
        value = value[step]
        if index < len(path) - 1 and isinstance(value, dict):
            kind = value.get("type", "custom" if path[0] == "tools" and index == 1 else None)
            words += [kind] if isinstance(kind, str) else []
    if isinstance(path[-1], int):
        kind = value.get("type")
        return f"{'.'.join(words)}: Input tag '{kind}' found using 'type' does not match any of the expected tags"
    return f"{'.'.join(words)}: {_EXTRA}"


def _check_turns(body: Json, capabilities: Capabilities) -> Iterator[str]:
    turns = body["messages"]
    if turns and turns[0]["role"] == "assistant":
        yield 'messages: first message must use the "user" role'
    if turns and turns[-1]["role"] == "assistant" and not capabilities.prefill:
        # Words: anomalyco/opencode#29760.
        yield "This model does not support assistant message prefill. The conversation must end with a user message."
    if turns and turns[-1]["role"] == "user" and not turns[-1].get("content"):
        yield f"messages.{len(turns) - 1}: user messages must have non-empty content"


def _check_texts(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: anomalyco/opencode#15715, microsoft/genaiscript#1561.
    holders = (("system", [body]), ("messages", body["messages"]))
    for name, turns in holders:
        for turn in turns:
            content = turn.get("system" if name == "system" else "content") or ()
            texts = [content] if isinstance(content, str) else [block.get("text") for block in content]
            if "" in texts:
                yield f"{name}: text content blocks must be non-empty"
            if any(isinstance(text, str) and not text.strip() for text in texts):
                yield f"{name}: text content blocks must contain non-whitespace text"


def _check_signatures(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: can1357/oh-my-pi#10486, strands-agents/harness-sdk#4334.
    for turn, message in enumerate(body["messages"] if capabilities.signs_reasoning else ()):
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            if block.get("type") == "thinking" and not block.get("signature"):
                yield f"messages.{turn}.content.{index}.thinking.signature: Field required"


def _check_sampling(body: Json, capabilities: Capabilities) -> Iterator[str]:
    given = {name: body[name] for name in _DEFAULTS if body.get(name) is not None}
    if capabilities.sampling == "none":
        # Words: Mintplex-Labs/anything-llm#5461.
        for name, value in given.items():
            if value != _DEFAULTS[name]:
                yield f"`{name}` is deprecated for this model."
    if capabilities.sampling == "one" and {"temperature", "top_p"} <= given.keys():
        yield "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    if member(body, "thinking", "type") in _ON:
        if given.get("temperature", 1) != 1:
            yield "`temperature` may only be set to 1 when thinking is enabled."
        if given.get("top_p", 1) < _LEAST_TOP_P:
            yield "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
        if "top_k" in given:
            yield "`top_k` must be unset when thinking is enabled."


def _check_thinking(body: Json, capabilities: Capabilities) -> Iterator[str]:
    thinking = body.get("thinking") or {}
    kind = thinking.get("type")
    if kind in _ON and not capabilities.thinking:
        yield f"thinking: {_EXTRA}"
    if kind == "enabled" and capabilities.thinking == "adaptive":
        # Words: anthropics/claude-code#50209.
        yield (
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if kind == "adaptive" and capabilities.thinking == "budget":
        yield "adaptive thinking is not supported on this model"
    if kind in ("disabled", "between_tools") and not _can_switch_off(kind, capabilities):
        yield f'"thinking.type.{kind}" is not supported for this model.'
    interleaved = any(beta.startswith("interleaved-thinking-") for beta in body.get("anthropic_beta") or ())
    if kind == "enabled" and not interleaved and thinking.get("budget_tokens", 0) >= body["max_tokens"]:
        yield "`max_tokens` must be greater than `thinking.budget_tokens`."


def _can_switch_off(kind: str, capabilities: Capabilities) -> bool:
    if kind == "between_tools" or capabilities.thinking_off != "absent":
        return kind == capabilities.thinking_off
    # A model that knows nothing but adaptive thinking reasons only if it is asked to ("Adaptive thinking", AWS).
    return capabilities.thinking != "adaptive"


def _check_effort(body: Json, capabilities: Capabilities) -> Iterator[str]:
    effort = member(body, "output_config", "effort")
    if effort is None:
        return
    if not capabilities.efforts and capabilities.thinking in ("", "budget"):
        # Words: anthropics/claude-code-action#1005.
        yield "This model does not support the effort parameter."
    if is_effort_beta_needed(capabilities) and EFFORT not in (body.get("anthropic_beta") or ()):
        yield f"output_config.effort: {_EXTRA}"
    if capabilities.efforts and effort not in capabilities.efforts:
        # Words: coder/coder#25356.
        *names, last = (f"'{name}'" for name in capabilities.efforts)
        yield f"output_config.effort: Input should be {', '.join(names)} or {last}"


def _check_tool_choice(body: Json, capabilities: Capabilities) -> Iterator[str]:
    if member(body, "tool_choice", "type") not in _FORCED:
        return
    if member(body, "thinking", "type") in _ON and not capabilities.forced_while_reasoning:
        yield "Thinking may not be enabled when tool_choice forces tool use."
    if not capabilities.forced_tools:
        # Words: run-llama/llama_index#23207.
        yield UNFORCED


def check_converse_thinking(body: Json, capabilities: Capabilities) -> Iterator[str]:
    """Thinking and a forced tool in a Converse request, for models that have Anthropic's format."""
    # Source: langchain-ai/langchain-aws#925.
    thinks = member(body, "additionalModelRequestFields", "thinking", "type") in _ON
    choice = member(body, "toolConfig", "toolChoice") or {}
    if thinks and choice.keys() & {*_FORCED} and capabilities.api_versions and not capabilities.forced_while_reasoning:
        yield f"{FROM_MODEL}Thinking may not be enabled when tool_choice forces tool use."


def _check_marks(body: Json, capabilities: Capabilities) -> Iterator[str]:
    marks = [*find_cache_controls(body)]
    if len(marks) > MAX_CACHE_CONTROLS:
        yield f"A maximum of {MAX_CACHE_CONTROLS} blocks with cache_control may be provided. Found {len(marks)}."
    for path, mark in marks:
        if mark.get("ttl") == "1h" and not capabilities.long_cache:
            yield f"{path.replace('[', '.').replace(']', '')}.ephemeral.ttl: {_EXTRA}"


# Those of InvokeModel, whose betas are a list of their own.
BETA_CHECKS = (_check_betas, _check_members)
CHECKS = (
    _check_turns,
    _check_texts,
    _check_signatures,
    _check_sampling,
    _check_thinking,
    _check_effort,
    _check_tool_choice,
    _check_marks,
)
