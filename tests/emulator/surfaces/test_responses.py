"""OpenAI's package, unmodified, at the emulator's responses as at those of AWS."""

from typing import Any

import openai
import pydantic
import pytest

from tests.doubles import Emulator
from tests.emulator.surfaces.conftest import FRONTIER, MANTLE, MANTLE_OPENAI, OPEN, PROFILE, RUNTIME

SERVED = {
    "runtime/responses": (RUNTIME, PROFILE),
    "mantle/responses": (MANTLE, OPEN),
    "mantle/openai/responses": (MANTLE_OPENAI, FRONTIER),
}
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ENCRYPTED: Any = ["reasoning.encrypted_content"]
each_surface = pytest.mark.parametrize("surface", SERVED)


class Answer(pydantic.BaseModel):
    city: str
    degrees: int


@each_surface
def test_a_response_comes_whole(openai_client: Any, called: Any, surface: str) -> None:
    path, model = SERVED[surface]
    response = openai_client(path).responses.create(model=model, input="Name three colours.", instructions="Be brief.")
    assert "Name three colours." in response.output_text
    assert (response.status, response.store, response.model) == ("completed", True, model)
    assert response.instructions == "Be brief."
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0
    assert called() == [surface]


@each_surface
def test_a_response_comes_as_events_that_are_numbered_without_a_gap(openai_client: Any, surface: str) -> None:
    path, model = SERVED[surface]
    events = list(openai_client(path).responses.create(model=model, input="Name three colours.", stream=True))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text
    assert len({event.response.id for event in events if hasattr(event, "response")}) == 1


@each_surface
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_tool_is_called_and_the_conversation_goes_on_from_the_stored_response(
    openai_client: Any, surface: str, streamed: bool
) -> None:
    path, model = SERVED[surface]
    client = openai_client(path)
    asked: dict[str, Any] = {"model": model, "input": "Weather?", "tools": [TOOL], "tool_choice": "required"}
    if streamed:
        with client.responses.stream(**asked) as stream:
            first = stream.get_final_response()
    else:
        first = client.responses.create(**asked)
    [call] = [item for item in first.output if item.type == "function_call"]
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}]
    second = client.responses.create(model=model, input=output, previous_response_id=first.id, tools=[TOOL])
    assert "21 degrees" in second.output_text
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens


@each_surface
def test_an_answer_satisfies_a_schema(openai_client: Any, surface: str) -> None:
    path, model = SERVED[surface]
    parsed = openai_client(path).responses.parse(model=model, input="Weather?", text_format=Answer)
    assert isinstance(parsed.output_parsed, Answer)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_encrypted_reasoning_comes_where_it_is_asked_for_and_can_be_sent_back(
    openai_client: Any, streamed: bool
) -> None:
    client = openai_client(MANTLE_OPENAI)
    asked: dict[str, Any] = {"model": FRONTIER, "reasoning": {"effort": "high"}, "store": False}

    def create(**members: Any) -> Any:
        if not streamed:
            return client.responses.create(**asked, **members)
        with client.responses.stream(**asked, **members) as stream:
            return stream.get_final_response()

    plain = create(input="Think.")
    assert [item.type for item in plain.output] == ["reasoning", "message"]
    assert (plain.output[0].summary, plain.output[0].encrypted_content) == ([], None)
    response = create(input="Think.", include=ENCRYPTED)
    reasoning = response.output[0]
    assert reasoning.encrypted_content
    history = [
        {"role": "user", "content": "Think."},
        *(item.model_dump(exclude_none=True) for item in response.output),
        {"role": "user", "content": "Go on."},
    ]
    assert create(input=history, include=ENCRYPTED).status == "completed"


def test_a_summary_of_the_reasoning_comes_where_it_is_asked_for(openai_client: Any) -> None:
    create = openai_client(MANTLE_OPENAI).responses.create
    asked: dict[str, Any] = {"model": FRONTIER, "input": "Think.", "reasoning": {"effort": "high", "summary": "auto"}}
    assert create(**asked).output[0].summary[0].text
    kinds = {event.type for event in create(**asked, stream=True)}
    assert "response.reasoning_summary_text.delta" in kinds
    assert "reasoning_summary" not in str({event.type for event in create(model=FRONTIER, input="Hi", stream=True)})


def test_reasoning_that_another_service_encrypted_is_refused(openai_client: Any) -> None:
    item: Any = {"type": "reasoning", "summary": [], "encrypted_content": "bf1.W10="}
    with pytest.raises(openai.BadRequestError, match="could not be verified") as raised:
        openai_client(MANTLE).responses.create(model=OPEN, input=[item, {"role": "user", "content": "Hi"}])
    assert (raised.value.code, raised.value.param) == ("invalid_encrypted_content", "input[0].encrypted_content")


# --- stored responses -------------------------------------------------------------------------------------------------


@each_surface
def test_a_stored_response_can_be_retrieved_and_deleted(openai_client: Any, surface: str) -> None:
    path, model = SERVED[surface]
    client = openai_client(path)
    response = client.responses.create(model=model, input="Hi")
    assert client.responses.retrieve(response.id).output_text == response.output_text
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(response.id)
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.responses.retrieve(response.id)


