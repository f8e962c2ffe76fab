"""How the row of a call ends that ends in an unusual way."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from sqlalchemy import text

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.call import WHOLE, Batch, Call, Chunk, Handler, Reply, Stream
from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.server_secret import ServerSecret, parse_server_secret
from bedrock_flask.errors import CredentialsError
from bedrock_flask.governance.governance import Governance
from bedrock_flask.governance.ledger import Ledger
from bedrock_flask.governance.store import schema
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.ledger import open_ledger_store
from bedrock_flask.guards.ledgered import ledgered
from bedrock_flask.models.loading import load_registry
from bedrock_flask.prices.pricer import Pricer
from tests.databases import PEPPER

Send = Callable[[Call], Any]
NOVA = "amazon.nova-lite-v1:0"


@pytest.fixture
def pepper() -> ServerSecret:
    return parse_server_secret(PEPPER)


@pytest.fixture
def database(database_address: str, pepper: ServerSecret) -> DatabaseURL:
    url = parse_database_url(database_address)
    schema.upgrade(url, pepper)
    return url


@pytest.fixture
def ledger(database: DatabaseURL, pepper: ServerSecret) -> Ledger:
    return Ledger(open_ledger_store(database, pepper))


def guard(ledger: Ledger, send: Send) -> Handler:
    # Nobody is looked up.
    others: Any = {"principals": None, "read_usage": None}
    return ledgered(Governance(**others, ledger=ledger, pricer=Pricer()))(Handler(send, send))


def make_call() -> Call:
    adapter = load_registry().generic
    return Call(adapter=adapter, operation="Converse", model=NOVA, body=b'{"maxTokens": 9}', billed_as=NOVA)


def read_row(ledger: Ledger, database: DatabaseURL) -> Any:
    ledger.close()
    with begin(database, writes=False) as connection:
        return connection.execute(text("SELECT * FROM ledger")).one()


def test_a_tier_that_no_database_takes_is_written_without_it(ledger: Ledger, database: DatabaseURL) -> None:
    """Postgres has no zero in a text: one row that cannot be written would hold up all others."""

    def send(call: Call) -> Reply:
        call.record.attempts, call.record.outcome, call.record.tier = 1, WHOLE, "a\0b\ud800"
        call.record.model, call.record.usage = NOVA, Usage(3, 4)
        return Reply({}, b"{}")

    guard(ledger, send).send(make_call())
    row = read_row(ledger, database)
    assert (row.state, row.tier, row.input_tokens) == ("EST", "ab?", 3)


def test_a_stream_that_nobody_reads_is_settled(ledger: Ledger, database: DatabaseURL) -> None:
    def batches() -> Generator[Batch]:
        yield [Chunk("chunk", b"{}")]

    def send_stream(call: Call) -> Stream:
        call.record.attempts = 1
        return Stream({}, batches())

    guard(ledger, send_stream).send_stream(make_call()).batches.close()
    row = read_row(ledger, database)
    assert (row.state, row.cost, row.error) == ("CANCELLED", row.reserved, "client_left")


def test_a_call_that_did_not_reach_bedrock_is_free(ledger: Ledger, database: DatabaseURL) -> None:
    def send(call: Call) -> Reply:
        raise CredentialsError()

    with pytest.raises(CredentialsError):
        guard(ledger, send).send(make_call())
    row = read_row(ledger, database)
    assert (row.state, row.cost, row.error) == ("FREE", 0, "gateway_credentials")
