"""LiteLLM's guardrails: those of Bedrock by their names, and what is left of all."""

from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_flask.litellm.config_file import read_list, read_mapping
from bedrock_flask.litellm.left import Left


def read_guardrails(config: Mapping[str, Any]) -> Mapping[str, str]:
    """The guardrails of Bedrock, as `ID:VERSION`, by their names."""
    named = {name: _format(params) for name, params in _list_guardrails(config)}
    return {name: guardrail for name, guardrail in named.items() if guardrail}


def format_guardrail(config: Mapping[str, Any]) -> str:
    """A guardrail of Bedrock as `ID:VERSION`; empty if either is missing."""
    parts = [str(config.get(name, "")) for name in ("guardrailIdentifier", "guardrailVersion")]
    return ":".join(parts) if all(parts) else ""


def list_left_guardrails(config: Mapping[str, Any]) -> Iterator[Left]:
    """The guardrails that no key brings along: those of all calls, and those of other makers."""
    for name, params in _list_guardrails(config):
        if not (guardrail := _format(params)):
            yield Left(f"guardrail {name}", "the guardrail", "only Bedrock's guardrails are applied", opens=True)
        elif params.get("default_on"):
            nearest = f"bedrock-flask teams policy TEAM guardrail={guardrail}"
            yield Left(f"guardrail {name}", "default_on", "a guardrail belongs to a team or a key", nearest, opens=True)


def _list_guardrails(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row in map(read_mapping, read_list(config.get("guardrails"))):
        yield str(row.get("guardrail_name")), read_mapping(row.get("litellm_params"))


def _format(params: Mapping[str, Any]) -> str:
    return format_guardrail(params) if params.get("guardrail") == "bedrock" else ""
