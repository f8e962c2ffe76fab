"""Governance as one record: what the gateway asks while it serves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import StartupError, StoreUnavailable
from bedrock_flask.governance.ledger import Ledger
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.principals import Principals
from bedrock_flask.governance.replays import Replays
from bedrock_flask.governance.stores import UsageReader
from bedrock_flask.prices.pricer import Pricer

if TYPE_CHECKING:
    from bedrock_flask.governance.workloads.workloads import Workloads

# Seconds.
_MOMENT = 60.0


@dataclass(frozen=True)
class Governance:
    """What a database gives the gateway.

    principals  the callers by the secrets that they present
    ledger      has a row for each call that AWS bills
    pricer      computes what that costs
    read_usage  reads what a key has used
    workloads   the callers by the tokens of issuers; None where no issuer is trusted
    replays     keeps the answers of requests with an idempotency key; None if the settings keep none
    """

    principals: Principals
    ledger: Ledger
    pricer: Pricer
    read_usage: UsageReader
    workloads: "Workloads | None" = None
    replays: Replays | None = None

    def find_caller(self, text: str) -> Principal | None:
        """The caller that presents a key or a token; None if it is unknown."""
        if self.workloads is not None and self.workloads.recognises(text):
            return self.workloads.find(text)
        return self.principals.find(text)


def open_governance(settings: Settings, pricer: Pricer) -> Governance | None:
    """Governance by the database of the settings; None without one, and then no driver is imported.

    Raises StartupError for a database with another schema or pepper. One that is away is tried again while serving.
    """
    if not settings.database_url:
        return None
    from bedrock_flask.governance.store.key_store import open_key_store
    from bedrock_flask.governance.store.ledger import open_ledger_store
    from bedrock_flask.governance.store.replays import open_replay_store
    from bedrock_flask.governance.store.usage import open_usage_reader

    database, pepper = settings.database_url, settings.key_pepper
    principals = Principals(open_key_store(database, pepper), pepper)
    try:
        principals.refresh()
    except StoreUnavailable as error:
        if isinstance(error.__cause__, StartupError):
            raise error.__cause__ from None
    is_durable = settings.ledger == "durable"
    ledger = Ledger(open_ledger_store(database, pepper, flushes=is_durable), is_durable=is_durable)
    ledger.start()
    # A request takes at most its deadline, and a moment.
    store = open_replay_store(database, pepper, ledger.worker, settings.deadline + _MOMENT)
    replays = Replays(store, settings.replay_max_bytes) if settings.replay_max_bytes else None
    workloads = _open_workloads(settings.issuers_file, principals) if settings.issuers_file else None
    return Governance(principals, ledger, pricer, open_usage_reader(database, pepper), workloads, replays)


def _open_workloads(path: str, principals: Principals) -> "Workloads":
    try:
        from bedrock_flask.governance.workloads.workloads import open_workloads
    except ImportError:
        raise StartupError("BEDROCK_FLASK_ISSUERS_FILE needs a package: pip install 'bedrock-flask[oidc]'") from None
    return open_workloads(path, principals.find_owner)
