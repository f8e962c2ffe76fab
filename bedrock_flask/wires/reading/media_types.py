"""Images and documents in `data:` URIs: OpenAI names a format by media type, Converse by a word of its own."""

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
        # No media type, but written often.
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


def media_type(formats: Mapping[str, str], name: str) -> str | None:
    """The media type of a format's name."""
    return next((each for each, known in formats.items() if known == name), None)


def read_document(data: str, name: str, place: Cursor) -> tuple[str, str]:
    """The format and the bytes of a document: in a URI, or plain base64 beside a name that tells the format."""
    extension = name.rpartition(".")[2].lower()
    if ":" not in data and extension in DOCUMENTS.values():
        return extension, place.made(data_uri.checked, data)
    return read_uri(data, DOCUMENTS, place)


def read_uri(uri: str, formats: Mapping[str, str], place: Cursor) -> tuple[str, str]:
    """The format and the bytes of a medium in a URI; an InvalidBody that names the place."""
    kind, data = place.made(data_uri.read, uri)
    if kind not in formats:
        raise place.wrong(f"is of the media type {kind[:100]!r}, which is none of: {', '.join(formats)}")
    return formats[kind], data
