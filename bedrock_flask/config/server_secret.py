"""Secrets of the gateway's own, with which it derives others and computes digests."""

from dataclasses import dataclass, field

# Longer than that of a key, because one intercepted signed request, or one digest, allows guesses offline.
MIN_LENGTH = 32


@dataclass(frozen=True)
class ServerSecret:
    """A secret of the gateway's own; false if it is not set."""

    text: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.text)


def parse_server_secret(text: str) -> ServerSecret:
    """Parse a secret. Raises ValueError, whose message never contains it."""
    if len(text) < MIN_LENGTH:
        raise ValueError(f"the secret must have at least {MIN_LENGTH} characters")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the secret must be one line of printable ASCII characters without spaces")
    return ServerSecret(text)
