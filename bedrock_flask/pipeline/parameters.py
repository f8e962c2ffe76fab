"""The sampling parameters that policies prescribe: each call has them, and a request that has others is refused."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bedrock_flask.converse import member
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import Policy, describe_prescriptions, prescribe
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.body_members import list_numbers, put_in, read_object
from bedrock_flask.wires import find_wire

_CONFIG = "inferenceConfig"
_FLAT: Mapping[str, tuple[str, ...]] = MappingProxyType({"temperature": ("temperature",), "topP": ("top_p",)})
_NESTED: Mapping[str, tuple[str, ...]] = MappingProxyType({name: (_CONFIG, name) for name in _FLAT})
# Where a format has each parameter.
_PATHS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "converse": _NESTED,
        "nova": _NESTED,
        **dict.fromkeys(("anthropic", "openai_chat", "openai_responses", "invoke_chat"), _FLAT),
    }
)
# The parameter that each name means in any format, and so in the extras of a Converse request.
_NAMES: Mapping[str, str] = MappingProxyType(
    {"temperature": "temperature", **dict.fromkeys(("topP", "top_p", "p"), "topP")}
)


def set_parameters(model: Model, wire: str, body: bytes, policies: Sequence[Policy]) -> bytes:
    """The body with the parameters that the policies prescribe; PolicyRefused where it has, or takes, others."""
    parameters = prescribe(policies).get("parameters") if policies else None
    if not parameters or model.capabilities.output != "text":
        return body
    rule = describe_prescriptions(policies)
    document = read_object(body)
    if document is None:
        raise PolicyRefused(f"{rule} This body cannot be read.")
    if model.capabilities.sampling == "none":
        raise PolicyRefused(f"{rule} '{model.name}' takes none of the parameters.")
    for path, name, value in list_numbers(document, _NAMES):
        if value != parameters.get(_NAMES[name], value):
            raise PolicyRefused(f"{rule} {path} is {value}.")
    paths = _PATHS.get(wire or model.adapter.wire)
    if paths is None:
        read = find_wire(model.adapter, wire).read_request
        top = {_NAMES[name]: value for name, value in document.items() if name in _NAMES}
        named = member(read(document), _CONFIG) or {} if read else top
        if missing := [name for name, value in parameters.items() if named.get(name) != value]:
            raise PolicyRefused(f"{rule} '{model.name}' needs {', '.join(missing)} in its own format.")
        return body
    for name, value in parameters.items():
        if member(document, *paths[name]) != value:
            body = put_in(body, document, paths[name], value)
            document = read_object(body) or {}
    return body
