"""The formats of documents, by their media type or by the file's name."""

import pytest

from bedrock_flask.errors import InvalidBody
from bedrock_flask.wires.reading.cursor import Cursor
from bedrock_flask.wires.reading.media_types import read_document


@pytest.mark.parametrize("media_type", ["", "application/octet-stream", "binary/octet-stream"])
@pytest.mark.parametrize(
    ("name", "form"),
    [("sheet.xlsx", "xlsx"), ("Report.PDF", "pdf"), ("notes.md", "md"), ("a.py", "txt"), ("a.json", "txt")],
)
def test_the_file_name_decides_if_the_media_type_says_nothing(media_type: str, name: str, form: str) -> None:
    assert read_document(f"data:{media_type};base64,AAAA", name, Cursor("file_data", {})) == (form, "AAAA")


@pytest.mark.parametrize(
    ("media_type", "form"),
    [
        ("text/x-python", "txt"),
        ("application/json", "txt"),
        ("application/xml", "txt"),
        ("text/html", "html"),
        ("application/pdf", "pdf"),
    ],
)
def test_the_media_type_decides_if_it_says_something(media_type: str, form: str) -> None:
    assert read_document(f"data:{media_type};base64,AAAA", "sheet.xlsx", Cursor("file_data", {})) == (form, "AAAA")


def test_a_document_of_no_type_and_no_known_name_is_text() -> None:
    # RFC 2397: text/plain is the default.
    assert read_document("data:,hi", "document", Cursor("file_data", {})) == ("txt", "aGk=")


@pytest.mark.parametrize(
    ("media_type", "name"),
    [("application/octet-stream", "tool.exe"), ("application/octet-stream", "document"), ("video/mp4", "a.pdf")],
)
def test_content_of_an_unknown_kind_is_refused_by_its_media_type(media_type: str, name: str) -> None:
    with pytest.raises(InvalidBody) as caught:
        read_document(f"data:{media_type};base64,AAAA", name, Cursor("file_data", {}))
    [fault] = caught.value.fields
    assert fault.path == "file_data"
    assert f"{media_type!r}" in fault.message
