"""What Bedrock refuses of a schema by which it constrains an answer or the input of a strict tool, in its words."""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.bedrock.json_schemas import describe_refusals
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.operations.check import FROM_MODEL, Check
from bedrock_flask.protocol import json as strict


def _check_native_schemas(body: Json, capabilities: Capabilities) -> Iterator[str]:
    if not capabilities.closed_schemas:
        return
    for index, tool in enumerate(body.get("tools") or ()):
        if tool.get("strict"):
            yield from (f"tools.{index}.custom: {words}" for words in describe_refusals(tool.get("input_schema")))
    schema = member(body, "output_config", "format", "schema")
    yield from (f"output_config.format.schema: {words}" for words in describe_refusals(schema))


def _check_schemas(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: AgentToolkit/altk-boost#118.
    for index, tool in enumerate(member(body, "toolConfig", "tools") or ()):
        spec = tool.get("toolSpec") or {}
        if spec.get("strict") and capabilities.closed_schemas:
            words = describe_refusals(member(spec, "inputSchema", "json"), is_closed=capabilities.closed_tools)
            yield from (f"{FROM_MODEL}tools.{index}.custom: {each}" for each in words)
    if form := member(body, "outputConfig", "textFormat"):
        schema = _parse(member(form, "structure", "jsonSchema", "schema"))
        if schema is None:
            yield "The schema of outputConfig.textFormat is not a JSON object."
        elif capabilities.closed_schemas:
            yield from (f"{FROM_MODEL}output_config.format.schema: {each}" for each in describe_refusals(schema))


def _parse(text: Any) -> Json | None:
    try:
        schema = strict.parse(text.encode())
    except (AttributeError, strict.MalformedJSON):
        return None
    return schema if isinstance(schema, dict) else None


NATIVE_CHECKS: tuple[Check, ...] = (_check_native_schemas,)
CHECKS: tuple[Check, ...] = (_check_schemas,)
