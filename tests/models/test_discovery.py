"""What the account is offered is read in the background, kept, and never in the way."""

from collections.abc import Callable

from bedrock_flask.bedrock.offers import Offer
from bedrock_flask.errors import UpstreamUnreachable
from bedrock_flask.models.discovery import Discovery

OFFER = Offer({})


class Later:
    """Runs what is to be run in the background when a test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_waits_for_the_first_reading() -> None:
    read: list[str] = []
    later = Later()

    def answer(region: str) -> Offer:
        read.append(region)
        return OFFER

    discovery = Discovery(answer, run=later, clock=Clock())
    assert discovery.find("eu-west-1").offer is None
    assert discovery.find("eu-west-1").offer is None
    assert read == []
    later.run()
    assert discovery.find("eu-west-1").offer is OFFER
    assert read == ["eu-west-1"]


def test_an_old_offer_is_served_while_it_is_read_again() -> None:
    later, clock = Later(), Clock()
    answers = [OFFER, Offer({}, ())]
    discovery = Discovery(lambda region: answers.pop(0), run=later, clock=clock)
    discovery.find("")
    later.run()
    clock.now += 6 * 3600
    assert discovery.find("").offer is OFFER
    later.run()
    assert discovery.find("").offer is not OFFER
    assert answers == []


def test_a_failure_keeps_the_last_offer_and_says_why() -> None:
    later, clock = Later(), Clock()
    answers: list[Offer | Exception] = [OFFER, UpstreamUnreachable("The network is down."), RuntimeError("secret")]

    def answer(region: str) -> Offer:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    discovery = Discovery(answer, run=later, clock=clock)
    discovery.find("")
    later.run()
    for seconds, problem in ((6 * 3600, "The network is down."), (900, "It failed: RuntimeError.")):
        clock.now += seconds
        discovery.find("")
        later.run()
        assert discovery.find("").offer is OFFER
        assert discovery.find("").problem == problem
    assert later.waiting == []


def test_without_a_thread_a_reading_is_attempted_again_later() -> None:
    later, clock, failures = Later(), Clock(), [RuntimeError("can't start new thread")]

    def run(function: Callable[[], None]) -> None:
        if failures:
            raise failures.pop()
        later(function)

    discovery = Discovery(lambda region: OFFER, run=run, clock=clock)
    assert discovery.wait("", 10).problem == "It failed: can't start new thread."
    discovery.find("")
    assert later.waiting == []
    clock.now += 900
    discovery.find("")
    later.run()
    assert discovery.find("").offer is OFFER


def test_a_list_may_wait_for_the_first_reading() -> None:
    assert Discovery(lambda region: OFFER).wait("", 10).offer is OFFER
    assert Discovery(lambda region: OFFER, run=Later()).wait("", 0.01).offer is None


def test_without_it_nothing_is_read() -> None:
    assert Discovery().wait("", 10).offer is None
    assert "BEDROCK_FLASK_DISCOVERY" in Discovery().find("").problem


def test_what_is_known_of_invented_regions_is_bounded() -> None:
    read: list[str] = []

    def answer(region: str) -> Offer:
        read.append(region)
        return OFFER

    discovery = Discovery(answer, run=lambda function: function(), clock=Clock())
    for number in range(100):
        discovery.find(f"region-{number}")
    assert read == [f"region-{number}" for number in range(100)]
    discovery.find("region-99")
    assert len(read) == 100
    discovery.find("region-0")
    assert read[100:] == ["region-0"]
