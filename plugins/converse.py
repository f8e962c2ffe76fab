"""Any model that Converse serves: the generic adapter for ids that no other plugin claims."""

from collections.abc import Callable, Iterator

from bedrock_flask.plugin import CHAT, DOCUMENTED, Adapter, Json, Source, converse_body, fields, hookimpl, sources

# What a model of which nothing is known refuses is Bedrock's to decide, except for what AWS has a list of.
ANY_MODEL = CHAT.but(images=True, video=True, audio=True, structured=False, signatures=True)


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
            models={"*": ANY_MODEL},
            sources={
                "media_in_results": sources.CHAT["media_in_results"],
                "closed_schemas": sources.CHAT["closed_schemas"],
                "structured": [
                    Source(
                        "AWS user guide, Get validated JSON results from models: no model but those of the list",
                        DOCUMENTED,
                    )
                ],
            },
            sample=converse_body.SAMPLE,
        )
    )
