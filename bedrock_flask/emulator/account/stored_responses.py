"""The responses that the emulator stores: with `store`, which is the default, a conversation can go on from each."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from bedrock_flask.converse import Json

# AWS keeps them for 30 days; the emulator keeps the last ones, until it stops.
MAX_STORED = 1000


@dataclass(frozen=True)
class StoredResponse:
    """A response as it was sent, and the items of its whole conversation: what came before, its input and output."""

    response: Json
    items: list[Any]


class StoredResponses:
    """The last responses of each endpoint, by id: the other endpoint does not know them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stored: OrderedDict[tuple[str, str], StoredResponse] = OrderedDict()

    def add(self, endpoint: str, response: StoredResponse) -> None:
        """Store a response."""
        with self._lock:
            self._stored[endpoint, response.response["id"]] = response
            while len(self._stored) > MAX_STORED:
                self._stored.popitem(last=False)

    def find(self, endpoint: str, identifier: str) -> StoredResponse | None:
        """The response of an id, or None."""
        with self._lock:
            return self._stored.get((endpoint, identifier))

    def delete(self, endpoint: str, identifier: str) -> bool:
        """Delete a response, and say whether there was one."""
        with self._lock:
            return self._stored.pop((endpoint, identifier), None) is not None
