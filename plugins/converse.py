"""Any model that Converse serves: the generic adapter for ids that no other plugin claims."""

from collections.abc import Callable, Iterator

from bedrock_flask.plugin import Adapter, Capabilities, Json, converse_body, fields, hookimpl


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
            models={
                "*": Capabilities(
                    tools=True,
                    system=True,
                    images=True,
                    documents=True,
                    video=True,
                    audio=True,
                    reasoning=True,
                )
            },
            sample={
                "messages": [{"role": "user", "content": [{"text": "What is 2+2?"}]}],
                "inferenceConfig": {"maxTokens": 64},
            },
        )
    )
