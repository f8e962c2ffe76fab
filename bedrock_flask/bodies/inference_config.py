"""The parameters of Converse's `inferenceConfig` in bodies that have them under other names.

`names` maps each name in the native body to Converse's: `{"max_gen_len": "maxTokens"}`.
"""

from collections.abc import Mapping

from bedrock_flask.converse import Json, Request

Names = Mapping[str, str]


def read_config(body: Json, names: Names) -> Json:
    """The member of a Converse request with the parameters of a native body; nothing if it has none of them."""
    config = {known: body[name] for name, known in names.items() if name in body}
    return {"inferenceConfig": config} if config else {}


def write_config(request: Request, names: Names) -> Json:
    """The members of a native body with the parameters of a Converse request."""
    config = request.get("inferenceConfig", {})
    return {name: config[known] for name, known in names.items() if known in config}
