"""What a model makes decides by which route it is called: the one table, and the refusal of any other route."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.errors import NotConversable
from bedrock_flask.models.resolver import Model


@dataclass(frozen=True)
class Output:
    """One value of `Capabilities.output`: what the model makes, in words, and the routes that fit."""

    makes: str
    routes: str


OUTPUTS: Mapping[str, Output] = MappingProxyType(
    {
        "text": Output("text", "POST /v1/chat/completions, /v1/responses or /v1/messages"),
        "embedding": Output("embeddings", "POST /v1/embeddings"),
        "ranking": Output("rankings of texts", "POST /v1/rerank or /v2/rerank"),
        "image": Output("images", "POST /v1/images/generations or /v1/images/edits"),
        "video": Output("videos", "POST /v1/models/{name}/jobs"),
        "speech": Output("speech", "POST /v1/models/{name}/invoke"),
    }
)


def require_output(model: Model, wanted: str) -> None:
    """Raise NotConversable, which names the route that fits, unless the model makes what the route is for."""
    output = model.capabilities.output
    if output == wanted:
        return
    found = OUTPUTS[output]
    routes = found.routes.format(name=model.name)
    raise NotConversable(f"'{model.name}' makes {found.makes}, not {OUTPUTS[wanted].makes}; use {routes}.")
