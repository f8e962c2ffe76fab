"""The bytes of documents, videos and sounds: base64, without the line breaks that some clients write into it."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol import data_uri
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

# An image is looked at more closely, elsewhere.
_KINDS = ("document", "video", "audio")


def decodable(request: Request, capabilities: Capabilities) -> Repaired:
    """With bytes that are plain base64; what is none is refused."""
    edits, faults = {}, []
    for path, block in blocks(request):
        for kind in _KINDS:
            data = member(block, kind, "source", "bytes")
            if not isinstance(data, str):
                continue
            try:
                plain = data_uri.checked(data)
            except ValueError as wrong:
                faults.append(FieldError(f"{path}.{kind}.source.bytes", str(wrong)))
            else:
                if plain != data:
                    medium = {**block[kind], "source": {**block[kind]["source"], "bytes": plain}}
                    edits[path] = [{**block, kind: medium}]
    if faults:
        raise InvalidBody(faults)
    return Repaired(edited(request, edits))
