"""Media in `data:` URIs, as RFC 2397 has them."""

import base64
import binascii
import itertools

import pytest

from bedrock_flask.protocol.data_uri import is_base64, normalize_base64, read, write


@pytest.mark.parametrize(
    ("uri", "media_type", "content"),
    [
        ("data:image/png;base64,AAAA", "image/png", "AAAA"),
        ("DATA:Image/PNG;charset=x;base64,AAAA", "image/png", "AAAA"),
        ("data:image/png;base64,AA\n AA", "image/png", "AAAA"),
        ("data:image/png;base64,QQ%3D%3D", "image/png", "QQ=="),
        ("data:;base64,AAAA", "", "AAAA"),
        ("data:,hi%20x", "", "aGkgeA=="),
        ("data:text/csv,a,b", "text/csv", "YSxi"),
    ],
)
def test_a_uri_is_read_as_its_media_type_and_base64(uri: str, media_type: str, content: str) -> None:
    assert read(uri) == (media_type, content)


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("https://example.com/a.png", "is a URL, which the gateway does not fetch; send it as a data: URI"),
        ("HTTP://example.com/a.png", "is a URL"),
        ("iVBORw0KGgo=", "is not a data: URI; send it as a data: URI"),
        ("file:///etc/passwd", "is not a data: URI"),
        ("data:image/png;base64", "without a comma"),
        ("data:image/png;base64,", "has no content"),
        ("data:,", "has no content"),
        ("data:image/png;base64,AAA", "not base64"),
        ("data:image/png;base64,A\u00e4AA", "not base64"),
        ("data:image/png;base64,AA_-", "not base64"),
    ],
)
def test_what_is_none_says_why(uri: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(uri)


def test_what_is_written_reads_the_same() -> None:
    assert write("image/png", "AAAA") == "data:image/png;base64,AAAA"
    assert read(write("image/png", "AAAA")) == ("image/png", "AAAA")


def test_plain_base64_is_checked_alike() -> None:
    assert normalize_base64("AA\nAA") == "AAAA"
    with pytest.raises(ValueError, match="not base64"):
        normalize_base64("AAA")


def is_decoded(text: bytes) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


def test_base64_is_what_python_decodes() -> None:
    short = (bytes(each) for size in range(8) for each in itertools.product(b"a=-", repeat=size))
    for text in short:
        for start in (b"", b"AAAA", b"AAAAA"):
            assert is_base64(start + text) is is_decoded(start + text)
