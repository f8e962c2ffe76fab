"""Documents: each has a name of its own in a few letters, and a text beside it in its turn."""

import re
import unicodedata
from collections.abc import Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

# What is said beside a document that comes without a word.
TEXT = "Document."
_LONGEST = 200
_STRANGE = re.compile(r"[^0-9A-Za-z()\[\]-]+")


def named(request: Request, capabilities: Capabilities) -> Repaired:
    """With names that Bedrock takes, no two alike, and a text in each turn that has a document."""
    documents = [(path, block) for path, block in blocks(request) if "document" in block]
    names = _distinct(_plain(block["document"].get("name") or "") for _, block in documents)
    request = edited(
        request,
        {
            path: [{**block, "document": {**block["document"], "name": name}}]
            for (path, block), name in zip(documents, names, strict=True)
            if block["document"].get("name") != name
        },
    )
    return Repaired({**request, "messages": [_with_text(message) for message in request["messages"]]})


def _plain(name: str) -> str:
    # An accent is a mark of its own here, so that its letter stays.
    letters = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    return _STRANGE.sub(" ", letters).strip()[:_LONGEST].strip() or "document"


def _distinct(names: Iterator[str]) -> Iterator[str]:
    """The names, a number behind one that was there before: what comes later in a conversation changes no name."""
    taken: set[str] = set()
    for name in names:
        number, distinct = 1, name
        while distinct in taken:
            number += 1
            suffix = f" ({number})"
            distinct = name[: _LONGEST - len(suffix)].rstrip() + suffix
        taken.add(distinct)
        yield distinct


def _with_text(message: Json) -> Json:
    places = [at for at, block in enumerate(message["content"]) if "document" in block]
    if not places or any("text" in block for block in message["content"]):
        return message
    content = list(message["content"])
    content.insert(places[-1] + 1, {"text": TEXT})
    return {**message, "content": content}
