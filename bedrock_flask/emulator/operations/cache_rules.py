"""What Converse refuses of cache points, for models that cache.

The words are those of the reports that a comment names.
"""

from collections.abc import Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.operations.check import FROM_MODEL, Check

# The words of AccessDeniedException for a model that does not cache.
UNCACHED = (
    "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more "
    "information."
)
_MAX_POINTS = 4
_MEDIA = frozenset({"image", "document", "video", "audio"})


def find_cache_points(body: Json) -> Iterator[tuple[str, Json, Json | None]]:
    """Each cache point with its path in Bedrock's notation and the block before it, in Bedrock's order."""
    turns = [(f"messages.{index}.content", turn["content"]) for index, turn in enumerate(body.get("messages") or ())]
    lists = [
        ("toolConfig.tools", member(body, "toolConfig", "tools") or ()),
        ("system", body.get("system") or ()),
        *turns,
    ]
    for path, content in lists:
        for index, block in enumerate(content):
            if "cachePoint" in block:
                yield f"{path}.{index}", block["cachePoint"], content[index - 1] if index else None


def _check_lifetime(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: earendil-works/pi#1570, archestra-ai/archestra#5696.
    if not capabilities.long_cache and any(point.get("ttl") == "1h" for _, point, _ in find_cache_points(body)):
        yield "Extended TTL prompt caching is only supported for Anthropic models"


def _check_places(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: danny-avila/LibreChat#13838, earendil-works/pi#2053; strands-agents/harness-sdk#3677;
    # anomalyco/opencode#36517; aws/aws-sdk-java-v2#6277.
    for path, _, before in find_cache_points(body) if capabilities.cache else ():
        kinds = before or {}
        refused = (
            (path.startswith("toolConfig.") and not capabilities.cache_tools)
            or ("toolResult" in kinds and not capabilities.cache_after_results)
            or (_MEDIA & kinds.keys() and not capabilities.cache_after_media)
        )
        if refused:
            yield (
                f"{FROM_MODEL}Malformed input request: #/{path.replace('.', '/')}: extraneous key [cachePoint] is not "
                "permitted, please reformat your input and try again."
            )
        elif before is None:
            yield "There is nothing available to cache. Please remove the invalid cache point and try again."
        elif "reasoningContent" in before:
            yield (
                "Cache point cannot be inserted after reasoning block. Please remove the invalid cache point and try "
                "again."
            )
        elif "document" in before and before["document"].get("format") != "pdf":
            yield f"{FROM_MODEL}{path}.type: Field required"


def _check_number(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: twentyhq/twenty#26217.
    number = len([*find_cache_points(body)])
    if capabilities.cache and number > _MAX_POINTS:
        yield (f"{FROM_MODEL}A maximum of {_MAX_POINTS} blocks with cache_control may be provided. Found {number}.")


CHECKS: tuple[Check, ...] = (_check_lifetime, _check_places, _check_number)
