"""The body of Converse: what it takes, and how it says where something is wrong."""

from typing import Any

import jsonschema
import pytest

from bedrock_flask.bodies import converse_body
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.fields import find_faults
from bedrock_flask.json_schema import to_json_schema

Json = dict[str, Any]
PUBLISHED = jsonschema.Draft202012Validator(to_json_schema(Body()))


def faulty(document: Json) -> list[str]:
    """The paths of the faults; the published JSON Schema agrees on whether there are any."""
    found = [fault.path for fault in find_faults(Body(), document)]
    assert PUBLISHED.is_valid(document) is not bool(found)
    return found


def body(**members: Any) -> Json:
    return {"messages": [{"role": "user", "content": [{"text": "hi"}]}], **members}


def saying(*blocks: Any) -> Json:
    return body(messages=[{"role": "user", "content": list(blocks)}])


IMAGE = {"format": "png", "source": {"bytes": "AAAA"}}
PDF = {"format": "pdf", "name": "Report 1", "source": {"bytes": "AAAA"}}
S3 = {"s3Location": {"uri": "s3://bucket/key", "bucketOwner": "123456789012"}}


@pytest.mark.parametrize(
    "block",
    [
        {"text": ""},
        {"image": IMAGE},
        {"image": {"format": "webp", "source": S3}},
        {"document": PDF},
        {"document": {"name": "n", "source": {"text": "x"}, "context": "c", "citations": {"enabled": True}}},
        {"document": {"name": "n", "source": {"content": [{"text": "x"}]}}},
        {"video": {"format": "three_gp", "source": S3}},
        {"audio": {"format": "x-aac", "source": {"bytes": "AAAA"}}},
        {"toolUse": {"toolUseId": "t.1:a", "name": "add", "input": {"a": None}}},
        {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "t", "content": []}},
        {
            "toolResult": {
                "toolUseId": "t",
                "content": [{"json": {}}, {"text": "x"}, {"image": IMAGE}, {"document": PDF}],
            }
        },
        {"toolResult": {"toolUseId": "t", "content": [], "status": "error", "type": "nova_grounding_result"}},
        {"guardContent": {"text": {"text": "x", "qualifiers": ["query"]}}},
        {"guardContent": {"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "S"}}},
        {"reasoningContent": {"redactedContent": "QUJD"}},
        {"citationsContent": {"content": [{"text": "x"}], "citations": [{"location": {"web": {"url": "u"}}}]}},
        {"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}], "citations": {"enabled": False}}},
        {"toolAddition": {"tool": {"type": "tool_reference", "name": "add"}}},
        {"toolRemoval": {"tool": {"name": "add", "serverName": "s"}}},
    ],
)
def test_every_block_of_the_service_model_is_taken(block: Json) -> None:
    assert faulty(saying(block)) == []


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({}, ""),
        ({"text": "x", "image": IMAGE}, ""),
        ({"hologram": {}}, ".hologram"),
        ({"text": 5}, ".text"),
        ({"text": None}, ".text"),
        ({"image": {**IMAGE, "format": "tiff"}}, ".image.format"),
        ({"image": {"format": "png"}}, ".image.source"),
        ({"image": {"format": "png", "source": {}}}, ".image.source"),
        ({"image": {"format": "png", "source": {"bytes": ""}}}, ".image.source.bytes"),
        ({"image": {"format": "png", "source": {"s3Location": {"uri": "x"}}}}, ".image.source.s3Location.uri"),
        ({"document": {**PDF, "name": "x" * 201}}, ".document.name"),
        ({"toolUse": {"toolUseId": "t", "name": "a b", "input": {}}}, ".toolUse.name"),
        ({"toolUse": {"toolUseId": "t" * 65, "name": "a", "input": {}}}, ".toolUse.toolUseId"),
        ({"toolUse": {"toolUseId": "t", "name": "a"}}, ".toolUse.input"),
        ({"toolResult": {"toolUseId": "t", "content": [{"text": "x"}, {"text": 5}]}}, ".toolResult.content[1].text"),
        ({"toolResult": {"toolUseId": "t", "content": "x"}}, ".toolResult.content"),
        ({"cachePoint": {}}, ".cachePoint.type"),
        ({"text": "x", "cachePoint": {"type": "default"}}, ""),
    ],
)
def test_a_wrong_block_is_refused_where_it_is_wrong(block: Json, path: str) -> None:
    assert faulty(saying({"text": "x"}, block)) == [f"messages[0].content[1]{path}"]


def test_an_unknown_block_is_named_as_unknown_and_its_neighbours_are_still_checked() -> None:
    [fault] = find_faults(Body(), saying({"hologram": {}}))
    assert fault.unknown
    found = find_faults(Body(), saying({"hologram": {}, "text": 5}))
    assert [(fault.path.rpartition(".")[2], fault.unknown) for fault in found] == [("text", False), ("hologram", True)]


