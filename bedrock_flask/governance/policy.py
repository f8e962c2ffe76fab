"""The policy: what the calls of a team or a key may do, and what is added to them.

A principal has a chain of policies, and a call must satisfy each: an inner one cannot widen an outer one, nor replace
what it prescribes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.model_ids import matches

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one owner; None rules nothing, and an empty list allows nothing.

    owner        whose it is: `team 'acme'`
    models       patterns: a call's alias, the id that is called or the model's own id matches one
    dialects     the APIs that may be called, by their names
    regions      the AWS regions that may be called
    geographies  where a call may be served: the profile's (`eu`, `global`), or without a profile the region's
    networks     where requests may come from
    guardrail    `ID:VERSION`, the guardrail of every call
    tier         the service tier of every call
    metadata     request metadata of every call
    parameters   the sampling parameters of every call, by the names of PARAMETERS
    role         the ARN of the AWS role that is assumed for every call
    external_id  what that role wants to be given by those who assume it
    session_tags the names of tags that its session has, beside `team` and `key`
    most_tokens  the most tokens of an answer
    unknown      the names of rules that only a later release knows: nothing is allowed
    """

    owner: str = ""
    models: tuple[str, ...] | None = None
    dialects: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    geographies: tuple[str, ...] | None = None
    networks: tuple[str, ...] | None = None
    guardrail: str = ""
    tier: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    role: str = ""
    external_id: str = ""
    session_tags: tuple[str, ...] | None = None
    most_tokens: int | None = None
    unknown: tuple[str, ...] = ()


# What is prescribed as one value, and by names.
_SINGLE, _NAMED = ("guardrail", "tier"), ("metadata", "parameters")
# The most that each parameter may be; names are Converse's.
PARAMETERS: Mapping[str, float] = MappingProxyType({"temperature": 2, "topP": 1})
# Of each of these an inner policy may only say the same; a call does not show its role.
_FIXED = (*_SINGLE, "role", "external_id")
# The members that a policy may have.
RULES = tuple(each.name for each in fields(Policy) if each.name not in ("owner", "unknown"))


@dataclass(frozen=True, slots=True)
class Terms:
    """What a call is, as policies see it.

    policies     those of the caller that it must satisfy, the outermost first
    dialect      the API that it came by; None where any may be meant
    region       the region that is called; empty if that is not known
    names        the model's alias, the id that is called, and the model's own; empty for an operation on no model
    geographies  those any of which allows the call; empty if nobody can know where the model is served
    added        the policies of the model's alias, which are inner ones
    address      where the call comes from, for the networks of those; the caller's are checked before
    """

    policies: Sequence[Policy] = ()
    dialect: str | None = ""
    region: str = ""
    names: Sequence[str] = ()
    geographies: Sequence[str] = ()
    added: Sequence[Policy] = ()
    address: str = ""


# Of a call that no policy rules.
FREE_TERMS = Terms()


def read_policy(owner: str, document: Mapping[str, Any]) -> Policy:
    """The policy that a store has."""
    known = {name: _freeze(value) for name, value in document.items() if name in RULES}
    return Policy(owner=owner, **known, unknown=tuple(sorted(document.keys() - set(RULES))))


