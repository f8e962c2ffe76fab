"""The bodies that AWS's surfaces in OpenAI's and Anthropic's formats take, and a sample of each.

They are those of the APIs themselves; the model and whether the answer is streamed are set by the gateway.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask import fields
from bedrock_flask.bodies import anthropic_messages_body, openai_chat_body, openai_responses_body
from bedrock_flask.fields import Schema


def _make_model() -> fields.String:
    return fields.String(
        min_length=1, description="The model's id on Bedrock; the gateway writes the one that it calls."
    )


class ChatBody(openai_chat_body.Body):
    """The body of Chat Completions on Bedrock."""

    model = _make_model()


class ResponsesBody(openai_responses_body.Body):
    """The body of Responses on Bedrock."""

    model = _make_model()


class MessagesBody(anthropic_messages_body.Body):
    """The body of Messages on Bedrock."""

    model = _make_model()


BODIES: Mapping[str, type[Schema]] = MappingProxyType(
    {"openai_chat": ChatBody, "openai_responses": ResponsesBody, "anthropic": MessagesBody}
)
_QUESTION = "What is 2+2?"
SAMPLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "openai_chat": {"messages": [{"role": "user", "content": _QUESTION}]},
        "openai_responses": {"input": _QUESTION},
        "anthropic": {"max_tokens": 64, "messages": [{"role": "user", "content": _QUESTION}]},
    }
)
