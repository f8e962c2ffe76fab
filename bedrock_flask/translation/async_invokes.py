"""Which models are called by StartAsyncInvoke, and the body of that call."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.bedrock.surfaces import name_surface
from bedrock_flask.errors import FieldError
from bedrock_flask.models.models_file import WARN
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.models.resolver import Model
from bedrock_flask.protocol.json_path import prefix_path

# The name of StartAsyncInvoke among the surfaces of a model.
SURFACE = name_surface(ASYNC)


def is_only_async(model: Model) -> bool:
    """Whether the model is called by StartAsyncInvoke and in no other way."""
    return model.adapter.operation == ASYNC


def is_async(model: Model) -> bool:
    """Whether StartAsyncInvoke takes the model, or may take it: a family without a plugin is unknown."""
    return is_only_async(model) or SURFACE in model.capabilities.surfaces or GENERIC in model.adapter.models


def find_faults(model: Model, model_input: Any, at: str) -> tuple[Sequence[FieldError], Sequence[FieldError]]:
    """The faults of a `modelInput` that refuse it, and those that may pass; `at` is its place in the caller's body.

    The body of a family without a plugin is unknown, and has none.
    """
    if GENERIC in model.adapter.models or not is_async(model):
        return (), ()
    with isolate_plugin_errors(model.adapter):
        found = [
            replace(fault, path=prefix_path(at, fault.path)) for fault in model.adapter.find_async_faults(model_input)
        ]
    passing = [fault for fault in found if fault.may_be_new and model.validate == WARN]
    return [fault for fault in found if fault not in passing], passing


def write_body(model: str, model_input: str, members: Mapping[str, Any]) -> bytes:
    """The body of StartAsyncInvoke: `model_input` is its JSON text as the caller wrote it."""
    others = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in members.items())
    return f'{{"modelId":{json.dumps(model)},"modelInput":{model_input}{others}}}'.encode("utf-8", "surrogatepass")
