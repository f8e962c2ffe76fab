"""Images and documents in `data:` URIs: OpenAI names their formats by media type, Converse by short names."""

from collections.abc import Mapping
from types import MappingProxyType

from bedrock_flask.protocol import data_uri
from bedrock_flask.wires.reading.cursor import Cursor

IMAGES: Mapping[str, str] = MappingProxyType(
    {
        "image/png": "png",
        "image/jpeg": "jpeg",
        "image/gif": "gif",
        "image/webp": "webp",
        # Not a registered media type, but common.
        "image/jpg": "jpeg",
    }
)
_OFFICE = "application/vnd.openxmlformats-officedocument"
DOCUMENTS: Mapping[str, str] = MappingProxyType(
    {
        "application/pdf": "pdf",
        "text/csv": "csv",
        "application/msword": "doc",
        f"{_OFFICE}.wordprocessingml.document": "docx",
        "application/vnd.ms-excel": "xls",
        f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
        "text/html": "html",
        "text/plain": "txt",
        "text/markdown": "md",
    }
)


def find_media_type(formats: Mapping[str, str], name: str) -> str | None:
    """The media type of a Converse format, or None."""
    return next((each for each, known in formats.items() if known == name), None)


def read_document(data: str, name: str, cursor: Cursor) -> tuple[str, str]:
    """The format and the base64 of a document: in a URI, or bare beside a file name whose extension is the format."""
    extension = name.rpartition(".")[2].lower()
    if ":" not in data and extension in DOCUMENTS.values():
        return extension, cursor.parse(data_uri.normalize_base64, data)
    return read_uri(data, DOCUMENTS, cursor)


def read_uri(uri: str, formats: Mapping[str, str], cursor: Cursor) -> tuple[str, str]:
    """The format and the base64 of a `data:` URI; raises InvalidBody for any other text or media type."""
    kind, data = cursor.parse(data_uri.read, uri)
    if kind not in formats:
        raise cursor.error(f"has the unsupported media type {kind[:100]!r}. Use one of: {', '.join(formats)}")
    return formats[kind], data
