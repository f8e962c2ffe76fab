"""Give each document a unique name of accepted characters, and a text in its turn, as Bedrock requires."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

# The text of a turn that has documents and no text.
TEXT = "Document."
_MAX_LENGTH = 200
_REJECTED = re.compile(r"[^0-9A-Za-z()\[\]-]+")


def name_documents(request: Request, capabilities: Capabilities) -> RepairResult:
    """Rename documents that Bedrock would reject, and add a text to each turn that has documents alone."""
    documents = [(path, block) for path, block in walk_blocks(request) if "document" in block]
    names = _make_unique(_normalize_name(block["document"].get("name") or "") for _, block in documents)
    request = replace_blocks(
        request,
        {
            path: [{**block, "document": {**block["document"], "name": name}}]
            for (path, block), name in zip(documents, names, strict=True)
            if block["document"].get("name") != name
        },
    )
    return RepairResult({**request, "messages": [_add_text(message) for message in request["messages"]]})


def _normalize_name(name: str) -> str:
    # Decomposed, an accent is a character that can be removed without its letter.
    letters = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return _REJECTED.sub(" ", letters).strip()[:_MAX_LENGTH].strip() or "document"


def _make_unique(names: Iterable[str]) -> Iterator[str]:
    """Append a number to a name that an earlier document has: later turns of a conversation change no name.

    Capitals make no difference (aws-samples/sample-strands-agent-with-agentcore#290).
    """
    taken: set[str] = set()
    # The last number of each name: counted from 1 each time, many documents of one name would take hours.
    numbers: dict[str, int] = {}
    for name in names:
        folded = name.casefold()
        number, unique = numbers.get(folded, 1), name
        while unique.casefold() in taken:
            number += 1
            suffix = f" ({number})"
            unique = name[: _MAX_LENGTH - len(suffix)].rstrip() + suffix
        taken.add(unique.casefold())
        numbers[folded] = number
        yield unique


def _add_text(message: Json) -> Json:
    documents = [index for index, block in enumerate(message["content"]) if "document" in block]
    if not documents or any("text" in block for block in message["content"]):
        return message
    content = list(message["content"])
    content.insert(documents[-1] + 1, {"text": TEXT})
    return {**message, "content": content}
