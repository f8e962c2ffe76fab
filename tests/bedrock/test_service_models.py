"""The facts about operations, errors and stop reasons are those of AWS's own service models."""

import re
from functools import cache
from typing import Any

import botocore.session
import pytest

from bedrock_flask.bedrock.errors import ERRORS, find_error
from bedrock_flask.bedrock.operations import AGENTS, CONTROL, MODEL_ROUTES, OPERATIONS, RUNTIME, STREAMING
from bedrock_flask.bedrock.stop_reasons import STOP_REASONS
from bedrock_flask.errors import BEDROCK_ERRORS
from bedrock_flask.wires.anthropic import TO_CLAUDE
from bedrock_flask.wires.openai_chat.response_writer import FINISH


@cache
def service_model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_that_of_the_service_model(name: str) -> None:
    operation = OPERATIONS[name]
    model = service_model(operation.service).operation_model(name)
    assert (operation.method, operation.path) == (model.http["method"], model.http["requestUri"])
    assert (
        not operation.streaming or service_model(RUNTIME).operation_model(operation.streaming).has_event_stream_output
    )
    documented = set(re.findall(r"bedrock:\w+", model.documentation))
    assert operation.action.startswith("bedrock:") or name == "InvokeGuardrailChecks"
    assert not documented or operation.action in documented


def test_every_operation_of_the_runtime_is_listed_but_for_the_bidirectional_stream() -> None:
    known = {name for name, operation in OPERATIONS.items() if operation.service == RUNTIME}
    assert known == {*service_model(RUNTIME).operation_names} - {"InvokeModelWithBidirectionalStream"}
    assert {operation.service for operation in OPERATIONS.values()} == {RUNTIME, CONTROL, AGENTS}


def test_operations_on_a_model_have_their_routes_below_it() -> None:
    assert {*STREAMING, *STREAMING.values(), "CountTokens"} == MODEL_ROUTES.keys()
    assert MODEL_ROUTES["ConverseStream"] == "/converse-stream"


def test_every_error_of_the_service_model_is_listed_with_its_status_and_members() -> None:
    model = service_model(RUNTIME)
    shapes = {name: model.shape_for(name) for name in model.shape_names}
    exceptions = {name: shape for name, shape in shapes.items() if getattr(shape, "metadata", {}).get("exception")}
    assert exceptions
    for name, shape in exceptions.items():
        assert ERRORS[name].status == shape.metadata["error"]["httpStatusCode"]
        assert {"message", *ERRORS[name].members} == set(shape.members)


@pytest.mark.parametrize(
    ("operation", "shape"),
    [("InvokeModelWithResponseStream", "ResponseStream"), ("ConverseStream", "ConverseStreamOutput")],
)
def test_a_stream_may_carry_the_errors_that_its_model_has(operation: str, shape: str) -> None:
    members = service_model(RUNTIME).shape_for(shape).members
    modelled = {name for name in members if name.endswith("Exception")}
    assert {error.stream_name for error in ERRORS.values() if operation in error.streams} == modelled


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_found_by_either_spelling(name: str) -> None:
    assert find_error(name) is find_error(ERRORS[name].stream_name) is ERRORS[name]


def test_an_unknown_error_is_not_found() -> None:
    assert find_error("") is find_error("NoSuchException") is None


def test_the_gateway_answers_every_error_with_a_status_of_its_own() -> None:
    assert BEDROCK_ERRORS.keys() == ERRORS.keys()


def test_the_stop_reasons_are_those_of_the_service_model() -> None:
    assert list(STOP_REASONS) == service_model(RUNTIME).shape_for("StopReason").enum


def test_every_stop_reason_has_a_name_in_the_formats_of_anthropic_and_openai() -> None:
    assert TO_CLAUDE.keys() == FINISH.keys() == set(STOP_REASONS)
