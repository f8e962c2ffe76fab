"""Images and documents in `data:` URIs: OpenAI names their formats by media type, Converse by short names."""

from collections.abc import Mapping
from mimetypes import MimeTypes
from types import MappingProxyType

from bedrock_flask.errors import InvalidBody
from bedrock_flask.protocol import data_uri
from bedrock_flask.protocol.json_places import place_at
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


# What to do about the URL of an image, beside sending the image itself.
LIST_ITS_HOST = "or have the gateway's operator list its host in BEDROCK_FLASK_IMAGE_HOSTS"


def find_media_type(formats: Mapping[str, str], name: str) -> str | None:
    """The media type of a Converse format, or None."""
    return next((each for each, known in formats.items() if known == name), None)


def read_document(data: str, name: str, cursor: Cursor) -> tuple[str, str]:
    """The format and the base64 of a document: in a URI, or bare beside a file name whose extension is the format.

    The file name decides where the URI has no media type of its own. Text that Bedrock has no format for, such as
    JSON and source code, is `txt`.
    """
    extension = name.rpartition(".")[2].lower()
    if ":" not in data and extension in DOCUMENTS.values():
        return extension, cursor.parse(data_uri.normalize_base64, data)
    media_type, content = cursor.parse(data_uri.read, data)
    if media_type in _UNSPECIFIC:
        named = extension if extension in DOCUMENTS.values() else _find_format(_guess_media_type(name))
        form = named or (None if media_type else "txt")
    else:
        form = _find_format(media_type)
    if form is None:
        raise _unsupported(media_type, DOCUMENTS, cursor)
    return form, place_at(content, data)


# What programs send for a file whose media type they do not know.
_UNSPECIFIC = ("", "application/octet-stream", "binary/octet-stream")
_TEXTS = frozenset(
    f"application/{name}"
    for name in ("json", "x-ndjson", "xml", "yaml", "x-yaml", "toml", "javascript", "x-javascript", "sql", "x-sh")
)


def _find_format(media_type: str) -> str | None:
    is_text = media_type in _TEXTS or media_type.startswith("text/")
    return DOCUMENTS.get(media_type) or ("txt" if is_text else None)


def _guess_media_type(name: str) -> str:
    # The types that Python knows itself: the same on each machine.
    return MimeTypes().guess_type(name)[0] or ""


def read_uri(uri: str, formats: Mapping[str, str], cursor: Cursor) -> tuple[str, str]:
    """The format and the base64 of a `data:` URI; raises InvalidBody for any other text or media type."""
    if uri[:8].lower().startswith(("https://", "http://")):
        raise cursor.error(
            "is a URL, which the gateway does not fetch; send it as a data: URI (data:MEDIA/TYPE;base64,…), "
            f"{LIST_ITS_HOST}"
        )
    media_type, data = cursor.parse(data_uri.read, uri)
    if media_type not in formats:
        raise _unsupported(media_type, formats, cursor)
    return formats[media_type], place_at(data, uri)


def _unsupported(media_type: str, formats: Mapping[str, str], cursor: Cursor) -> InvalidBody:
    found = f"the unsupported media type {media_type[:100]!r}" if media_type else "no media type"
    return cursor.error(f"has {found}. Use one of: {', '.join(formats)}")
