"""The public interface for plugin authors: everything that a plugin may import, and nothing else.

A plugin is a Python file with a hook that registers at least one adapter:

    from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl

    class RhymeBody(Schema):
        prompt = fields.String(required=True, min_length=1, description="The word to rhyme on.")
        max_tokens = fields.Integer(min=1, max=4096)

    @hookimpl
    def register_adapters(register):
        register(Adapter(
            name="rhyme",
            body=RhymeBody,
            speaks={"rhyme": "InvokeModel"},
            models={"acme.rhyme-*": Capabilities()},
            sample={"prompt": "orange"},
        ))

Put the file into the folder that `BEDROCK_FLASK_PLUGINS_DIR` names, or publish it as a package with an entry point
in the group `bedrock_flask`. `api_version = 1` at the top of the file declares the version of this interface.
"""

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter, AsyncInvoke, ChatForm, Engine, KnownModel
from bedrock_flask.bedrock import open_weights, sources
from bedrock_flask.bedrock.sources import DOCUMENTED, MEASURED, ONE_REPORT, Source
from bedrock_flask.bodies import (
    anthropic_body,
    converse_body,
    embedding_body,
    image_body,
    image_tasks_body,
    inference_config,
    invoke_chat_body,
    openai_chat_body,
    own_fields,
    rerank_body,
    stability_body,
)
from bedrock_flask.bodies.prompts import PromptTemplate
from bedrock_flask.capabilities import CHAT, Capabilities
from bedrock_flask.converse import Json, build_answer, text_of, text_of_answer
from bedrock_flask.fields import Open, Schema
from bedrock_flask.hookspecs import API_VERSION, hookimpl
from bedrock_flask.prices.billed import Billed

__all__ = [
    "API_VERSION",
    "CHAT",
    "DOCUMENTED",
    "MEASURED",
    "ONE_REPORT",
    "Adapter",
    "AsyncInvoke",
    "Billed",
    "Capabilities",
    "ChatForm",
    "Engine",
    "Json",
    "KnownModel",
    "Open",
    "PromptTemplate",
    "Schema",
    "Source",
    "anthropic_body",
    "build_answer",
    "converse_body",
    "embedding_body",
    "fields",
    "hookimpl",
    "image_body",
    "image_tasks_body",
    "inference_config",
    "invoke_chat_body",
    "open_weights",
    "openai_chat_body",
    "own_fields",
    "rerank_body",
    "sources",
    "stability_body",
    "text_of",
    "text_of_answer",
]
