"""Kept answers in SQL: each claim, and each end of one, is a transaction."""

import json
from collections.abc import Sequence

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.replay_row import Answer, Claim, Ending, Holding
from bedrock_flask.governance.store.driver import Driver, Row, open_writer
from bedrock_flask.governance.stores import ReplayStore

# Milliseconds for which an answer is kept, and after which a worker that gave no sign of life is dead.
KEPT, _DEAD = 24 * 3_600_000, 30_000
_COLUMNS = ("id", "key", "token", "fingerprint", "worker", "request_id", "lost", "began", "expires")
# An id is free if it is not there, if its time is over, or if the worker of the same request has died or was too slow:
# then the row says which request was lost.
_CLAIM = (
    f"INSERT INTO replays ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)}) "  # noqa: S608 - names of columns
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS if name != 'lost')}, "
    "lost = CASE WHEN replays.expires <= :began THEN '' ELSE replays.request_id END, "
    "status = NULL, headers = NULL, body = NULL "
    "WHERE replays.expires <= :began OR (replays.status IS NULL AND replays.fingerprint = :fingerprint AND ("
    "replays.began < :oldest OR (replays.began < :alive AND replays.worker NOT IN "
    "(SELECT id FROM workers WHERE seen >= :alive))))"
)
_FIND = "SELECT token, fingerprint, request_id, lost, status, headers, body FROM replays WHERE id = :id"
_KEEP = (
    "UPDATE replays SET status = :status, headers = :headers, body = :body WHERE id = :id AND token = :token "
    "AND status IS NULL"
)
_FREE = "DELETE FROM replays WHERE id = :id AND token = :token AND status IS NULL"


def open_replay_store(url: DatabaseURL, pepper: ServerSecret, worker: str, longest: float) -> ReplayStore:
    """The kept answers of a database, for a worker whose requests take at most `longest` seconds."""
    transact = open_writer(url, pepper)
    return ReplayStore(
        claim=lambda claim: transact(_claim, claim, worker, int(longest * 1000)),
        end=lambda endings: transact(_end, endings),
    )


def _claim(driver: Driver, claim: Claim, worker: str, longest: int) -> Holding:
    now = driver.read_clock()
    row = {
        "id": claim.id,
        "key": claim.key,
        "token": claim.token,
        "fingerprint": claim.fingerprint,
        "worker": worker,
        "request_id": claim.request_id,
        "lost": "",
        "began": now,
        "expires": now + KEPT,
        "alive": now - _DEAD,
        "oldest": now - longest,
    }
    driver.run(_CLAIM, [row])
    [(token, fingerprint, request_id, lost, status, headers, body)] = driver.select(_FIND, {"id": claim.id})
    answer = None if status is None else Answer(status, json.loads(headers), None if body is None else bytes(body))
    return Holding(bytes(token), bytes(fingerprint), request_id, lost, answer)


def _end(driver: Driver, endings: Sequence[Ending]) -> None:
    names = [{"id": each.id, "token": each.token} for each in endings if each.answer is None]
    driver.run(_KEEP, [_make_row(each, each.answer) for each in endings if each.answer is not None])
    driver.run(_FREE, names)


def _make_row(ending: Ending, answer: Answer) -> Row:
    return {
        "id": ending.id,
        "token": ending.token,
        "status": answer.status,
        "headers": json.dumps(dict(answer.headers)),
        "body": answer.body,
    }
