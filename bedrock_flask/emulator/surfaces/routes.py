"""The addresses of the surfaces on both endpoints, and what answers each.

Sources: `bedrock/surfaces.py`; "Responses API" (AWS user guide) for stored responses and the list of models.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import COUNTERS, MANTLE, MODEL_LIST, SURFACES, Surface
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.protocol import Protocol
from bedrock_flask.emulator.calls.request import EmulatorRequest
from bedrock_flask.emulator.calls.response import EmulatorResponse
from bedrock_flask.emulator.calls.signatures import Scheme
from bedrock_flask.emulator.environ import MANTLE_PREFIX
from bedrock_flask.emulator.surfaces import chat, messages, models, protocols, responses

_Function = Callable[[EmulatorRequest], EmulatorResponse]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One address of an endpoint, as Flask writes rules, and the function that answers.

    `name` is that of the surface or what is done with it: the request log has it as the operation.
    """

    name: str
    endpoint: str
    method: str
    path: str
    protocol: Protocol
    run: _Function


# What answers the calls of a wire, and in which protocol.
_BY_WIRE: Mapping[str, tuple[Protocol, _Function]] = MappingProxyType(
    {
        "openai_chat": (protocols.CHAT, chat.create_chat_completion),
        "openai_responses": (protocols.RESPONSES, responses.create_response),
        "anthropic": (protocols.MESSAGES, messages.create_message),
    }
)
# What can be done with a stored response: its name, method, path behind the id, and function.
_STORED: tuple[tuple[str, str, str, _Function], ...] = (
    ("retrieve", "GET", "", responses.retrieve_response),
    ("cancel", "POST", "/cancel", responses.cancel_response),
    ("delete", "DELETE", "", responses.delete_response),
)


def _make_route(surface: Surface) -> Route:
    protocol, run = _BY_WIRE[surface.wire]
    if surface.name in COUNTERS:
        run = messages.count_message_tokens
    return Route(
        name=surface.name, endpoint=surface.endpoint, method="POST", path=surface.path, protocol=protocol, run=run
    )


def _make_stored_routes(surface: Surface) -> Iterator[Route]:
    for name, method, rest, run in _STORED:
        yield Route(
            name=f"{surface.name}/{name}",
            endpoint=surface.endpoint,
            method=method,
            path=f"{surface.path}/<response>{rest}",
            protocol=protocols.RESPONSES,
            run=run,
        )


def _make_model_route(name: str, path: str, run: _Function) -> Route:
    return Route(
        name=f"{MODEL_LIST.name}{name}",
        endpoint=MODEL_LIST.endpoint,
        method=MODEL_LIST.method,
        path=f"{MODEL_LIST.path}{path}",
        protocol=protocols.CHAT,
        run=run,
    )


ROUTES: tuple[Route, ...] = (
    *map(_make_route, (*SURFACES.values(), *COUNTERS.values())),
    *(
        route
        for surface in SURFACES.values()
        if surface.wire == "openai_responses"
        for route in _make_stored_routes(surface)
    ),
    _make_model_route("", "", models.list_models),
    _make_model_route("/retrieve", "/<path:identifier>", models.retrieve_model),
)
# The route of each method and path, by endpoint: the endpoints have some of them in common.
BY_ADDRESS: Mapping[tuple[str, str], Mapping[str, Route]] = MappingProxyType(
    {
        (method, path): {each.endpoint: each for each in ROUTES if (each.method, each.path) == (method, path)}
        for method, path in dict.fromkeys((route.method, route.path) for route in ROUTES)
    }
)


def _refuse_token() -> EmulatedError:
    # Words: NousResearch/hermes-agent#87190.
    return EmulatedError("AccessDeniedException", "Invalid bearer token", status=401)


# bedrock-mantle takes signatures for either service (aws-samples/sample-per-model-bedrock, and the SDKs).
SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        RUNTIME: Scheme(key_headers=("x-api-key",), refuse_token=_refuse_token),
        MANTLE: Scheme(services=(MANTLE, "bedrock"), key_headers=("x-api-key",), refuse_token=_refuse_token),
    }
)
# The protocol of what is found below these paths, also where nothing is.
_PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {"/v1/": protocols.CHAT, "/openai/": protocols.CHAT, "/anthropic/": protocols.MESSAGES}
)


def find_protocol(path: str) -> Protocol | None:
    """The protocol in which a path of the surfaces is refused that neither endpoint has; None for any other path."""
    own = path.removeprefix(MANTLE_PREFIX)
    return next((protocol for prefix, protocol in _PROTOCOLS.items() if own.startswith(prefix)), None)