def _freeze(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def find_most_tokens(policies: Sequence[Policy]) -> tuple[str, int | None]:
    """The most tokens of an answer that all policies allow, and whose policy says so; None where none does."""
    limits = [(policy.most_tokens, policy.owner) for policy in policies if policy.most_tokens is not None]
    most, owner = min(limits, default=(None, ""))
    return owner, most


def prescribe(policies: Sequence[Policy]) -> dict[str, Any]:
    """What policies prescribe, by the names of the rules: of two that differ the outer one."""
    prescribed: dict[str, Any] = {}
    for policy in reversed(policies):
        prescribed |= {name: value for name in _SINGLE if (value := getattr(policy, name))}
        prescribed |= {
            name: {**prescribed.get(name, {}), **values} for name in _NAMED if (values := getattr(policy, name))
        }
    return prescribed


def describe_prescriptions(policies: Sequence[Policy]) -> str:
    """Who prescribes what, as a sentence for the caller."""
    rows = [
        f"{name} {getattr(policy, name)} ({policy.owner})"
        for policy in policies
        for name in _SINGLE
        if getattr(policy, name)
    ]
    rows += [
        f"{rule} {name}={value} ({policy.owner})"
        for policy in policies
        for rule in _NAMED
        for name, value in getattr(policy, rule).items()
    ]
    return f"Policies prescribe {', '.join(rows)}."


def describe_policy(policy: Policy) -> dict[str, Any]:
    """The rules of a policy and whose they are, as JSON has them."""
    rules = {name: getattr(policy, name) for name in RULES}
    return {"owner": policy.owner, **{name: value for name, value in rules.items() if value not in (None, "", {})}}


def find_refusal(terms: Terms) -> str:
    """Why a call is refused, in one sentence for its caller; empty if each policy allows it."""
    for policy in (*terms.policies, *terms.added):
        if words := next(_list_refusals(policy, terms), ""):
            return words
    return find_network_refusal(terms.added, terms.address) or _find_contradiction(terms)


def find_network_refusal(policies: Sequence[Policy], address: str) -> str:
    """Why a request from an address is refused; empty if each policy allows it."""
    for policy in policies:
        if policy.networks is not None and not is_within(address, map(parse_network, policy.networks)):
            return f"The {policy.owner} may not be used from {address or 'a socket'}."
    return ""


def find_widening(policy: Policy, outer: Sequence[Policy]) -> str:
    """What a policy would allow that one of the outer ones does not; empty if nothing."""
    for each in outer:
        for name, covers in _COVERS.items():
            inner, allowed = getattr(policy, name), getattr(each, name)
            if inner is None or allowed is None:
                continue
            if wider := [value for value in inner if not any(covers(one, value) for one in allowed)]:
                return f"{name} of the {each.owner} do not cover {', '.join(wider)}"
        if each.most_tokens is not None and (policy.most_tokens or 0) > each.most_tokens:
            return f"most_tokens of the {each.owner} are {each.most_tokens}"
        if replaced := _find_replaced(policy, each):
            return f"{replaced} of the {each.owner} cannot be replaced"
    return ""


def parse_network(text: str) -> Network:
    """A network such as `10.0.0.0/8`, or one address; ValueError for anything else."""
    return ip_network(text.strip())


def _list_refusals(policy: Policy, terms: Terms) -> Iterator[str]:
    if policy.unknown:
        yield f"The {policy.owner} has rules that this release of the gateway does not know."
    if terms.dialect is not None and not _allows(policy.dialects, terms.dialect):
        yield _explain(policy, "dialects", terms.dialect or "this address")
    if not _allows(policy.regions, terms.region):
        yield _explain(policy, "regions", terms.region or "a region that is not known: set BEDROCK_FLASK_REGION")
    if not terms.names:
        return
    if policy.models is not None and not any(matches(one, name) for one in policy.models for name in terms.names):
        yield _explain(policy, "models", terms.names[0])
    if policy.geographies is not None and not set(policy.geographies).intersection(terms.geographies):
        place = "/".join(terms.geographies) or f"a place that '{terms.names[0]}' does not tell"
        yield _explain(policy, "geographies", place)


def _find_contradiction(terms: Terms) -> str:
    """What an added policy prescribes, and one of the caller's otherwise: a call cannot satisfy both."""
    pairs = ((added, outer) for added in terms.added for outer in terms.policies)
    return next(
        (
            f"The policy of the {outer.owner} prescribes {replaced}, and that of the {added.owner} something else."
            for added, outer in pairs
            if (replaced := _find_replaced(added, outer))
        ),
        "",
    )


def _find_replaced(policy: Policy, outer: Policy) -> str:
    """What an outer policy prescribes that an inner one says otherwise."""
    for name in _FIXED:
        inner, own = getattr(policy, name), getattr(outer, name)
        if inner and own and inner != own:
            return f"{name} {own}"
    for rule in _NAMED:
        inner, own = getattr(policy, rule), getattr(outer, rule)
        for name, value in inner.items():
            if own.get(name, value) != value:
                return f"{rule} {name}={own[name]}"
    return ""


def _allows(allowed: Sequence[str] | None, value: str) -> bool:
    return allowed is None or value in allowed


def _explain(policy: Policy, rule: str, value: str) -> str:
    allowed = ", ".join(getattr(policy, rule)) or "nothing"
    return f"The policy of the {policy.owner} does not allow {value[:200]}: its {rule} are {allowed}."


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks; one of IPv4 may be written as IPv6 (`::ffff:10.0.0.1`)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    own = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(own in network for network in networks)


def _covers_network(outer: str, inner: str) -> bool:
    one, other = parse_network(outer), parse_network(inner)
    # Networks of the two kinds have none in common.
    return one.version == other.version and other.subnet_of(one)  # type: ignore[arg-type]


# Whether one value of an outer policy allows all that a value of an inner one does.
_COVERS: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        # A `*` of the inner pattern is matched by one of the outer.
        "models": matches,
        "dialects": str.__eq__,
        "regions": str.__eq__,
        "geographies": str.__eq__,
        "networks": _covers_network,
    }
)
