"""A limit on the tokens of an answer, where the model's format requires one and the caller gives none.

Converse's default is the most that the model can write (AWS API reference, InferenceConfiguration); so is this one.
"""

from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody

_CONFIG, _LIMIT = "inferenceConfig", "maxTokens"


def add_default_limit(request: Request, most: int, model: str) -> Request:
    """The request with `most` as its limit if it has none; InvalidBody if the most that a model writes is not known."""
    if member(request, _CONFIG, _LIMIT) is not None:
        return request
    if not most:
        unknown = f"is required, because it is not known how many tokens '{model}' can write"
        raise InvalidBody([FieldError(f"{_CONFIG}.{_LIMIT}", unknown)])
    return {**request, _CONFIG: {**(request.get(_CONFIG) or {}), _LIMIT: most}}