def test_what_is_not_stored_cannot_be_continued(openai_client: Any) -> None:
    client = openai_client(MANTLE)
    response = client.responses.create(model=OPEN, input="Hi", store=False)
    assert response.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=OPEN, input="And?", previous_response_id=response.id)


def test_the_other_endpoint_does_not_know_a_stored_response(openai_client: Any) -> None:
    response = openai_client(MANTLE_OPENAI).responses.create(model=FRONTIER, input="Hi")
    with pytest.raises(openai.NotFoundError):
        openai_client(RUNTIME).responses.create(model=PROFILE, input="And?", previous_response_id=response.id)


def test_a_response_that_fails_is_not_stored(openai_client: Any) -> None:
    client = openai_client(MANTLE)
    events = list(client.responses.create(model=OPEN, input="[[error modelStreamErrorException after 3]]", stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.error.code == "server_error"
    assert events[-1].sequence_number == len(events) - 1
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(events[-1].response.id)


# --- refusals ---------------------------------------------------------------------------------------------------------

SEARCH = {"tools": [{"type": "web_search"}]}
REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "background on runtime": ("runtime/responses", {"background": True}, "not supported", "background"),
    "background on mantle": ("mantle/responses", {"background": True}, "does not imitate", "background"),
    "web search on runtime": ("runtime/responses", SEARCH, "is not supported for model", "tools[0].type"),
    "web search that is required": (
        "mantle/openai/responses",
        {**SEARCH, "tool_choice": "required"},
        "does not imitate",
        "tools[0]",
    ),
    "web search that is chosen": (
        "mantle/openai/responses",
        {**SEARCH, "tool_choice": {"type": "web_search"}},
        "does not imitate",
        "tools[0]",
    ),
    "a conversation": ("mantle/responses", {"conversation": "conv_1"}, "does not imitate", "conversation"),
    "too small a limit": (
        "runtime/responses",
        {"max_output_tokens": 8},
        "Expected a value >= 16, but got 8",
        "max_output_tokens",
    ),
    "temperature": ("runtime/responses", {"temperature": 0}, "Only the default", "temperature"),
    "an effort": (
        "mantle/responses",
        {"reasoning": {"effort": "xhigh"}},
        "Supported values are: 'low', and 'high'",
        "reasoning.effort",
    ),
    "an unknown member": ("mantle/responses", {"guardrailConfig": {}}, "Unknown parameter", "guardrailConfig"),
    "no input": ("mantle/responses", {"input": None}, "input", "input"),
}


def test_a_tool_that_runs_on_the_server_may_be_left_unused(openai_client: Any) -> None:
    """Codex offers a search of the web with every request."""
    path, model = SERVED["mantle/openai/responses"]
    client = openai_client(path)
    weather: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    offered: Any = [*SEARCH["tools"], weather]
    assert client.responses.create(model=model, input="Hi", tools=SEARCH["tools"]).output_text
    called = client.responses.create(model=model, input="Hi", tools=offered, tool_choice="required")
    assert [item.name for item in called.output if item.type == "function_call"] == ["weather"]
    assert [tool.type for tool in called.tools] == ["web_search", "function"]


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_with_its_path(openai_client: Any, case: str) -> None:
    surface, members, words, param = REFUSED[case]
    path, model = SERVED[surface]
    with pytest.raises(openai.BadRequestError, match=words) as raised:
        openai_client(path).post("/responses", body={"model": model, "input": "Hi", **members}, cast_to=object)
    assert raised.value.param == param


def test_a_model_must_be_named_also_to_go_on(openai_client: Any) -> None:
    client = openai_client(MANTLE)
    response = client.responses.create(model=OPEN, input="Hi")
    with pytest.raises(openai.BadRequestError, match="'model'"):
        client.responses.create(input="And?", previous_response_id=response.id)


def test_runtime_has_no_project_but_the_default_one(openai_client: Any) -> None:
    for project in ("default", "arn:aws:bedrock-mantle:us-east-1:123456789012:project/default"):
        assert openai_client(RUNTIME, project=project).responses.create(model=PROFILE, input="Hi").output_text
    with pytest.raises(openai.NotFoundError, match="default project"):
        openai_client(RUNTIME, project="proj_other").responses.create(model=PROFILE, input="Hi")
    assert openai_client(MANTLE, project="proj_other").responses.create(model=OPEN, input="Hi").output_text


def test_an_application_profile_is_refused_on_runtime(openai_client: Any) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    with pytest.raises(openai.BadRequestError, match="Application inference profiles are not supported"):
        openai_client(RUNTIME).responses.create(model=arn, input="Hi")


def test_a_scripted_reply_is_written_in_the_format(openai_client: Any, surfaces: Emulator) -> None:
    assert surfaces.post("/_emulator/replies", {"text": "It rains.", "times": 1}).ok
    assert openai_client(MANTLE).responses.create(model=OPEN, input="Weather?").output_text == "It rains."
