"""Which counters a gateway has: those of the box, or Redis and, while that is away, those of the box."""

from bedrock_flask.config.settings import Settings, has_limits
from bedrock_flask.errors import StartupError, StoreUnavailable
from bedrock_flask.governance.counters import Counters
from bedrock_flask.governance.counters.shared_memory import BOX
from bedrock_flask.governance.limits import Admission, Claim


def choose_counters(settings: Settings) -> Counters | None:
    """The counters of the settings; None where nobody has limits.

    Raises StartupError if they need a package that is not installed.
    """
    if not has_limits(settings):
        return None
    local = BOX.open().counters()
    if not settings.state_url:
        return local
    try:
        from bedrock_flask.governance.counters.redis import open_redis
    except ImportError:
        raise StartupError("Redis needs a package: pip install 'bedrock-flask[governance]'") from None
    shared = open_redis(settings.state_url)
    return with_fallback(shared, local) if settings.state_away == "local" else shared


def with_fallback(shared: Counters, local: Counters) -> Counters:
    """Counters that are those of the box while the shared ones are away."""

    def admit(claim: Claim) -> Admission:
        try:
            return shared.admit(claim)
        except StoreUnavailable:
            return local.admit(claim)._replace(is_local=True)

    def settle(claim: Claim, admission: Admission, used: int | None) -> None:
        (local if admission.is_local else shared).settle(claim, admission, used)

    def check() -> str:
        try:
            return shared.check()
        except StoreUnavailable:
            return "Redis does not answer: each machine holds the limits by itself"

    return Counters(admit, settle, check)
