"""Who calls the admin API: the first authenticator that knows the credential says."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bedrock_flask.config.operators import ADMIN, list_roles
from bedrock_flask.config.settings import Settings
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import StartupError, Unauthenticated
from bedrock_flask.governance.operator import Operator, make_operator

if TYPE_CHECKING:
    from bedrock_flask.admin.login.views import Login

# The operator of a request; None if its credential is of another kind, or not known.
Authenticator = Callable[[Exchange], Operator | None]

_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


def list_authenticators(settings: Settings, login: "Login | None" = None) -> Sequence[Authenticator]:
    """All that these settings have, in the order in which they are tried."""
    return (make_key_authenticator(settings), *((login.authenticate,) if login else ()))


def open_login(settings: Settings) -> "Login | None":
    """The login of people, if the settings name its file."""
    if not settings.admin_login_file:
        return None
    try:
        from bedrock_flask.admin.login.login_file import read_login_file
        from bedrock_flask.admin.login.views import Login
    except ImportError:
        raise StartupError("BEDROCK_FLASK_ADMIN_LOGIN_FILE needs packages: pip install 'bedrock-flask[oidc]'") from None
    return Login(read_login_file(settings.admin_login_file))


def make_key_authenticator(settings: Settings) -> Authenticator:
    """Knows operators by the static keys of the settings."""

    def authenticate(exchange: Exchange) -> Operator | None:
        bearer = _BEARER.fullmatch(exchange.header("authorization"))
        name = settings.admin_keys.find_owner(bearer[1]) if bearer else None
        if name is None:
            return None
        return make_operator(f"key:{name}", list_roles(name, settings.admin_roles) or [ADMIN])

    return authenticate


def find_operator(exchange: Exchange, authenticators: Sequence[Authenticator]) -> Operator:
    """The operator of a request, or Unauthenticated."""
    for authenticate in authenticators:
        operator = authenticate(exchange)
        if operator is not None:
            return operator
    raise Unauthenticated("Send a key of BEDROCK_FLASK_ADMIN_KEYS as 'Authorization: Bearer SECRET', or log in.")
