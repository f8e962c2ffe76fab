"""Run a command whose only network is this: a port of loopback that leads to a Unix socket outside.

`unshare -rn python inside.py PORT SOCKET COMMAND…`; without PORT and SOCKET it only finds out whether this is possible.
"""

import contextlib
import fcntl
import socket
import struct
import subprocess
import sys
import threading

_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41


def bring_loopback_up() -> None:
    """A new namespace has a loopback interface that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until the source ends, and pass the end on."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def connect(client: socket.socket, path: str) -> None:
    """Connect a client with the socket outside, until both have ended."""
    with client, socket.socket(socket.AF_UNIX) as outside:
        outside.connect(path)
        back = threading.Thread(target=pump, args=(outside, client), daemon=True)
        back.start()
        pump(client, outside)
        back.join()


def serve(listener: socket.socket, path: str) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=connect, args=(client, path), daemon=True).start()


def main(port: str = "", path: str = "", *command: str) -> int:
    bring_loopback_up()
    if not command:
        return 0
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=100)
    threading.Thread(target=serve, args=(listener, path), daemon=True).start()
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
