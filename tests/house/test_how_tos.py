"""docs/how-to/keys.md and behind-an-alb.md: what they say about keys files and connections holds."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.doubles import Gateway, StartGateway

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
PATIENCE = 30


def commands(page: str, first: str) -> str:
    blocks = re.findall(r"^```sh\n(.*?)^```", (HOW_TO / page).read_text(), re.M | re.S)
    [found] = [block for block in blocks if block.startswith(first)]
    return str(found)


def status(gateway: Gateway, secret: str) -> int:
    return int(gateway.get("/v1/models", headers={"authorization": f"Bearer {secret}"}).status_code)


def list_workers(gateway: Gateway) -> set[str]:
    pid = gateway.process.pid
    return {*Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def test_the_pages_commands_make_keys_that_open(start_gateway: StartGateway, tmp_path: Path) -> None:
    subprocess.run(["sh", "-ec", commands("keys.md", "umask")], cwd=tmp_path, check=True)
    keys_file = tmp_path / "keys"
    assert keys_file.stat().st_mode & 0o777 == 0o600
    gateway = start_gateway(BEDROCK_FLASK_API_KEYS_FILE=str(keys_file))
    for line in keys_file.read_text().splitlines():
        assert status(gateway, line.partition(":")[2]) == 200
    assert status(gateway, "somebody-elses-secret") == 401


def test_keys_are_rotated_and_revoked_by_hup_and_nobody_is_dropped(start_gateway: StartGateway, tmp_path: Path) -> None:
    old, new = "old-secret-of-alice", "new-secret-of-alice"
    file = tmp_path / "keys"
    file.write_text(f"alice:{old}\n")
    gateway = start_gateway(BEDROCK_FLASK_API_KEYS_FILE=str(file), BEDROCK_FLASK_DRAIN_DELAY="0")

    def read_again(*lines: str, valid: str) -> None:
        """Write the file, and call with a key that is valid before and after it until the old workers are gone."""
        before = list_workers(gateway)
        file.write_text("".join(f"{line}\n" for line in lines))
        os.kill(gateway.process.pid, signal.SIGHUP)
        until = time.monotonic() + PATIENCE
        while before & list_workers(gateway):
            assert status(gateway, valid) == 200
            assert time.monotonic() < until

    read_again(f"alice:{old}", f"alice-2027:{new}", valid=old)
    assert (status(gateway, old), status(gateway, new)) == (200, 200)
    read_again(f"alice-2027:{new}", valid=new)
    assert (status(gateway, old), status(gateway, new)) == (401, 200)
    assert {line.get("key") for line in gateway.lines() if line.get("status") == 200} >= {"alice", "alice-2027"}
    assert old not in gateway.log.read_text()


def test_gunicorns_keep_alive_can_be_set_for_a_load_balancer(start_gateway: StartGateway) -> None:
    assert 'GUNICORN_CMD_ARGS="--keep-alive 960"' in commands("behind-an-alb.md", "BEDROCK_FLASK_DEADLINE")
    gateway = start_gateway(GUNICORN_CMD_ARGS="--keep-alive 1")
    with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])), PATIENCE) as idle:
        idle.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        while idle.recv(65536):
            pass