def test_a_whole_request_is_taken() -> None:
    spec = {"name": "add", "description": "Adds.", "inputSchema": {"json": {"type": "object"}}, "strict": True}
    form = {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{}", "name": "n", "description": "d"}}}
    assert (
        faulty(
            body(
                system=[{"text": "S"}, {"cachePoint": {"type": "default"}}, {"guardContent": {"text": {"text": "x"}}}],
                inferenceConfig={"maxTokens": 1, "temperature": 0, "topP": 1, "stopSequences": ["END"]},
                toolConfig={
                    "tools": [
                        {"toolSpec": spec},
                        {"systemTool": {"name": "nova_grounding"}},
                        {"cachePoint": {"type": "default"}},
                    ],
                    "toolChoice": {"tool": {"name": "add"}},
                },
                guardrailConfig={
                    "guardrailIdentifier": "abc",
                    "guardrailVersion": "DRAFT",
                    "trace": "enabled_full",
                    "streamProcessingMode": "async",
                },
                additionalModelRequestFields={"top_k": 5},
                additionalModelResponseFieldPaths=["/stop_sequence"],
                promptVariables={"city": {"text": "Paris"}},
                requestMetadata={"team": "a b:_@$#=/+,-."},
                performanceConfig={"latency": "optimized"},
                serviceTier={"type": "flex"},
                outputConfig={"textFormat": form, "effort": "max"},
            )
        )
        == []
    )


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"system": [{"text": ""}]}, "system[0].text"),
        ({"system": "S"}, "system"),
        ({"inferenceConfig": {"maxTokens": 0}}, "inferenceConfig.maxTokens"),
        ({"inferenceConfig": {"temperature": "0.5"}}, "inferenceConfig.temperature"),
        ({"inferenceConfig": {"topK": 5}}, "inferenceConfig.topK"),
        ({"inferenceConfig": {"stopSequences": [""]}}, "inferenceConfig.stopSequences[0]"),
        ({"inferenceConfig": {"stopSequences": ["x"] * 2501}}, "inferenceConfig.stopSequences"),
        ({"toolConfig": {"tools": []}}, "toolConfig.tools"),
        ({"toolConfig": {}}, "toolConfig.tools"),
        ({"toolConfig": {"tools": [{"toolSpec": {"name": "a"}}]}}, "toolConfig.tools[0].toolSpec.inputSchema"),
        (
            {"toolConfig": {"tools": [{"systemTool": {"name": "a"}}], "toolChoice": {"none": {}}}},
            "toolConfig.toolChoice.none",
        ),
        ({"guardrailConfig": {"guardrailVersion": "1.0"}}, "guardrailConfig.guardrailVersion"),
        ({"additionalModelResponseFieldPaths": ["/x"] * 11}, "additionalModelResponseFieldPaths"),
        ({"additionalModelResponseFieldPaths": ["x"]}, "additionalModelResponseFieldPaths[0]"),
        ({"promptVariables": {"city": "Paris"}}, "promptVariables.city"),
        ({"requestMetadata": {"team": "x" * 257}}, "requestMetadata.team"),
        ({"requestMetadata": {str(n): "x" for n in range(17)}}, "requestMetadata"),
        ({"serviceTier": {}}, "serviceTier.type"),
        ({"outputConfig": {"effort": "huge"}}, "outputConfig.effort"),
        ({"modelId": "x"}, "modelId"),
        ({"stream": True}, "stream"),
    ],
)
def test_a_wrong_member_is_refused_where_it_is_wrong(members: Json, path: str) -> None:
    assert faulty(body(**members)) == [path]


def test_every_name_that_the_service_model_has_is_known_here() -> None:
    """Compared with the model that the installed botocore carries, so that an upgrade tells what AWS has added."""
    botocore_session = pytest.importorskip("botocore.session")
    service = botocore_session.get_session().get_service_model("bedrock-runtime")
    request = service.operation_model("ConverseStream").input_shape
    newer = {"projectIdentifier"}
    assert set(Body().fields) - newer == set(request.members) - {"modelId"} - newer
    assert set(converse_body.CONTENT) == set(service.shape_for("ContentBlock").members)
    for ours, theirs in {
        converse_body.ToolSpec: "ToolSpecification",
        converse_body.ToolConfig: "ToolConfiguration",
        converse_body.InferenceConfig: "InferenceConfiguration",
        converse_body.GuardrailConfig: "GuardrailStreamConfiguration",
        converse_body.OutputConfig: "OutputConfig",
        converse_body.ToolUseBlock: "ToolUseBlock",
        converse_body.ToolResultBlock: "ToolResultBlock",
        converse_body.DocumentBlock: "DocumentBlock",
        converse_body.ImageBlock: "ImageBlock",
        converse_body.VideoBlock: "VideoBlock",
        converse_body.AudioBlock: "AudioBlock",
        converse_body.SearchResultBlock: "SearchResultBlock",
        converse_body.CachePoint: "CachePointBlock",
        converse_body.Citation: "Citation",
        converse_body.ToolReference: "ToolReference",
        converse_body.JsonSchema: "JsonSchemaDefinition",
        converse_body.Message: "Message",
    }.items():
        shape = service.shape_for(theirs)
        assert set(ours().fields) == set(shape.members), theirs
        required = {name for name, field in ours().fields.items() if field.required}
        assert required == set(shape.required_members), theirs
    for values, theirs in {
        converse_body.IMAGE_FORMATS: "ImageFormat",
        converse_body.DOCUMENT_FORMATS: "DocumentFormat",
        converse_body.VIDEO_FORMATS: "VideoFormat",
        converse_body.AUDIO_FORMATS: "AudioFormat",
    }.items():
        assert set(values) == set(service.shape_for(theirs).enum)
