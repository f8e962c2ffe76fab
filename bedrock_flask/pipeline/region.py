"""The AWS region of a call: what the caller names, as far as the operator allows it, and else the gateway's own."""

from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.signatures import find_signed_region
from bedrock_flask.errors import RegionNotAllowed


def choose_region(exchange: Exchange, named: str = "", *, is_alias: bool = False) -> str:
    """The region of a call; empty for the gateway's own.

    `named` is the region of the alias, of which the operator has decided, or of the ARN that the request names: AWS
    serves an ARN in its own region only. Else the region of the signature decides if the operator lists it. Raises
    RegionNotAllowed if the operator lists regions, and not this one.
    """
    if is_alias and named:
        return named
    state, own = exchange.state, find_own_region(exchange)
    listed = state.settings.regions
    if named:
        of_aliases = {alias.region for alias in state.models.aliases.values()}
        if listed and named not in {*listed, *of_aliases, own}:
            raise _make_error(named, "the ARN", listed)
        return named
    signed = find_signed_region(exchange)
    if signed in ("", own) or not listed:
        return ""
    if signed not in listed:
        raise _make_error(signed, "the signature", listed)
    return signed


def expect_region(exchange: Exchange) -> str:
    """The region of a call that names none otherwise, by which a profile is chosen; `choose_region` may refuse it."""
    signed = find_signed_region(exchange)
    return signed if signed in exchange.settings.regions else find_own_region(exchange)


def find_own_region(exchange: Exchange) -> str:
    """The region of the gateway's settings; empty if only botocore knows it."""
    return exchange.state.models.region


def _make_error(region: str, source: str, listed: tuple[str, ...]) -> RegionNotAllowed:
    return RegionNotAllowed(f"'{region[:50]}', the region of {source}, is not one of {', '.join(listed)}.")
