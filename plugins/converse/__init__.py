"""Any model that Converse serves: the generic adapter for ids that no other plugin claims."""

from collections.abc import Callable, Iterator
from types import ModuleType

from bedrock_flask.plugin import Adapter, Json, Source, converse_body, fields, hookimpl
from bedrock_flask_plugins.converse import (
    any_model,
    deepseek,
    google,
    meta,
    minimax,
    mistral,
    moonshot,
    nvidia,
    older,
    openai,
    qwen,
    xai,
    zai,
)

# What is known of a family is in a module of its own.
FAMILIES: tuple[ModuleType, ...] = (
    any_model,
    deepseek,
    google,
    meta,
    minimax,
    mistral,
    moonshot,
    nvidia,
    older,
    openai,
    qwen,
    xai,
    zai,
)
MODELS = {pattern: capabilities for family in FAMILIES for pattern, capabilities in family.MODELS.items()}


def collect_sources() -> dict[str, list[Source]]:
    """The sources of every family, by capability."""
    collected: dict[str, list[Source]] = {}
    for family in FAMILIES:
        for name, sources in family.SOURCES.items():
            collected.setdefault(name, []).extend(sources)
    return collected


class GenericBody(converse_body.Body):
    """A Converse request; a managed prompt (a prompt's ARN as the model) has messages of its own."""

    messages = fields.List(
        fields.Nested(converse_body.Message),
        description="The conversation so far; optional only for a managed prompt.",
    )


def check_messages(body: Json) -> Iterator[tuple[str, str]]:
    """Only a managed prompt has messages already."""
    if "messages" not in body and "promptVariables" not in body:
        yield (
            "messages",
            "is required, unless the model is the ARN of a prompt",
        )


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="converse",
            description="Any Bedrock model that Converse serves, by its id, its inference profile or its ARN.",
            body=GenericBody,
            rules=[check_messages],
            speaks={"converse": "Converse"},
            models=MODELS,
            sources=collect_sources(),
            sample={
                "messages": [{"role": "user", "content": [{"text": "What is 2+2?"}]}],
                "inferenceConfig": {"maxTokens": 64},
            },
        )
    )
