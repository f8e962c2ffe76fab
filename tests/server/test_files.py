"""The gateway writes no files, so that its file system can be read-only."""

from pathlib import Path

from tests.doubles import Emulator, StartGateway

# Logs each path that a Python process opens for writing, creates, moves or truncates.
AUDIT = """
import os, sys
out = os.open(os.environ["AUDITED"], os.O_WRONLY | os.O_APPEND)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and (arguments[2] or 0) & WRITES:
        os.write(out, f"{arguments[0]}\\n".encode())
    if event in ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.truncate"):
        os.write(out, f"{event} {arguments[0]}\\n".encode())

sys.addaudithook(hook)
"""


def test_serving_writes_no_file_but_heartbeats_in_memory(
    start_gateway: StartGateway, tmp_path: Path, emulator: Emulator
) -> None:
    (tmp_path / "sitecustomize.py").write_text(AUDIT)
    (tmp_path / "written").touch()
    gateway = start_gateway(
        PYTHONPATH=str(tmp_path),
        PYTHONDONTWRITEBYTECODE="1",
        AUDITED=str(tmp_path / "written"),
        # Coverage writes its own files.
        COVERAGE_PROCESS_START="",
        COVERAGE_PROCESS_CONFIG="",
    )
    body = {"messages": [{"role": "user", "content": [{"text": "x"}]}]}
    assert gateway.post("/v1/models/nova/invoke", body).ok
    assert gateway.post("/v1/models/nova/invoke-stream", body).ok
    assert gateway.get("/docs").ok
    assert gateway.post("/v1/models/nova/invoke", {}).status_code == 400
    gateway.process.terminate()
    assert gateway.process.wait(30) == 0
    written = (tmp_path / "written").read_text().splitlines()
    assert any(path.startswith("/dev/shm/") for path in written), "the hook heard nothing"
    assert [path for path in written if not path.startswith(("/dev/shm/", "/dev/null"))] == []
