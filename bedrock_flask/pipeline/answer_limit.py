"""The most tokens of an answer that policies allow: a larger limit is refused, and a request without one gets it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bedrock_flask.billing import count_answers
from bedrock_flask.converse import member
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import Policy, find_most_tokens
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.body_members import is_number, list_numbers, put_in, read_object
from bedrock_flask.wires import find_wire

# Where a format has its limit; the first is the one that is put in.
_PATHS: Mapping[str, Sequence[tuple[str, ...]]] = MappingProxyType(
    {
        "converse": (("inferenceConfig", "maxTokens"),),
        "nova": (("inferenceConfig", "maxTokens"), ("inferenceConfig", "max_new_tokens")),
        "anthropic": (("max_tokens",),),
        "openai_chat": (("max_completion_tokens",), ("max_tokens",)),
        "openai_responses": (("max_output_tokens",),),
    }
)
# What a limit is called in any format, and so in the extras of a Converse request.
_NAMES = frozenset(
    {
        *(path[-1] for paths in _PATHS.values() for path in paths),
        *("maxTokenCount", "max_gen_len", "max_tokens_to_sample", "maxOutputTokens", "max_length"),
    }
)


def limit_answer(model: Model, wire: str, body: bytes, policies: Sequence[Policy]) -> bytes:
    """The body with a limit of tokens that all policies allow, for all its answers; PolicyRefused for a larger one."""
    owner, most = find_most_tokens(policies)
    if most is None or model.capabilities.output != "text":
        return body
    rule = f"The policy of the {owner} allows answers of at most {most} tokens"
    name = wire or model.adapter.wire
    document = read_object(body)
    if document is None:
        raise PolicyRefused(f"{rule}, and this body cannot be read.")
    answers = count_answers(document)
    for path, _, limit in list_numbers(document, _NAMES):
        if limit * answers > most:
            raise PolicyRefused(f"{rule}: {path} is {limit}{f', for each of {answers}' if answers > 1 else ''}.")
    if any(is_number(member(document, *path)) for path in _PATHS.get(name, ())):
        return body
    if name in _PATHS:
        if most < answers:
            raise PolicyRefused(f"{rule}, and this request wants {answers}.")
        return put_in(body, document, _PATHS[name][0], most // answers)
    read = find_wire(model.adapter, wire).read_request
    # A family that says nothing of its format has its limit at the top of it.
    own = [member(read(document), "inferenceConfig", "maxTokens")] if read else [document.get(each) for each in _NAMES]
    if not any(map(is_number, own)):
        raise PolicyRefused(f"{rule}, and this body names no limit: '{model.name}' needs one in its own format.")
    return body
