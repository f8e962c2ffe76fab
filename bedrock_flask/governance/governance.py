"""Governance as one record: what the gateway asks while it serves."""

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bedrock_flask.bedrock.surfaces import API_KEY_VARIABLE
from bedrock_flask.config.settings import Settings
from bedrock_flask.config.webhook import decode_webhook_secret
from bedrock_flask.errors import StartupError, StoreUnavailable
from bedrock_flask.governance.ledger import Ledger
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.principals import Principals
from bedrock_flask.governance.replays import Replays
from bedrock_flask.governance.stores import UsageReader
from bedrock_flask.prices.pricer import Pricer

if TYPE_CHECKING:
    from bedrock_flask.governance.budget_watch import BudgetWatch
    from bedrock_flask.governance.workloads.workloads import Workloads

LOG = logging.getLogger("bedrock_flask.gateway")
# Seconds; for the second the start waits for a database that is away.
_MOMENT, _PATIENCE = 60.0, 2.0


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
    if os.environ.get(API_KEY_VARIABLE):
        _warn_of_roles(settings)
    is_durable = settings.ledger == "durable"
    watch = _open_watch(settings) if settings.webhook_url else None
    ledger = Ledger(open_ledger_store(database, pepper, flushes=is_durable), watch, is_durable=is_durable)
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


def _warn_of_roles(settings: Settings) -> None:
    """Warn of teams and keys whose role cannot be assumed, because the gateway's own credential is an API key."""
    from bedrock_flask.governance.store.directory import Directory
    from bedrock_flask.governance.store.engine import begin

    # Where the database is away, their calls are refused all the same.
    with suppress(StartupError), begin(settings.database_url, writes=False, patience=_PATIENCE) as connection:
        if owners := [session.owner for session in Directory(connection, "").list_role_sessions()]:
            LOG.warning(
                "%s is set, with which no role is assumed: calls of %s fail", API_KEY_VARIABLE, ", ".join(owners)
            )


def _open_watch(settings: Settings) -> "BudgetWatch":
    try:
        from bedrock_flask.governance.budget_watch import BudgetWatch
        from bedrock_flask.governance.webhook import Webhook
    except ImportError:
        raise StartupError("BEDROCK_FLASK_WEBHOOK_URL needs a package: pip install requests") from None
    from bedrock_flask.governance.store.budget_warnings import open_warning_store

    webhook = Webhook(settings.webhook_url, decode_webhook_secret(settings.webhook_secret))
    watch = BudgetWatch(open_warning_store(settings.database_url, settings.key_pepper), webhook)
    watch.start()
    return watch
