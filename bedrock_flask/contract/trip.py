"""The laws of a call: through the gateway's own transport to an emulator with this adapter, over a real socket."""

import contextlib
import copy
import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from bedrock_flask.adapter import Adapter
from bedrock_flask.call import IDLE, Call, Chunk, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.emulator.app import create_emulator
from bedrock_flask.emulator.engines.scripted import ScriptedEngine
from bedrock_flask.emulator.environ import make_isolated_environ
from bedrock_flask.errors import GatewayError, UpstreamTruncated
from bedrock_flask.guards.completed import completed
from bedrock_flask.models.loading import find_built_in, load_plugins
from bedrock_flask.models.registry import GENERIC, Registry, sort_claims
from bedrock_flask.transport.boto.client import make_transport
from bedrock_flask.transport.stopping import Shutdown

HOST = "127.0.0.1"
_SETTINGS = Settings(max_attempts=1, read_timeout=20.0, deadline=30.0)


def answers_whole(adapter: Adapter) -> Iterator[str]:
    """The sample is answered whole, and what it cost is known."""
    with _bedrock(adapter) as (registry, handler):
        call = _call(adapter, _id(adapter, registry, streaming=False))
        try:
            handler.send(call)
        except GatewayError as error:
            yield f"the emulator's whole answer to the sample does not pass: {error.code}: {error.detail}"
            return
        if call.record.usage.input is None:
            yield "the emulator's whole answer to the sample tells no usage"


def answers_streamed(adapter: Adapter) -> Iterator[str]:
    """The sample is answered as a stream with its end; without its last chunk it is found to be cut."""
    with _bedrock(adapter) as (registry, handler):
        model = _id(adapter, registry, streaming=True)
        if not model:
            return
        call = _call(adapter, model, stream=True)
        try:
            chunks = _read_chunks(handler.send_stream(call))
        except GatewayError as error:
            yield f"the emulator's stream for the sample does not pass: {error.code}: {error.detail}"
            return
        if call.record.usage.input is None:
            yield "the emulator's stream for the sample tells no usage"
    try:
        _read_chunks(completed(_replay(chunks[:-1])).send_stream(_call(adapter, model, stream=True)))
    except UpstreamTruncated:
        return
    yield f"a stream that lacks the last of its {len(chunks)} chunks passes for a whole one"


@contextlib.contextmanager
def _bedrock(adapter: Adapter) -> Iterator[tuple[Registry, Handler]]:
    """An emulator that has this adapter, and the gateway's way to it."""
    registry = _registry_of(adapter)
    server = make_server(
        HOST, 0, create_emulator(registry, ScriptedEngine()), threaded=True, request_handler=_SilentRequestHandler
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with _environment(make_isolated_environ(os.environ, server.server_port)):
            yield registry, completed(make_transport(_SETTINGS, Shutdown()))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _SilentRequestHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: a law tells its faults itself."""


@contextlib.contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    """These variables and no others, for botocore reads where and as whom it calls from nowhere else."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _registry_of(adapter: Adapter) -> Registry:
    """The adapter alone with the generic one, which the emulator checks Converse requests by."""
    found = load_plugins(find_built_in())
    generic = {name: each for name, each in found.adapters.items() if GENERIC in each.models}
    adapters = {**generic, adapter.name: adapter}
    return Registry(adapters, dict.fromkeys(adapters, ""), sort_claims(adapters), found.hooks)


def _id(adapter: Adapter, registry: Registry, *, streaming: bool) -> str:
    """A Bedrock id of the adapter's, one that streams if that is asked for; empty where there is none."""
    ids = [pattern.replace("*", "v1:0", 1).replace("*", "") for pattern in adapter.models]
    return next((each for each in ids if registry.pick(each)[1].streaming or not streaming), "")


def _call(adapter: Adapter, model: str, *, stream: bool = False) -> Call:
    body = json.dumps(copy.deepcopy(dict(adapter.sample))).encode()
    return Call(adapter=adapter, operation=adapter.operation, model=model, body=body, stream=stream)


def _read_chunks(stream: Stream) -> list[Chunk]:
    return [chunk for chunk in stream.chunks if chunk is not IDLE]


def _replay(chunks: list[Chunk]) -> Handler:
    """A handler that answers every call with these chunks."""

    def send(call: Call) -> Reply:
        raise NotImplementedError

    return Handler(send, lambda call: Stream({}, (chunk for chunk in chunks)))
