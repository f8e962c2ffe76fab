"""Ports: check whether one is free, and find a free one."""

import errno
import socket

from bedrock_flask.errors import StartupError


def is_free(host: str, port: int) -> bool:
    """Whether no process listens on a port. Raises StartupError if this process cannot bind the address at all."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise StartupError(f"{host} is not an address that can be bound: {error.strerror}") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise StartupError(f"{host} port {port} cannot be bound: {error.strerror}") from None
    return True


def find_free_port(host: str = "127.0.0.1") -> int:
    """A port on which no process listens."""
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
