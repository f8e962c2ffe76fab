"""Documents given as text."""

import base64
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.translation.repairs import apply_repairs

Json = dict[str, Any]


def source(given: Json, **more: Any) -> Json:
    document = {"document": {"format": "txt", "name": "a", "source": given, **more}}
    request = {"messages": [{"role": "user", "content": [document, {"text": "Sum up."}]}]}
    repaired = apply_repairs(request, Capabilities(documents=True))
    assert repaired.reported == ()
    return dict(repaired.request["messages"][0]["content"][0]["document"]["source"])


def test_a_text_without_citations_is_sent_as_bytes() -> None:
    for given in ({"text": "é\nb"}, {"content": [{"text": "é"}, {"text": "b"}]}):
        assert base64.b64decode(source(given)["bytes"]).decode() == "é\nb"
        assert "bytes" in source(given, citations={"enabled": False})


def test_a_text_with_citations_and_bytes_are_as_they_came() -> None:
    assert source({"text": "a"}, citations={"enabled": True}) == {"text": "a"}
    assert source({"bytes": "eA=="}) == {"bytes": "eA=="}
    assert source({"s3Location": {"uri": "s3://a/b"}}) == {"s3Location": {"uri": "s3://a/b"}}
