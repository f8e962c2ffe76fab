"""Answers that are kept by idempotency keys in both databases: an id has one claim, which ends once."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.replay_row import Answer, Claim, Ending, Holding, make_claim
from bedrock_flask.governance.replays import Replays
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.ledger import open_ledger_store
from bedrock_flask.governance.store.replays import KEPT, open_replay_store
from bedrock_flask.governance.stores import CommitInDoubt, ReplayStore

CALLER = Principal("a/b", "a", ("a",), "secret")
ANSWER = Answer(200, {"content-type": "text/plain", "x-a": "1"}, b"\x00four")
LONGEST, PATIENCE = 100.0, 30


@pytest.fixture
def store(database: DatabaseURL, pepper: ServerSecret) -> ReplayStore:
    return open_replay_store(database, pepper, "w", LONGEST)


def claim_key(request_id: str = "r", fingerprint: bytes = b"f", caller: Principal = CALLER) -> Claim:
    return make_claim(caller, "k", fingerprint, request_id)


def let_pass(database: DatabaseURL, seconds: int) -> None:
    """Let the time pass for the claims, of which the worker gives no sign of life."""
    with begin(database) as connection:
        passed = f"began = began - {seconds}000, expires = expires - {seconds}000"
        connection.execute(text(f"UPDATE replays SET {passed}"))


def count(database: DatabaseURL) -> int:
    with begin(database, writes=False) as connection:
        return int(connection.execute(text("SELECT count(*) FROM replays")).scalar_one())


def test_an_id_is_held_until_its_answer_and_then_answered(store: ReplayStore) -> None:
    first, second = claim_key("first"), claim_key("second")
    assert store.claim(first) == Holding(first.token, b"f", "first", "", None)
    assert store.claim(second) == Holding(first.token, b"f", "first", "", None)
    # One that holds nothing ends nothing.
    store.end([Ending(second.id, second.token, ANSWER), Ending(second.id, second.token, None)])
    assert store.claim(second).answer is None
    store.end([Ending(first.id, first.token, ANSWER)])
    store.end([Ending(first.id, first.token, None), Ending(first.id, first.token, replace(ANSWER, status=500))])
    assert store.claim(second) == Holding(first.token, b"f", "first", "", ANSWER)
    assert store.claim(claim_key("third", b"other")).fingerprint == b"f"
    for caller in (replace(CALLER, key="a/c"), replace(CALLER, team="b"), Principal("a/b")):
        other = claim_key(caller=caller)
        assert store.claim(other).token == other.token


def test_one_that_is_given_up_is_free(database: DatabaseURL, store: ReplayStore) -> None:
    first, second = claim_key("first"), claim_key("second", b"other")
    store.claim(first)
    store.end([Ending(first.id, first.token, None)])
    assert count(database) == 0
    assert store.claim(second) == Holding(second.token, b"other", "second", "", None)


def test_of_many_claims_one_holds(database: DatabaseURL, pepper: ServerSecret) -> None:
    stores = [open_replay_store(database, pepper, f"w{number}", LONGEST) for number in range(4)]
    claims = [claim_key(str(number)) for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(lambda each: stores[int(each.request_id) % 4].claim(each), claims))
    assert len({holding.token for holding in held}) == 1


def test_a_claim_ends_with_its_worker(database: DatabaseURL, pepper: ServerSecret, store: ReplayStore) -> None:
    ledger = open_ledger_store(database, pepper)
    first, second = claim_key("first"), claim_key("second")
    store.claim(first)
    ledger.beat("w")
    let_pass(database, 31)
    # The worker lives, and has the time that a request may take.
    assert store.claim(second).token == first.token
    ledger.leave("w")
    assert store.claim(claim_key("other", b"other")).token == first.token
    assert store.claim(second) == Holding(second.token, b"f", "second", "first", None)
    store.end([Ending(first.id, first.token, ANSWER)])
    assert store.claim(claim_key("third")) == Holding(second.token, b"f", "second", "first", None)


def test_a_claim_of_a_worker_that_lives_ends_too(
    database: DatabaseURL, pepper: ServerSecret, store: ReplayStore
) -> None:
    open_ledger_store(database, pepper).beat("w")
    store.claim(claim_key("first"))
    let_pass(database, 99)
    assert store.claim(claim_key("second")).request_id == "first"
    let_pass(database, 2)
    assert store.claim(claim_key("second")).lost == "first"


def test_an_answer_is_kept_for_a_day(database: DatabaseURL, pepper: ServerSecret, store: ReplayStore) -> None:
    first, second = claim_key("first"), claim_key("second", b"other")
    store.claim(first)
    store.end([Ending(first.id, first.token, ANSWER)])
    let_pass(database, KEPT // 1000 - 10)
    assert store.claim(first).answer == ANSWER
    let_pass(database, 10)
    assert store.claim(second) == Holding(second.token, b"other", "second", "", None)
    store.end([Ending(second.id, second.token, ANSWER)])
    ledger = open_ledger_store(database, pepper)
    ledger.reap(30_000)
    assert count(database) == 1
    let_pass(database, KEPT // 1000)
    ledger.reap(30_000)
    assert count(database) == 0


def test_a_claim_in_doubt_is_given_up(database: DatabaseURL, store: ReplayStore) -> None:
    ended = threading.Event()

    def claim_and_lose(claim: Claim) -> Holding:
        store.claim(claim)
        raise CommitInDoubt()

    def end(endings: Sequence[Ending]) -> None:
        store.end(endings)
        ended.set()

    with pytest.raises(StoreUnavailable):
        Replays(ReplayStore(claim_and_lose, end), 10).claim(claim_key())
    assert ended.wait(PATIENCE)
    assert count(database) == 0


def test_the_end_of_a_claim_waits_for_the_database(store: ReplayStore) -> None:
    tried: list[int] = []
    ended = threading.Event()

    def end(endings: Sequence[Ending]) -> None:
        tried.append(len(endings))
        if len(tried) == 4:
            raise ValueError("the thread goes on")
        if len(tried) < 5:
            raise StoreUnavailable()
        store.end(endings)
        ended.set()

    replays = Replays(replace(store, end=end), 4)
    large, small = make_claim(CALLER, "large", b"f", "l"), make_claim(CALLER, "small", b"f", "s")
    replays.claim(large)
    replays.claim(small)
    replays.keep(large, ANSWER)
    replays.keep(small, replace(ANSWER, body=b"four"))
    assert ended.wait(PATIENCE)
    assert store.claim(large).answer == replace(ANSWER, body=None)
    assert store.claim(small).answer == replace(ANSWER, body=b"four")
