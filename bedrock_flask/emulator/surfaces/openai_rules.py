"""What a model refuses of a body in a format of OpenAI's, by its capabilities and in the words of live calls.

Sources of the words: aws-samples/sample-per-model-bedrock (August 2026) for efforts, limits and `top_p`; OpenAI's own
API, which these surfaces imitate, for the others. docs/reference/bedrock-rules.md has the source of each capability.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.bedrock.chat_tools import takes_tools
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.operations import chat_rules
from bedrock_flask.emulator.surfaces.body import refuse

_UNSUPPORTED = "unsupported_parameter"


@dataclass(frozen=True, kw_only=True)
class Names:
    """How one of OpenAI's formats names what the rules are about.

    effort  the path of the effort
    schema  the path of the answer's format, whose `type` is `json_schema`
    limits  the members that limit the answer's tokens
    parts   the capability that a part of each type needs
    """

    effort: tuple[str, ...]
    schema: tuple[str, ...]
    limits: tuple[str, ...]
    parts: Mapping[str, str] = field(default_factory=dict)


CHAT = Names(
    effort=("reasoning_effort",),
    schema=("response_format",),
    limits=("max_completion_tokens", "max_tokens"),
    parts=chat_rules.PARTS,
)
RESPONSES = Names(
    effort=("reasoning", "effort"),
    schema=("text", "format"),
    limits=("max_output_tokens",),
    parts={"input_image": "images", "input_file": "documents"},
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, as the rules see it."""

    body: Json
    names: Names
    model: str

    @property
    def effort(self) -> Any:
        """The effort of reasoning in the request, or None."""
        return member(self.body, *self.names.effort)


Check = Callable[[Call, Capabilities], Iterator[EmulatedError]]


def check_rules(call: Call, capabilities: Capabilities) -> None:
    """Raise an EmulatedError for the first thing that the model refuses."""
    for check in _CHECKS:
        for error in check(call, capabilities):
            raise error


def _unsupported(name: str, hint: str = "") -> EmulatedError:
    return refuse(f"Unsupported parameter: '{name}' is not supported with this model.{hint}", name, _UNSUPPORTED)


# What a model that reasons has no use for, and the values that change nothing.
_SAMPLING: Mapping[str, tuple[Any, ...]] = {
    "top_p": (),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
}


def _check_sampling(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    # A model that can be kept from reasoning then samples like any other.
    if capabilities.sampling != "none" or call.effort == "none":
        return
    for name, defaults in _SAMPLING.items():
        if call.body.get(name) is not None and call.body[name] not in defaults:
            yield _unsupported(name)
    temperature = call.body.get("temperature")
    if temperature is not None and temperature != 1:
        yield refuse(
            f"Unsupported value: 'temperature' does not support {temperature} with this model. Only the default (1) "
            "value is supported.",
            "temperature",
            "unsupported_value",
        )


def _check_stop(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    if call.body.get("stop") and not capabilities.stop_sequences:
        yield _unsupported("stop")


_NEWER_NAMES = {"max_tokens": " Use 'max_completion_tokens' instead."}


def _check_refused(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    for name in capabilities.refused_in_chat if call.names is CHAT else ():
        if call.body.get(name) is not None and call.body[name] not in _SAMPLING.get(name, ()):
            yield _unsupported(name, _NEWER_NAMES.get(name, ""))


def _check_limits(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    for name in call.names.limits:
        limit = call.body.get(name)
        if limit is None:
            continue
        # The bound is known of Responses alone.
        if name == "max_output_tokens" and limit < capabilities.least_tokens:
            yield refuse(
                f"Invalid '{name}': integer below minimum value. Expected a value >= {capabilities.least_tokens}, but "
                f"got {limit} instead.",
                name,
                "integer_below_min_value",
            )
        if capabilities.most_tokens and limit > capabilities.most_tokens:
            yield refuse(
                f"{name} is too large: {limit}. This model supports at most {capabilities.most_tokens} completion "
                "tokens.",
                name,
                "invalid_value",
            )


def _check_effort(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    effort = call.effort
    if effort is not None and capabilities.efforts and effort not in capabilities.efforts:
        yield refuse(
            f"Unsupported value: '{effort}' is not supported with the '{call.model}' model. Supported values are: "
            f"{_join(capabilities.efforts)}.",
            ".".join(call.names.effort),
            "unsupported_value",
        )


def _join(names: Sequence[str]) -> str:
    *others, last = (f"'{name}'" for name in names)
    return f"{', '.join(others)}, and {last}" if others else last


def _check_tools(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    if call.body.get("tools") and not capabilities.tools:
        yield _unsupported("tools")
    choice = call.body.get("tool_choice")
    is_named = isinstance(choice, dict) and choice.get("type") in ("function", "custom")
    if (choice == "required" and not capabilities.forced_tools) or (is_named and not capabilities.named_tools):
        yield refuse(
            f"Unsupported value: 'tool_choice' does not support {'a tool' if is_named else repr(choice)} with this "
            "model.",
            "tool_choice",
            "unsupported_value",
        )


def _check_chat_tools(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    if call.names is CHAT and call.body.get("tools") and not takes_tools(capabilities.tools_in_chat, call.effort):
        hint = "Please use /v1/responses instead."
        if capabilities.tools_in_chat == "none":
            hint = "To use function tools, use /v1/responses or set reasoning_effort to 'none'."
        yield refuse(
            f"Function tools with reasoning_effort are not supported for {call.model} in /v1/chat/completions. {hint}",
            "reasoning_effort",
        )


def _check_schema(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    if member(call.body, *call.names.schema, "type") == "json_schema" and not capabilities.structured:
        yield _unsupported(".".join(call.names.schema))


def _check_media(call: Call, capabilities: Capabilities) -> Iterator[EmulatedError]:
    for path, kind in _find_parts(call.body):
        capability = call.names.parts.get(kind)
        if capability is not None and not getattr(capabilities, capability):
            yield refuse(f"Invalid value: '{kind}'. This model does not support {capability}.", path, "invalid_value")


def _find_parts(body: Json) -> Iterator[tuple[str, str]]:
    """The path and the type of each part of the conversation."""
    for name in ("messages", "input"):
        turns = body.get(name)
        for index, turn in enumerate(turns if isinstance(turns, list) else ()):
            for within in ("content", "output"):
                parts = turn.get(within)
                for place, part in enumerate(parts if isinstance(parts, list) else ()):
                    if isinstance(part, dict):
                        yield f"{name}[{index}].{within}[{place}].type", str(part.get("type"))


_CHECKS: tuple[Check, ...] = (
    _check_sampling,
    _check_stop,
    _check_refused,
    _check_limits,
    _check_effort,
    _check_tools,
    _check_chat_tools,
    _check_schema,
    _check_media,
)
