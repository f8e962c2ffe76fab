"""LiteLLM's `config.yaml`: YAML, whose texts may name variables of the environment."""

from collections.abc import Mapping
from typing import Any

from bedrock_flask.errors import StartupError

_REFERENCE = "os.environ/"


def parse_config(text: str, path: str) -> Mapping[str, Any]:
    """The document; StartupError if it is not a mapping in YAML."""
    try:
        import yaml
    except ImportError:
        raise StartupError("PyYAML is not installed: pip install 'bedrock-flask[governance]'") from None
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        # The message of an error has text of the file in it, which may be a secret.
        mark = getattr(error, "problem_mark", None)
        place = f": line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StartupError(f"{path} is not YAML{place}") from None
    if not isinstance(document, dict):
        raise StartupError(f"{path} is not a configuration of LiteLLM: it has no members")
    return {str(name): value for name, value in document.items()}


def resolve(value: Any, environ: Mapping[str, str]) -> str:
    """The text of a value; of one such as `os.environ/NAME` that of the variable, empty where it is not set."""
    text = "" if value is None else str(value)
    return environ.get(text.removeprefix(_REFERENCE), "") if text.startswith(_REFERENCE) else text


def read_mapping(value: Any) -> Mapping[str, Any]:
    """A member that is a mapping; an empty one for anything else."""
    return {str(name): each for name, each in value.items()} if isinstance(value, dict) else {}


def read_list(value: Any) -> list[Any]:
    """A member that is a list; an empty one for anything else."""
    return value if isinstance(value, list) else []
