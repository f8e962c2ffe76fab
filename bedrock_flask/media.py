"""The formats of images and documents: OpenAI names them by media type, Converse by a word of its own."""

from collections.abc import Mapping
from types import MappingProxyType

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
