"""The laws of a call: through the gateway's transport to an emulator with this adapter, over a real socket."""

import contextlib
import copy
import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.call import WHOLE, Call, Chunk, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.emulator.app import create_emulator
from bedrock_flask.emulator.engines.scripted import ScriptedEngine
from bedrock_flask.emulator.environ import make_isolated_environ
from bedrock_flask.errors import GatewayError, UpstreamTruncated
from bedrock_flask.guards.completed import completed
from bedrock_flask.models.loading import find_built_in, load_plugins
from bedrock_flask.models.registry import GENERIC, Registry, sort_claims
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown
from bedrock_flask.wires import find_wire

HOST = "127.0.0.1"
_SETTINGS = Settings(max_attempts=1, read_timeout=20.0, deadline=30.0)


def answers_whole(adapter: Adapter) -> Iterator[str]:
    """The sample gets a whole answer, its usage is known, and `count_billed` counts what is billed."""
    if adapter.operation == ASYNC:
        # Its answer is a file in S3.
        return
    with _run_emulator(adapter) as (registry, handler):
        call = _make_call(adapter, _find_id(adapter, registry, streaming=False))
        try:
            handler.send(call)
        except GatewayError as error:
            yield f"the emulator's whole answer to the sample fails: {error.code}: {error.detail}"
            return
        if call.record.usage.input is None:
            yield "the emulator's whole answer to the sample has no usage"
        if call.record.outcome != WHOLE:
            yield "count_billed fails for the sample and the emulator's answer to it: the log says why"


def answers_streamed(adapter: Adapter) -> Iterator[str]:
    """The sample gets a complete stream with the usage of a whole answer; without its last chunk it is truncated."""
    if adapter.operation == ASYNC:
        return
    with _run_emulator(adapter) as (registry, handler):
        model = _find_id(adapter, registry, streaming=True)
        if not model:
            return
        call = _make_call(adapter, model, stream=True)
        try:
            chunks = _read_chunks(handler.send_stream(call))
            whole = _make_call(adapter, model)
            handler.send(whole)
        except GatewayError as error:
            yield f"the emulator's stream for the sample fails: {error.code}: {error.detail}"
            return
        if call.record.usage.input is None:
            yield "the emulator's stream for the sample has no usage"
        elif call.record.usage != whole.record.usage:
            streamed, counted = call.record.usage.to_dict(), whole.record.usage.to_dict()
            yield f"the stream for the sample has the usage {streamed}, but the whole answer has {counted}"
    # A text behind the last chunk adds nothing to it.
    texts = find_wire(adapter).texts
    objects = [chunk for chunk in chunks if chunk.data not in texts]
    try:
        _read_chunks(completed(_replay(objects[:-1])).send_stream(_make_call(adapter, model, stream=True)))
    except UpstreamTruncated:
        return
    yield f"a stream that lacks the last of its {len(objects)} chunks passes for a whole one"


@contextlib.contextmanager
def _run_emulator(adapter: Adapter) -> Iterator[tuple[Registry, Handler]]:
    """Run an emulator with this adapter; yield its registry and a handler that calls it."""
    registry = _make_registry(adapter)
    server = make_server(
        HOST, 0, create_emulator(registry, ScriptedEngine()), threaded=True, request_handler=_SilentRequestHandler
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        with _replace_environ(make_isolated_environ(os.environ, server.server_port)):
            yield registry, completed(make_transport(_SETTINGS, Shutdown()))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _SilentRequestHandler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Log nothing: the laws report violations themselves."""


@contextlib.contextmanager
def _replace_environ(environ: Mapping[str, str]) -> Iterator[None]:
    """Replace the environment, since botocore reads its endpoint and credentials from there only."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _make_registry(adapter: Adapter) -> Registry:
    """Make a registry of the adapter and the generic one, with which the emulator checks Converse requests."""
    found = load_plugins(find_built_in())
    generic = {name: each for name, each in found.adapters.items() if GENERIC in each.models}
    adapters = {**generic, adapter.name: adapter}
    return Registry(adapters, dict.fromkeys(adapters, ""), sort_claims(adapters), found.hooks)


def _find_id(adapter: Adapter, registry: Registry, *, streaming: bool) -> str:
    """Find a Bedrock id of the adapter, with `streaming` one that streams; return an empty string if there is none."""
    ids = [pattern.replace("*", "v1:0", 1).replace("*", "") for pattern in adapter.models]
    return next((each for each in ids if registry.pick(each)[1].streaming or not streaming), "")


def _make_call(adapter: Adapter, model: str, *, stream: bool = False) -> Call:
    body = json.dumps(copy.deepcopy(dict(adapter.sample))).encode()
    return Call(adapter=adapter, operation=adapter.operation, model=model, body=body, stream=stream, billed_as=model)


def _read_chunks(stream: Stream) -> list[Chunk]:
    return [chunk for batch in stream.batches for chunk in batch]


def _replay(chunks: list[Chunk]) -> Handler:
    """A handler that answers every call with these chunks."""

    def send(call: Call) -> Reply:
        raise NotImplementedError

    return Handler(send, lambda call: Stream({}, (batch for batch in [chunks])))
