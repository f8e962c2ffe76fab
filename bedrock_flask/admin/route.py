"""A route of the admin API as a record, and the request that it answers."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import PreconditionFailed
from bedrock_flask.fields import Schema
from bedrock_flask.governance.operator import Operator, may_everywhere

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class AdminRequest:
    """A request of an operator who may do what it asks for.

    directory  in one transaction, which is committed with the answer
    labels     of its address: `team`, `name`, `secret`
    if_match   the tags of which one must be that of what is changed; empty if any may be
    """

    operator: Operator
    directory: "Directory"
    pepper: ServerSecret
    right: str
    labels: Mapping[str, str]
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    if_match: str

    @property
    def key(self) -> str:
        """The name of the key in the address."""
        return f"{self.labels['team']}/{self.labels['name']}"

    def list_visible(self) -> "frozenset[str] | None":
        """The teams to which a list is restricted; None for an operator who may see all."""
        if may_everywhere(self.operator, self.right):
            return None
        return frozenset(self.directory.list_below(self.operator.teams))

    def check_match(self, document: Mapping[str, Any]) -> None:
        """Raise PreconditionFailed if what is to be changed is not what the client has seen."""
        if self.if_match and not {compute_tag(document), "*"}.intersection(map(str.strip, self.if_match.split(","))):
            raise PreconditionFailed("The ETag is another one than in If-Match: read it again, then change it.")


@dataclass(frozen=True)
class Answer:
    """A document with its status; `has_tag` for one that can be changed, `location` of one that was created."""

    document: Mapping[str, Any]
    status: int = 200
    has_tag: bool = False
    location: str = ""


# The names of a team and of those above it, from the top down, that a request is about: `directory, labels, body`.
FindChain = Callable[["Directory", Mapping[str, str], Mapping[str, Any]], Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """An address, and who may call it.

    name        the id of its operation
    right       one of `governance.operator`; empty where any operator may
    find_chain  the team on which the operator needs the right; None for lists, which have what the operator may see
    query       the names of its parameters
    """

    name: str
    method: str
    path: str
    summary: str
    respond: Callable[[AdminRequest], Answer]
    right: str = ""
    find_chain: FindChain | None = None
    query: Sequence[str] = ()
    body: type[Schema] | None = None
    answer: type[Schema] | None = None
    status: int = 200
    sample: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET"


def compute_tag(document: Mapping[str, Any]) -> str:
    """The entity tag of a document: another one for any other document."""
    text = json.dumps(document, sort_keys=True)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
