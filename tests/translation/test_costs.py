"""No body costs more than in proportion to its size: four times the parts take about four times the steps."""

from collections.abc import Callable
from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.models.models_file import DROP
from bedrock_flask.protocol.json_places import mark_places
from bedrock_flask.translation.extras import place_extras
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.require_object_schemas import require_object_schemas
from bedrock_flask.wires import openai_chat
from tests.contract.test_contract import GOOD
from tests.translation.steps import count_steps

Json = dict[str, Any]
ABLE = Capabilities(tools=True, images=True, documents=True)


def documents(count: int) -> Json:
    document = {"document": {"format": "txt", "name": "a", "source": {"bytes": "aGk="}}}
    return {"messages": [{"role": "user", "content": [document] * count}]}


def schema(root: Json) -> Json:
    tool = {"toolSpec": {"name": "f", "inputSchema": {"json": root}}}
    return {"messages": [{"role": "user", "content": [{"text": "a"}]}], "toolConfig": {"tools": [tool]}}


def branches(count: int) -> Json:
    each = ({"properties": {f"p{number}": {"type": "string"}}} for number in range(count))
    return schema({"type": "object", "allOf": [*each]})


def required(count: int) -> Json:
    names = [f"p{number}" for number in range(count)]
    return schema({"type": "object", "anyOf": [{"required": names}, {"required": names[::-1]}]})


def unknown(count: int) -> Json:
    return {"messages": [], "extras": {f"x{number}": 1 for number in range(count)}}


def images(count: int) -> Json:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    return mark_places({"messages": [{"role": "user", "content": [part] * count}]})  # type: ignore[no-any-return]


def name_faults(body: Json) -> None:
    with pytest.raises(InvalidBody):
        apply_repairs(openai_chat.read_request(body), ABLE)


def drop_extras(request: Json) -> None:
    adapter: Adapter = GOOD
    place_extras(request, adapter, ABLE, policy=DROP)


COSTS: dict[str, tuple[Callable[[int], Json], Callable[[Any], object], int]] = {
    "documents of one name": (documents, lambda request: apply_repairs(request, ABLE), 100),
    "branches of a tool's root": (branches, lambda request: require_object_schemas(request, ABLE), 100),
    "required names of two branches": (required, lambda request: require_object_schemas(request, ABLE), 200),
    "unknown members": (unknown, drop_extras, 100),
    "faults with their places": (images, name_faults, 100),
}


@pytest.mark.parametrize("name", COSTS)
def test_four_times_the_parts_take_about_four_times_the_steps(name: str) -> None:
    make, run, count = COSTS[name]
    # In proportion to the square it would be sixteen times.
    few, many = make(count), make(4 * count)
    assert count_steps(lambda: run(many)) < 5 * count_steps(lambda: run(few))


def test_many_branches_about_one_property_do_not_end_in_a_recursion() -> None:
    each = [{"properties": {"p": {"maxLength": number}}} for number in range(600)]
    request = require_object_schemas(schema({"type": "object", "allOf": each}), ABLE).request
    root = request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
    assert len(root["properties"]["p"]["allOf"]) == 600
