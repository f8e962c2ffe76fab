"""What Converse refuses of messages: blank texts, roles that do not alternate, media where a model takes none.

The words are those of the reports that a comment names. Others are made like them.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, is_blank, member
from bedrock_flask.emulator.operations.check import FROM_MODEL, Check

_MEDIA = {"image": "images", "document": "documents", "video": "video", "audio": "audio"}
# AWS documents no underscore, and Bedrock takes it (aws-samples/generative-ai-use-cases#1671).
_DOCUMENT_NAME = re.compile(r"(?!.*  )[0-9A-Za-z_ ()\[\]-]+")
_MAX_DOCUMENTS = 5


def walk_messages(body: Json) -> Iterator[tuple[str, str, Json]]:
    """Each block of the messages with its path in Bedrock's notation and its role; a result's parts follow it."""
    for index, turn in enumerate(body.get("messages") or ()):
        for position, block in enumerate(turn["content"]):
            path = f"messages.{index}.content.{position}"
            yield path, turn["role"], block
            for place, part in enumerate(member(block, "toolResult", "content") or ()):
                yield f"{path}.toolResult.content.{place}", turn["role"], part


def _check_roles(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: langchain-ai/langchain-aws#130, Portkey-AI/gateway#748.
    roles = [turn["role"] for turn in body.get("messages") or ()]
    if not capabilities.any_turns and any(role == before for before, role in pairwise(roles)):
        yield (
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
            "between user and assistant roles and try again."
        )


def _check_text(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: LibreChat-AI/agents#501, OpenHands/OpenHands#5339; anomalyco/opencode#11210 for an empty message.
    blank = "The text field in the {} object at {} is blank. Add text to the text field, and try again."
    for index, block in enumerate(body.get("system") or ()):
        if "text" in block and is_blank(block["text"]):
            yield blank.format("SystemContentBlock", f"system.{index}")
    for index, turn in enumerate(body.get("messages") or ()):
        if not turn["content"]:
            yield (
                f"The content field in the Message object at messages.{index} is empty. Add a ContentBlock object to "
                "the content field and try again."
            )
    for path, _, block in walk_messages(body):
        if "text" in block and is_blank(block["text"]):
            yield blank.format("ToolResultContentBlock" if ".toolResult." in path else "ContentBlock", path)


def _check_media(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: anomalyco/opencode#49443. Nothing is known of documents and video inside a result.
    for path, role, block in walk_messages(body):
        for kind, capability in _MEDIA.items():
            misplaced = kind == "image" and ".toolResult." in path and not capabilities.media_in_results
            if kind == "document" and kind in block and not capabilities.documents:
                yield "This model doesn't support documents."
            elif kind in block and (role != "user" or misplaced or not getattr(capabilities, capability)):
                yield f"This model doesn't support the {kind} field for {role} messages. Remove {kind} and try again."


def _check_documents(body: Json, capabilities: Capabilities) -> Iterator[str]:
    documents = [(path, block["document"]) for path, _, block in walk_messages(body) if "document" in block]
    # Words: BerriAI/litellm#36499, archestra-ai/archestra#4220.
    for turn in body.get("messages") or ():
        if any("document" in block for block in turn["content"]) and not any(
            "text" in each for each in turn["content"]
        ):
            yield ("A text block must be included when using documents. Add a text block and retry your request.")
    # Words: simonw/llm-bedrock#8, vercel/ai#20365.
    if not all(_DOCUMENT_NAME.fullmatch(document["name"]) for _, document in documents):
        yield (
            "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, "
            "parentheses, and square brackets. The name can't contain more than one consecutive whitespace character. "
            "Check that the file name conforms to these restrictions and retry your request."
        )
    # Words: maximhq/bifrost#7003, ag-ui-protocol/ag-ui#2425.
    if len({document["name"] for _, document in documents}) < len(documents):
        yield "Messages can't contain duplicate document names. Rename the document and retry your request."
    # Words: aaif-goose/goose#1267. Whether those inside results count is not known.
    if sum(".toolResult." not in path for path, _ in documents) > _MAX_DOCUMENTS:
        yield (
            f"You can't include more than {_MAX_DOCUMENTS} documents in a request. Reduce the number of documents and "
            "retry your request."
        )
    # Words: maximhq/bifrost#7072.
    for path, document in documents:
        if {"text", "content"} & document["source"].keys() and not member(document, "citations", "enabled"):
            yield (
                f"DocumentSource object at {path}.document.source must set one of the following keys: bytes, "
                "s3Location."
            )


def _check_reasoning(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: langchain-ai/langchain-aws#401, zed-industries/zed#32341.
    for path, role, block in walk_messages(body):
        if "reasoningContent" not in block:
            continue
        text = member(block, "reasoningContent", "reasoningText")
        if role == "user" or not capabilities.reasoning_history:
            yield "User messages cannot contain reasoning content. Please remove the reasoning content and try again."
        elif text is not None and not text.get("signature") and capabilities.signs_reasoning:
            yield f"{FROM_MODEL}{path}.thinking.signature: Field required"


def _check_results(body: Json, capabilities: Capabilities) -> Iterator[str]:
    for path, _, block in walk_messages(body):
        if "toolResult" in block and not block["toolResult"]["content"] and capabilities.empty_results == "refused":
            yield (
                f"The content field in the ToolResultBlock object at {path}.toolResult is empty. Add a "
                "ToolResultContentBlock object to the content field and try again."
            )


def _check_inputs(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: vercel/ai#19023, and aws/aws-sdk-js-v3#7330 for the JSON of a result.
    for path, _, block in walk_messages(body):
        for place, holder, name in (("toolUse.input", block.get("toolUse"), "input"), ("json", block, "json")):
            if holder is not None and name in holder and not isinstance(holder[name], dict):
                yield (
                    f"The format of the value at {path}.{place} is invalid. Provide a json object for the field and "
                    "try again."
                )


def _check_stops(body: Json, capabilities: Capabilities) -> Iterator[str]:
    stops = member(body, "inferenceConfig", "stopSequences") or ()
    if not capabilities.blank_stops and any(map(is_blank, stops)):
        yield f"{FROM_MODEL}{BLANK_STOP}"


def check_native_stops(body: Json, capabilities: Capabilities) -> Iterator[str]:
    """The same rule for Claude's own body."""
    if not capabilities.blank_stops and any(map(is_blank, body.get("stop_sequences") or ())):
        yield BLANK_STOP


# Words: BerriAI/litellm#3286.
BLANK_STOP = "stop_sequences: each stop sequence must contain non-whitespace"

CHECKS: tuple[Check, ...] = (
    _check_text,
    _check_roles,
    _check_media,
    _check_documents,
    _check_reasoning,
    _check_results,
    _check_inputs,
    _check_stops,
)
