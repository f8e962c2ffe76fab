"""AWS's APIs beside Converse and InvokeModel, in OpenAI's and Anthropic's formats: address, permission, limits.

A model's `Capabilities.surfaces` names those that serve it, beside `converse`, `invoke` and `async-invoke`. Each is one
POST whose body names the model in `model`, and wants a stream with `"stream": true`; a stream is server-sent events.
Sources, as of November 2026: AWS user guide, "APIs supported by Amazon Bedrock" (apis), "Endpoints supported by Amazon
Bedrock" (endpoints), "Responses API" (inference-responses-api), "Invoke a model with the OpenAI Chat Completions API"
(inference-chat-completions), "Inference using Anthropic Messages API" (inference-messages-api), "Count tokens"
(count-tokens), "Making inference requests" (inference); service authorization reference, "Amazon Bedrock Powered by AWS
Mantle"; the packages openai 3.54 (`providers/bedrock`) and anthropic 2.12 (`lib/bedrock/_mantle`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from bedrock_flask.bedrock.operations import ASYNC, OPERATIONS, RUNTIME

MANTLE, STS = "bedrock-mantle", "sts"
# Its host; those of bedrock-runtime botocore knows.
MANTLE_HOST = "bedrock-mantle.{region}.api.aws"
# The service in the scope of a signature, by endpoint. Sources: botocore's service model of bedrock-runtime
# (`signingName`); the packages openai and anthropic. A bearer token is the same for both.
SIGNING_NAMES: Mapping[str, str] = MappingProxyType({RUNTIME: "bedrock", MANTLE: MANTLE, STS: STS})

# The variable with an API key of Bedrock, which botocore prefers to all other credentials.
API_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"

# The version of Anthropic's API that the Messages surfaces want as a header. Source: inference-messages-api.
ANTHROPIC_VERSION = "2023-06-01"
# What ends a stream of chat completions; it is not JSON. Messages and Responses end with an event of their own.
DONE = "[DONE]"


@dataclass(frozen=True, kw_only=True)
class Surface:
    """One API of AWS in a format of OpenAI's or Anthropic's.

    name            as in `Capabilities.surfaces`
    endpoint        the endpoint that serves it: `bedrock-runtime` or `bedrock-mantle`
    path            its path
    method          its method of HTTP
    wire            the format of bodies and answers
    actions         the IAM actions that allow a whole and a streamed call
    headers         what each call has beside its signature
    takes_profiles  whether `model` may be an inference profile or an ARN, rather than a model's own id
    guardrails      whether a guardrail can be named, in InvokeModel's headers
    tiers           whether `service_tier` is a member of its body
    projects        whether a header may name a project or workspace of Bedrock's
    structured      whether a body may have a schema for the answer, of a model that takes one
    hosted_tools    the types of tools that run on AWS's servers, and that its requests may have
    count_tokens    the path that counts the tokens of a body, or empty
    """

    name: str
    endpoint: str
    path: str
    wire: str
    method: str = "POST"
    actions: tuple[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    takes_profiles: bool = True
    guardrails: bool = False
    tiers: bool = False
    projects: bool = False
    structured: bool = True
    hosted_tools: frozenset[str] = frozenset()
    count_tokens: str = ""


# The wires of OpenAI's and Anthropic's formats.
_CHAT, _RESPONSES, _MESSAGES = "openai_chat", "openai_responses", "anthropic"
# Source: "Making inference requests": the OpenAI-compatible APIs of bedrock-runtime need the actions of InvokeModel.
_INVOKE = (OPERATIONS["InvokeModel"].action, OPERATIONS["InvokeModelWithResponseStream"].action)
_INFERENCE = (f"{MANTLE}:CreateInference", f"{MANTLE}:CreateInference")
# A caller of bedrock-mantle with an API key needs this one too.
BEARER_ACTION = f"{MANTLE}:CallWithBearerToken"
COUNT_ACTION = f"{MANTLE}:CountTokens"
_VERSION = MappingProxyType({"anthropic-version": ANTHROPIC_VERSION})
# Tools that bedrock-mantle runs itself. Sources: endpoints ("server-side and pre-configured tool use", web search).
_HOSTED = frozenset({"mcp", "web_search"})

_MANTLE_CHAT = Surface(
    name="mantle/chat",
    endpoint=MANTLE,
    path="/v1/chat/completions",
    wire=_CHAT,
    actions=_INFERENCE,
    takes_profiles=False,
    tiers=True,
    projects=True,
)
_MANTLE_RESPONSES = replace(
    _MANTLE_CHAT, name="mantle/responses", path="/v1/responses", wire=_RESPONSES, hosted_tools=_HOSTED
)
_SURFACES = (
    Surface(
        name="runtime/chat",
        endpoint=RUNTIME,
        path="/openai/v1/chat/completions",
        wire=_CHAT,
        actions=_INVOKE,
        # Source: inference-chat-completions, "Include a guardrail in a chat completion".
        guardrails=True,
        tiers=True,
    ),
    Surface(
        name="runtime/responses",
        endpoint=RUNTIME,
        path="/openai/v1/responses",
        wire=_RESPONSES,
        actions=_INVOKE,
        tiers=True,
        # Source: the error of bedrock-runtime that names the types it takes (litellm 1.109, `bedrock/responses`).
        hosted_tools=frozenset({"mcp"}),
    ),
    Surface(
        name="runtime/messages",
        endpoint=RUNTIME,
        path="/anthropic/v1/messages",
        wire=_MESSAGES,
        actions=_INVOKE,
        headers=_VERSION,
    ),
    _MANTLE_CHAT,
    _MANTLE_RESPONSES,
    Surface(
        name="mantle/messages",
        endpoint=MANTLE,
        path="/anthropic/v1/messages",
        wire=_MESSAGES,
        actions=_INFERENCE,
        headers=_VERSION,
        takes_profiles=False,
        projects=True,
        # Source: endpoints, for structured outputs.
        structured=False,
        count_tokens="/anthropic/v1/messages/count_tokens",
    ),
    # A model is served below one of the two prefixes, and refused below the other. Source: inference-responses-api.
    replace(_MANTLE_CHAT, name="mantle/openai/chat", path="/openai/v1/chat/completions"),
    replace(_MANTLE_RESPONSES, name="mantle/openai/responses", path="/openai/v1/responses"),
)

SURFACES: Mapping[str, Surface] = MappingProxyType({surface.name: surface for surface in _SURFACES})
# What the name of a counter adds to that of its surface.
COUNTS = "/count_tokens"
# The counters of the surfaces that have one: `mantle/messages/count_tokens`. They take the same bodies.
COUNTERS: Mapping[str, Surface] = MappingProxyType(
    {
        f"{surface.name}{COUNTS}": replace(
            surface,
            name=f"{surface.name}{COUNTS}",
            path=surface.count_tokens,
            actions=(COUNT_ACTION, COUNT_ACTION),
        )
        for surface in _SURFACES
        if surface.count_tokens
    }
)
# The list of the models that bedrock-mantle serves, by whichever of its surfaces. Sources: inference-responses-api; the
# words of a denial, "bedrock-mantle:ListModels on resource: arn:aws:bedrock-mantle:...:project/default", and
# policies that were tried live (reports of July to September 2026).
MODEL_LIST = replace(
    _MANTLE_CHAT,
    name="mantle/models",
    method="GET",
    path="/v1/models",
    actions=(f"{MANTLE}:ListModels", f"{MANTLE}:ListModels"),
)
# Everything that a call can name beside the operations of `operations.py`.
CALLED: Mapping[str, Surface] = MappingProxyType({**SURFACES, **COUNTERS, MODEL_LIST.name: MODEL_LIST})
# The surfaces that are operations of bedrock-runtime, by name.
OPERATION_SURFACES: Mapping[str, str] = MappingProxyType(
    {"converse": "Converse", "invoke": "InvokeModel", "async-invoke": ASYNC}
)
# Every name that `Capabilities.surfaces` can have.
NAMES: tuple[str, ...] = (*OPERATION_SURFACES, *SURFACES)


def find_endpoints(names: Collection[str]) -> frozenset[str]:
    """The endpoints of the surfaces of these names; those that are operations are bedrock-runtime's."""
    return frozenset(SURFACES[name].endpoint if name in SURFACES else RUNTIME for name in names)


def takes_model(surface: Surface, model: str, *, is_profile: bool) -> bool:
    """Whether the surface can be asked for a model by this id; `is_profile` says that a geography precedes it."""
    return surface.takes_profiles or not (is_profile or model.startswith("arn:"))


def name_surface(operation: str) -> str:
    """The name in `Capabilities.surfaces` of what a call calls; empty for an operation that generates nothing."""
    return _BY_OPERATION.get(operation, operation if operation in SURFACES else "")


_BY_OPERATION: Mapping[str, str] = MappingProxyType({value: name for name, value in OPERATION_SURFACES.items()})
