"""Send documents given as text as bytes: Converse takes a text as source only where citations are enabled."""

import base64

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks


def encode_documents(request: Request, capabilities: Capabilities) -> RepairResult:
    """Replace the text of each document without citations by its bytes (maximhq/bifrost#7072)."""
    encoded = {
        path: [{**block, "document": {**block["document"], "source": {"bytes": _encode(block["document"]["source"])}}}]
        for path, block in walk_blocks(request)
        if "document" in block and _is_plain(block["document"])
    }
    return RepairResult(replace_blocks(request, encoded))


def _is_plain(document: Json) -> bool:
    return bool({"text", "content"} & document["source"].keys()) and not member(document, "citations", "enabled")


def _encode(source: Json) -> str:
    text = source["text"] if "text" in source else "\n".join(piece["text"] for piece in source["content"])
    return base64.b64encode(text.encode()).decode()
