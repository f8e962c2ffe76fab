"""Coding agents, unmodified, set up as the page about clients says, finish an edit of eight turns, and survive faults.

Each has an empty home and, where the machine allows it, a network in which there is nothing but the gateway.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.agents.edit import FILES, LAST, PROMPT, script
from tests.agents.recorder import Recorder, Sent
from tests.agents.setups import AGENTS, Agent
from tests.doubles import Emulator, Gateway, StartEmulator, StartGateway

Json = dict[str, Any]
SECRET = "a-key-for-the-agents-only"
INSIDE = Path(__file__).with_name("inside.py")
_PREFIXES = (("unshare", "-rn"), ("unshare", "-n"))

# The answer of a turn itself.
AGAIN: Json = {"times": 1}

each_agent = pytest.mark.parametrize("name", AGENTS)
# Those that meet faults at each push: each takes half a minute. Of the others, opencode sometimes goes on with the
# model's turn as the last one on a slow machine, which no newer Claude takes.
AT_EACH_PUSH = frozenset({"claude-bedrock"})


@cache
def find_namespace() -> tuple[str, ...]:
    """The command that gives a program a network of its own; empty where this machine allows none."""
    for prefix in _PREFIXES:
        with contextlib.suppress(OSError):
            if not subprocess.run([*prefix, sys.executable, str(INSIDE)], capture_output=True, check=False).returncode:
                return prefix
    return ()


@pytest.fixture(scope="module")
def emulator(start_emulator: StartEmulator) -> Emulator:
    return start_emulator("--log-bodies", "8000000")


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway, emulator: Emulator) -> Gateway:
    return start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url,
        AWS_ENDPOINT_URL_BEDROCK_MANTLE=f"{emulator.url}/bedrock-mantle",
        BEDROCK_FLASK_API_KEYS=f"agent:{SECRET}",
        BEDROCK_FLASK_KEEPALIVE="2",
    )


@dataclass(frozen=True)
class Session:
    """What came of one run of an agent."""

    agent: Agent
    folder: Path
    status: int
    output: str
    seconds: float
    sent: list[Sent]
    calls: list[Json]

    def list_turns(self) -> list[Json]:
        """The bodies of the calls that asked Bedrock for a next step and were answered to their end."""
        bodies = [json.loads(call["body"]) for call in self.calls if call["operation"] == self.agent.operation]
        return [body for body in bodies if body.get("tools") or body.get("toolConfig")]

    def check_edit(self) -> None:
        """The edit is done, to the byte."""
        report = f"{self.output[-3000:]}\nafter {self.seconds:.0f} s"
        assert self.status == 0, report
        assert LAST in self.output, report
        for name, text in FILES.items():
            assert (self.folder / name).read_bytes() == text.encode(), (name, report)
        log = subprocess.run(
            ["git", "-c", "safe.directory=*", "log", "--format=%s"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert log.stdout == "Edit of eight turns\n"
        results = json.dumps([sent.document for sent in self.sent if sent.is_turn][-1])
        assert "check-passed" in results


class Runner:
    """Runs agents one after the other, in front of one gateway."""

    def __init__(self, emulator: Emulator, gateway: Gateway, tmp_path: Path) -> None:
        self.emulator, self.gateway, self.tmp_path = emulator, gateway, tmp_path

    def run(
        self,
        name: str,
        *,
        replies: dict[int, list[Json]] | None = None,
        faults: dict[int, Json] | None = None,
        patience: float = 100,
    ) -> Session:
        """Run an agent through the edit.

        `replies` come before the answer of that number (from 0); `faults` are injected before that turn (from 1).
        """
        agent, emulator = AGENTS[name], self.emulator
        home, folder = self.tmp_path / "home", self.tmp_path / "work"
        home.mkdir()
        folder.mkdir()
        subprocess.run(["git", "init", "-q", str(folder)], check=True, capture_output=True)
        for path in ("replies", "requests", "faults"):
            emulator.ask("DELETE", f"/_emulator/{path}")
        for number, answer in enumerate(script(agent.tools, folder, thinks=agent.thinks)):
            for reply in [*(replies or {}).get(number, ()), AGAIN]:
                self._add({"model": agent.model, **reply, **({"response": answer} if reply is AGAIN else {})})
        # Whatever an agent asks after the edit has an answer that ends.
        self._add({"text": LAST})

        def inject(number: int) -> None:
            if fault := (faults or {}).get(number):
                assert emulator.post("/_emulator/faults", fault).ok

        address = urlsplit(self.gateway.url)
        # A Unix socket's path must be short.
        with tempfile.TemporaryDirectory() as short:
            recorder = Recorder((str(address.hostname), int(address.port or 0)), Path(short) / "s", inject)
            began = time.monotonic()
            status, output = self._run(agent, home, folder, recorder, patience)
            recorder.close()
        calls = emulator.calls()
        return Session(agent, folder, status, output, time.monotonic() - began, recorder.sent, calls)

    def _add(self, reply: Json) -> None:
        response = self.emulator.post("/_emulator/replies", reply)
        assert response.ok, response.text

    def _run(self, agent: Agent, home: Path, folder: Path, recorder: Recorder, patience: float) -> tuple[int, str]:
        namespace = find_namespace()
        port = 8000 if namespace else recorder.port
        environ = agent.prepare(home, f"http://127.0.0.1:{port}", SECRET)
        command = [str(agent.program), *agent.command[1:], PROMPT]
        if namespace:
            command = [*namespace, sys.executable, str(INSIDE), str(port), str(recorder.path), *command]
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(patience)
            except subprocess.TimeoutExpired:
                status = -1
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            out.seek(0)
            return status, out.read().decode("utf-8", "replace")


@pytest.fixture
def run(emulator: Emulator, gateway: Gateway, tmp_path: Path, name: str) -> Iterator[Any]:
    program = AGENTS[name].program
    if not program.exists() and "CI" not in os.environ:
        pytest.skip("the agents are not installed: make agents")
    assert program.exists(), f"{program} is not installed: make agents"
    yield Runner(emulator, gateway, tmp_path).run
    for path in ("replies", "faults"):
        emulator.ask("DELETE", f"/_emulator/{path}")


def count_marks(document: Any) -> int:
    """The cache marks in a body, in Anthropic's form or in Bedrock's."""
    if isinstance(document, dict):
        own = sum(name in ("cache_control", "cachePoint") for name in document)
        return own + sum(count_marks(value) for value in document.values())
    return sum(count_marks(value) for value in document) if isinstance(document, list) else 0


def without_marks(document: Any) -> Any:
    if isinstance(document, dict):
        return {
            name: without_marks(value)
            for name, value in document.items()
            if name not in ("cache_control", "cachePoint")
        }
    if isinstance(document, list):
        return [
            without_marks(value) for value in document if not (isinstance(value, dict) and [*value] == ["cachePoint"])
        ]
    return document


@each_agent
@pytest.mark.timeout(200)
def test_an_agent_finishes_the_edit_and_its_prefix_stays(run: Any, name: str) -> None:
    session = run(name)
    session.check_edit()
    turns = session.list_turns()[:8]
    assert [call["status"] for call in session.calls if call["status"] != 200] == []
    prefixes = {
        json.dumps(without_marks([body.get(n) for n in ("tools", "toolConfig", "system", "instructions")]))
        for body in turns
    }
    assert (len(turns), len(prefixes)) == (8, 1)
    histories = [[json.dumps(each) for each in without_marks(body.get("messages") or body["input"])] for body in turns]
    for before, after in pairwise(histories):
        assert after[: len(before)] == before
    if session.agent.keeps_marks:
        sent = [count_marks(each.document) for each in session.sent if each.is_turn][:8]
        assert all(sent)
        assert [count_marks(body) for body in turns] == sent


@pytest.mark.parametrize(
    "name", [name if name in AT_EACH_PUSH else pytest.param(name, marks=pytest.mark.nightly) for name in AGENTS]
)
@pytest.mark.timeout(400)
def test_an_agent_survives_faults(run: Any, name: str) -> None:
    """In one session: an answer that breaks off, silence within one, seven throttles in a row, an overloaded model."""
    session = run(name, replies=REPLIES, faults={2: CUT, 4: {"fault": "stall", "after": 3, "seconds": 7}}, patience=300)
    session.check_edit()
    assert [call["fault"] for call in session.calls if call["fault"]] == ["cut_in_chunk", "stall"]
    statuses = [call["status"] for call in session.calls]
    assert (statuses.count(429), statuses.count(529)) == (7, 4)


# After the text and within the call, where an agent already shows a part of the answer.
CUT = {"fault": "cut_in_chunk", "after": 4}
REPLIES: dict[int, list[Json]] = {
    # The answer that breaks off has to be given again.
    1: [AGAIN],
    4: [{"times": 7, "error": "ThrottlingException"}],
    5: [{"times": 4, "error": "overloaded_error"}],
}


# One fault for each session, as long as it may be: what an agent survives without a gateway, it survives with one.
NIGHTLY: dict[str, tuple[dict[int, list[Json]], dict[int, Json]]] = {
    "seven throttles": ({2: [{"times": 7, "error": "ThrottlingException"}]}, {}),
    "fifteen throttles": ({2: [{"times": 15, "error": "ThrottlingException"}]}, {}),
    "not ready": ({1: [{"times": 4, "error": "ModelNotReadyException"}]}, {}),
    "overloaded": ({3: [{"times": 6, "error": "overloaded_error"}]}, {}),
    "unavailable": ({3: [{"times": 6, "error": "ServiceUnavailableException"}]}, {}),
    "cut": ({2: [AGAIN]}, {3: CUT}),
    "cut cleanly": ({2: [AGAIN]}, {3: {"fault": "no_terminal_event", "after": 4}}),
    "reset": ({2: [AGAIN]}, {3: {"fault": "reset", "after": 3}}),
    "silence before": ({}, {3: {"fault": "slow_first_byte", "seconds": 100}}),
    "silence within": ({}, {3: {"fault": "stall", "after": 3, "seconds": 100}}),
}


@pytest.mark.nightly
@each_agent
@pytest.mark.parametrize("fault", NIGHTLY)
@pytest.mark.timeout(700)
def test_an_agent_survives_a_fault(run: Any, name: str, fault: str) -> None:
    replies, faults = NIGHTLY[fault]
    session = run(name, replies=replies, faults=faults, patience=600)
    session.check_edit()
    assert len([call for call in session.calls if call["fault"]]) == len(faults)
