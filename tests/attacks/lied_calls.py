"""Calls through the gateway to the lying Bedrock, each judged by what its client has in hand at the end."""

import concurrent.futures
import http.client
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from urllib.parse import urlsplit

from tests.attacks.lies import Lie
from tests.attacks.lying_bedrock import MODELS
from tests.attacks.routes import ERROR, ROUTES, SUCCESS, SURFACE_ROUTES, Route, lies_of

# Seconds that a client of the run waits; the gateway's own limits are far below.
PATIENCE = 30.0
# Lies about the end of a stream, which each format tells its client in its own way.
ENDINGS = frozenset(
    {"truth", "no-stop", "only-meta", "stop-first", "no-meta", "meta-then-fin", "meta-then-rst", "stop-before-text"}
    # Of a surface.
    | {"no-end", "only-end", "end-first", "end-then-fin", "error-openai-3", "unnamed-error-aws-3", "failed"}
)
_ALL_ROUTES = {**ROUTES, **SURFACE_ROUTES}
_BASE64 = re.compile(rb'"bytes":"([^"]+)"')


@dataclass(frozen=True)
class LiedCall:
    """One call: its route, its lie, and what is wrong with its end; empty if nothing is."""

    route: str
    lie: str
    status: int
    fault: str

    def __str__(self) -> str:
        return f"{self.route}, {self.lie}: {self.status}, {self.fault}"


def list_calls(routes: Iterable[str] = ROUTES) -> Iterator[tuple[str, str]]:
    """Every lie on every route."""
    for name in routes:
        route = _ALL_ROUTES[name]
        yield from ((name, lie) for lie in lies_of(route.form, streamed=route.streamed))


def choose_calls(routes: Mapping[str, Route] = MappingProxyType(ROUTES)) -> Iterator[tuple[str, str]]:
    """The share of the suite: every lie on one route of its kind, by turns, and those about the end on all."""
    for streamed in (False, True):
        names = [name for name, route in routes.items() if route.streamed is streamed]
        for number, lie in enumerate(lies_of(routes[names[0]].form, streamed=streamed)):
            yield from ((name, lie) for name in (names if lie in ENDINGS else [names[number % len(names)]]))


def make_calls(
    url: str,
    calls: Iterable[tuple[str, str]],
    *,
    seed: int = 1,
    at_a_time: int = 16,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> list[LiedCall]:
    """Make these calls, some at a time; the seed chooses their marks."""
    marks = Random(seed)
    planned = [(route, lie, f"mark-{marks.getrandbits(32):08x}") for route, lie in calls]
    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        return list(pool.map(lambda call: make_call(url, *call, headers), planned))


def make_call(url: str, name: str, lie_name: str, mark: str, headers: Mapping[str, str]) -> LiedCall:
    """Make one call, and judge it."""
    route = _ALL_ROUTES[name]
    lie = lies_of(route.form, streamed=route.streamed)[lie_name]
    try:
        status, body, ended = _send(url, route, lie_name, mark, headers)
    except TimeoutError:
        return LiedCall(name, lie_name, 0, f"no end after {PATIENCE:g} s")
    except (OSError, http.client.HTTPException) as error:
        return LiedCall(name, lie_name, 0, f"no answer: {error!r}")
    return LiedCall(name, lie_name, status, _find_fault(route, lie, lie_name, mark, status, body, ended=ended))


def _find_fault(route: Route, lie: Lie, lie_name: str, mark: str, status: int, body: bytes, *, ended: bool) -> str:
    if status == 500 and lie_name != "status-500":
        return f"an error of the gateway's own: {body[:200]!r}"
    if b"123456789012" in body:
        return "an account's number"
    if status != 200:
        return "" if _is_json(body) else f"an error without a document: {body[:200]!r}"
    outcomes = route.judge(body) if ended or route.streamed else frozenset({ERROR})
    if not ended:
        # A client of HTTP sees a body that is cut.
        outcomes = (outcomes - {SUCCESS}) | {ERROR}
    if len(outcomes) != 1:
        return f"{' and '.join(sorted(outcomes)) or 'no end'}: …{body[-200:]!r}"
    if SUCCESS in outcomes and not (lie.is_complete or route.form in lie.complete_in):
        return f"a success: …{body[-200:]!r}"
    if lie_name == "truth" and not (SUCCESS in outcomes and mark.encode() in _with_chunks(body)):
        return "the truth does not arrive"
    return ""


def _with_chunks(body: bytes) -> bytes:
    """A body, and what its chunks hold in base64."""
    return body + b"".join(map(b64decode, _BASE64.findall(body)))


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _send(url: str, route: Route, lie: str, mark: str, headers: Mapping[str, str]) -> tuple[int, bytes, bool]:
    """The status and the body of a call, and whether the body ended as HTTP says."""
    there = urlsplit(url)
    model = MODELS[route.form] + lie
    connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=PATIENCE)
    try:
        text = json.dumps(route.body(model, mark))
        connection.request("POST", route.path(model), text, {"content-type": "application/json", **headers})
        response = connection.getresponse()
        try:
            return response.status, response.read(), True
        except http.client.IncompleteRead as cut:
            return response.status, cut.partial, False
    finally:
        connection.close()
