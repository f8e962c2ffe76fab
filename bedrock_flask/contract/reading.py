"""The laws of what `encode` reads: what it reads of a request is in its body, and the texts of a batch stay apart."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.contract.own_format import list_encoded
from bedrock_flask.converse import Json
from bedrock_flask.translation.read_members import find_lost, note_reads

_QUESTION: Json = {"messages": [{"role": "user", "content": [{"text": "Why is the sea blue?"}]}]}
_TOOLS: Json = {
    "tools": [
        {"toolSpec": {"name": name, "description": "Looks.", "inputSchema": {"json": {"type": "object"}}}}
        for name in ("look", "listen")
    ]
}
# Two values of each member that a caller may set: the bodies of requests that differ in one must differ.
_PAIRS: Mapping[str, tuple[Json, Json]] = {
    "inferenceConfig.maxTokens": ({"inferenceConfig": {"maxTokens": 32}}, {"inferenceConfig": {"maxTokens": 48}}),
    "inferenceConfig.temperature": (
        {"inferenceConfig": {"temperature": 0.25}},
        {"inferenceConfig": {"temperature": 0.75}},
    ),
    "inferenceConfig.topP": ({"inferenceConfig": {"topP": 0.25}}, {"inferenceConfig": {"topP": 0.75}}),
    "inferenceConfig.stopSequences": (
        {"inferenceConfig": {"stopSequences": ["END"]}},
        {"inferenceConfig": {"stopSequences": ["HALT"]}},
    ),
    "system": ({"system": [{"text": "Be terse."}]}, {"system": [{"text": "Be kind."}]}),
    "toolConfig.toolChoice": (
        {"toolConfig": {**_TOOLS, "toolChoice": {"tool": {"name": "look"}}}},
        {"toolConfig": {**_TOOLS, "toolChoice": {"tool": {"name": "listen"}}}},
    ),
}
# The capability without which a model never gets a member.
_NEEDS = {"system": "system", "toolConfig.toolChoice": "tools"}


def what_encode_reads_is_in_its_body(adapter: Adapter) -> Iterator[str]:
    """What encode reads of a request changes its body; what it does not read, the gateway refuses or reports."""
    if adapter.encode is None:
        return
    for member, pair in _PAIRS.items():
        needs = _NEEDS.get(member)
        if needs and not any(getattr(each, needs) for each in list_encoded(adapter)):
            continue
        try:
            (one, reads), (other, _) = (_encode(adapter, {**_QUESTION, **more}, member) for more in pair)
        except ValueError:
            # The model does not take this value.
            continue
        except PLUGIN_CRASHES:
            # The laws before this one report it; to try again might take for ever.
            return
        if reads and one == other:
            yield f"encode reads {member} and leaves it out of the body: the caller would not learn that it is lost"


def _encode(adapter: Adapter, request: Json, member: str) -> tuple[Json, bool]:
    """The body of a request, and whether `encode` has read a member of it."""
    assert adapter.encode is not None  # noqa: S101 - or there is nothing to test
    noted = note_reads(copy.deepcopy(request))
    body: Json = json.loads(json.dumps(adapter.encode(noted)))
    return body, member not in find_lost(noted)


def texts_of_a_batch_stay_apart(adapter: Adapter) -> Iterator[str]:
    """An embedding model that takes several texts in a call gets each of them as a text of its own."""
    batch = max((each.batch for each in adapter.models.values() if each.output == "embedding"), default=1)
    if batch == 1 or adapter.encode is None:
        return
    texts = [f"Text {number} of a batch." for number in range(1, min(batch, 3) + 1)]
    body = adapter.encode({"messages": [{"role": "user", "content": [{"text": text}]} for text in texts]})
    found = [*_list_texts(body)]
    if missing := [text for text in texts if text not in found]:
        yield f"encode makes a body in which {missing[0]!r} is not a text of its own: {body!r:.200}"


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _list_texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _list_texts(inner)
