"""How LiteLLM names models of Bedrock: `bedrock/converse/us-east-1/ID`, with parts that say how and where it is called.

Source: LiteLLM 1.110.2, `llms/bedrock/common_utils.py` and `llms/bedrock/base_aws_llm.py`.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.bedrock.model_ids import REGION
from bedrock_flask.models.registry import Registry

_PROVIDERS = ("bedrock", "bedrock_converse", "bedrock_mantle")
# Parts that choose an API of AWS, which the gateway does by itself.
_ROUTES = ("async_invoke", "chat_completions", "converse", "converse_like", "invoke", "mantle", "openai")
# Parts that name the format of a model of the account's own, and the adapter that has it here.
_FORMATS = MappingProxyType({"llama": "llama", "deepseek_r1": "deepseek-r1", "nova": "nova", "nova-2": "nova"})
_ELSEWHERE = MappingProxyType(
    {"agent": "an agent", "agentcore": "AgentCore", "claude_platform": "the Claude Platform on AWS"}
)
_COMMITMENT = re.compile(r"\d+-months?-commitment")


@dataclass(frozen=True)
class ModelName:
    """A name in its parts: the id or ARN that AWS reads, and what else it says, or why it is not carried over."""

    id: str
    region: str = ""
    adapter: str = ""
    refusal: str = ""


def split_name(name: str, provider: str, registry: Registry) -> ModelName:
    """The parts of a name; `provider` is what a deployment says beside it."""
    first, slash, rest = name.partition("/")
    if slash and first in _PROVIDERS:
        return _split(rest)
    own = registry.strip_profile_prefix(name).partition(".")[0]
    if provider in _PROVIDERS or name.startswith("arn:aws") or own in registry.providers:
        return _split(name)
    return ModelName(name, refusal=f"{name[:100]} is not a model of Amazon Bedrock")


def _split(rest: str) -> ModelName:
    region = adapter = ""
    while "/" in rest and not rest.startswith("arn:"):
        part, _, rest = rest.partition("/")
        if part in _ELSEWHERE:
            return ModelName(rest, refusal=f"{_ELSEWHERE[part]} is not called by this gateway")
        if re.fullmatch(REGION, part, re.ASCII):
            region = part
        elif part in _FORMATS:
            adapter = _FORMATS[part]
        elif part not in _ROUTES and part not in _PROVIDERS and not _COMMITMENT.fullmatch(part):
            return ModelName(rest, refusal=f"the part {part[:50]}/ of its name is not known")
    return ModelName(rest, region, adapter)
