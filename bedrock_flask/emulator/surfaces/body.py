"""The body of a call to a surface: what it must be for any model, in the words of OpenAI's and Anthropic's APIs."""

from collections.abc import Collection
from typing import Any

from bedrock_flask.bedrock.surfaces import Surface
from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.request import EmulatorRequest, parse_body
from bedrock_flask.errors import FieldError
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.protocol.json import MalformedJSON, parse

# The words of `fields` for what the APIs have words of their own for.
_REQUIRED, _UNKNOWN = "is required", "is not a known field"
_PYDANTIC = {_REQUIRED: "Field required", _UNKNOWN: "Extra inputs are not permitted"}


def read_model(body: bytes) -> str:
    """The model that a body names; empty if it names none that can be read."""
    try:
        model = parse(body)["model"]
    except (MalformedJSON, KeyError, TypeError):
        return ""
    return model if isinstance(model, str) else ""


def read_openai_body(request: EmulatorRequest, schema: Schema, *, beside: Collection[str] = ()) -> Json:
    """A body of OpenAI's formats; an EmulatedError for the first fault of it, whose path is the error's `param`.

    The schema need not know the members `beside`.
    """
    document = parse_body(request.body)
    for fault in request.keep_refused(find_faults(schema, _leave_out(document, beside))):
        raise _make_openai_error(fault)
    read: Json = document
    return read


def _leave_out(document: Any, names: Collection[str]) -> Any:
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name not in names}


def _make_openai_error(fault: FieldError) -> EmulatedError:
    if fault.message.startswith(_UNKNOWN):
        return refuse(f"Unknown parameter: '{fault.path}'.", fault.path, "unknown_parameter")
    if fault.message == _REQUIRED:
        return refuse(f"Missing required parameter: '{fault.path}'.", fault.path, "missing_required_parameter")
    return refuse(f"Invalid value for '{fault.path}': {fault.message}.", fault.path or None, "invalid_value")


def read_anthropic_body(request: EmulatorRequest, schema: Schema, *, beside: Collection[str] = ()) -> Json:
    """A body of Anthropic's format without the members `beside`; an EmulatedError for the first fault of it."""
    document = _leave_out(parse_body(request.body), beside)
    for fault in request.keep_refused(find_faults(schema, document)):
        path = fault.path.replace("[", ".").replace("]", "")
        words = _PYDANTIC.get(fault.message.partition(";")[0], fault.message)
        raise validation_error(f"{path}: {words}" if path else words)
    read: Json = document
    return read


def refuse(message: str, param: str | None, code: str = "") -> EmulatedError:
    """The error for a parameter, as OpenAI's APIs write it."""
    return EmulatedError("ValidationException", message, param=param, code=code)


def check_project(request: EmulatorRequest, surface: Surface) -> None:
    """Raise an EmulatedError for a project that the endpoint does not have; on bedrock-mantle every project exists."""
    project = request.headers.get("openai-project", "")
    if not surface.projects and project not in ("", "default") and not project.endswith(":project/default"):
        raise EmulatedError(
            "ResourceNotFoundException", f"Only the default project is supported on this endpoint, not '{project}'."
        )
