"""No lie of Bedrock ends as a success, and none in silence; `make attack` tells all of them on every route."""

from collections.abc import Iterator

import pytest

from tests.attacks.endings import IMPATIENT
from tests.attacks.lied_calls import choose_calls, make_calls
from tests.attacks.lies import STREAM_LIES, WHOLE_LIES
from tests.attacks.lying_bedrock import SURFACES, LyingBedrock, run_lying_bedrock
from tests.attacks.routes import SURFACE_ROUTES
from tests.attacks.surface_documents import FORMS
from tests.doubles import StartGateway


@pytest.fixture(scope="module")
def bedrock() -> Iterator[LyingBedrock]:
    with run_lying_bedrock() as bedrock:
        yield bedrock


@pytest.mark.parametrize(("worker", "transport"), [("gthread", "boto"), ("gevent", "signed")])
def test_no_lie_is_a_success_or_silence(
    start_gateway: StartGateway, bedrock: LyingBedrock, worker: str, transport: str
) -> None:
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url,
        BEDROCK_FLASK_WORKER=worker,
        BEDROCK_FLASK_TRANSPORT=transport,
        **IMPATIENT,
    )
    calls = list(choose_calls())
    results = make_calls(gateway.url, calls)
    assert [str(call) for call in results if call.fault] == []
    lines = [line for line in gateway.lines() if line.get("message") == "request"]
    assert len(lines) >= len(calls)


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_no_lie_of_a_surface_is_a_success_or_silence(
    start_gateway: StartGateway, bedrock: LyingBedrock, worker: str
) -> None:
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock.url,
        AWS_ENDPOINT_URL_BEDROCK_MANTLE=bedrock.url,
        BEDROCK_FLASK_SURFACES=SURFACES,
        BEDROCK_FLASK_WORKER=worker,
        **IMPATIENT,
    )
    groups = [{name: route for name, route in SURFACE_ROUTES.items() if route.form == form} for form in FORMS]
    calls = [call for group in groups for call in choose_calls(group)]
    results = make_calls(gateway.url, calls)
    assert [str(call) for call in results if call.fault] == []
    assert "unexpected error" not in gateway.log.read_text()
    assert "123456789012" not in gateway.log.read_text()


def test_there_are_enough_lies() -> None:
    assert len(STREAM_LIES.keys() | WHOLE_LIES.keys()) > 116
