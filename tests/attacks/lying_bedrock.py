"""A Bedrock over raw sockets that tells one lie a connection: the model's id names it, the request has the mark.

The id is in the path of Bedrock's own APIs, and in the body of a surface's.
"""

import contextlib
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.attacks.answers import CONVERSE, INVOKE
from tests.attacks.lies import DRIP, FIN, HANG, RST, Steps
from tests.attacks.routes import lies_of
from tests.attacks.surface_documents import CHAT, MESSAGES, RESPONSES
from tests.doubles import accept_each, receive_request, run_accepting

MODELS = {
    CONVERSE: "amazon.nova-lie.",
    INVOKE: "anthropic.claude-lie.",
    CHAT: "google.gemma-4-lie.",
    RESPONSES: "openai.gpt-daybreak-lie.",
    MESSAGES: "anthropic.claude-opus-4-8-lie.",
}
# The APIs that serve these models in the run of the surfaces, for BEDROCK_FLASK_SURFACES: each model by one alone.
SURFACES = "runtime/messages,mantle/messages,mantle/openai/chat,mantle/openai/responses"
MARK = re.compile(rb"mark-[0-9a-f]{8}")
_PATH = re.compile(r"/model/(?:amazon\.nova|anthropic\.claude)-lie\.([a-z0-9.-]+)/(converse|invoke)(-\S+)?$")
_DRIP_BYTES, _DRIP_SECONDS = 1, 0.002


@dataclass
class LyingBedrock:
    """The server, how many requests it has had, how many it let hang, and when the gateway left each of those."""

    port: int
    requests: int = 0
    hanging: int = 0
    left: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self, listener: socket.socket) -> None:
        """Accept until the listener is closed."""
        for client in accept_each(listener):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while request := receive_request(client):
                self.requests += 1
                if not self._send(client, _choose_steps(request)):
                    return

    def _send(self, client: socket.socket, steps: Steps) -> bool:
        """Take the steps; return whether another request may follow."""
        drips = False
        for step in steps:
            if step == DRIP:
                drips = True
            elif step == HANG:
                self.hanging += 1
                # Until the gateway gives up, or the run ends.
                with contextlib.suppress(OSError):
                    client.recv(1)
                self.left.append(time.monotonic())
                return False
            elif step == RST:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            elif step == FIN:
                client.shutdown(socket.SHUT_WR)
                return False
            elif isinstance(step, bytes) and drips:
                for at in range(0, len(step), _DRIP_BYTES):
                    client.sendall(step[at : at + _DRIP_BYTES])
                    time.sleep(_DRIP_SECONDS)
            elif isinstance(step, bytes):
                client.sendall(step)
        return True


def _choose_steps(request: bytes) -> Steps:
    target = unquote(request[: request.find(b"\r\n")].split(b" ")[1].decode())
    found, mark = _PATH.search(target), MARK.search(request)
    if found:
        name, form, streamed = found.groups()
    else:
        body = json.loads(request.partition(b"\r\n\r\n")[2])
        form = next(form for form, start in MODELS.items() if body["model"].startswith(start))
        name, streamed = body["model"].removeprefix(MODELS[form]), body.get("stream")
    return lies_of(form, streamed=bool(streamed))[name].tell(form, mark[0].decode() if mark else "")


def run_lying_bedrock() -> contextlib.AbstractContextManager[LyingBedrock]:
    """Serve until the block ends."""
    return run_accepting(LyingBedrock)
