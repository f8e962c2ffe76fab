"""What is better kept and breaks nothing: told as advice, so that nobody takes for tried what was not there to try."""

import copy
from collections.abc import Iterator

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.contract.places import places
from bedrock_flask.converse import member
from bedrock_flask.wires import WIRES


def every_field_is_described(adapter: Adapter) -> Iterator[str]:
    """Each field has a description, which callers read in the docs."""
    for path in dict.fromkeys(place.path for place in places(adapter) if not place.field.metadata.get("description")):
        yield f"{path} has no description"


def decode_is_there(adapter: Adapter) -> Iterator[str]:
    """A format of its own has `decode`, so that a cut answer is found out and what it cost is known."""
    if _is_own(adapter) and adapter.decode is None:
        yield "there is no decode: an answer that is cut passes for a whole one, and what it said was not tried"


def encode_is_there(adapter: Adapter) -> Iterator[str]:
    """A format of its own has `encode`, so that clients of OpenAI's and Anthropic's APIs reach the model."""
    if _is_own(adapter) and adapter.encode is None and "converse" not in adapter.speaks:
        yield "there is no encode: clients of OpenAI's and Anthropic's APIs cannot reach the model"


def chunks_are_there(adapter: Adapter) -> Iterator[str]:
    """A model that streams has `chunks`, so that its stream is tried as it comes."""
    streams = any(each.streaming for each in adapter.models.values())
    if _is_own(adapter) and adapter.decode is not None and streams and not adapter.chunks:
        yield "it streams and has no chunks: the whole reply was tried as the only chunk (or say streaming=False)"


def usage_is_told(adapter: Adapter) -> Iterator[str]:
    """What `decode` gives of an answer that is counted in tokens has their counts."""
    counted = any(each.output in ("text", "embedding") for each in adapter.models.values())
    if not _is_own(adapter) or adapter.decode is None or adapter.reply is None or not counted:
        return
    if from_members(member(adapter.decode(copy.deepcopy(dict(adapter.reply))), "usage")) == Usage():
        yield "decode tells no usage of its reply: what a call cost is known only where Bedrock's own headers tell it"


def _is_own(adapter: Adapter) -> bool:
    return adapter.wire not in WIRES
