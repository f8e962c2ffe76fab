"""The report of an import: what is carried over, what is there already, and what is left, item by item."""

from collections.abc import Iterable, Iterator, Sequence

from bedrock_flask.governance.limits import describe_limits
from bedrock_flask.litellm.deployments import Entry
from bedrock_flask.litellm.left import Left
from bedrock_flask.litellm.owners import Owners
from bedrock_flask.litellm.rules import Rules


def write_report(
    entries: Sequence[Entry], owners: Owners, present: Sequence[str], left: Sequence[Left]
) -> Iterator[str]:
    """The lines of a report."""
    carried = [*map(_describe_entry, entries), *_describe_owners(owners)]
    yield from _write("Carried over:", carried)
    yield from _write("Here already, and not changed:", present)
    opening = [each for each in left if each.opens]
    yield from _write("Not carried over, and more is allowed here without it:", _describe(opening))
    yield from _write("Not carried over:", _describe(each for each in left if not each.opens))


def _write(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield heading
        yield from (f"  {line}" for line in lines)


def _describe(left: Iterable[Left]) -> list[str]:
    return list(dict.fromkeys(each.describe() for each in left))


def _describe_entry(entry: Entry) -> str:
    return f"model {entry.name}: {entry.called}{f' in {entry.region}' if entry.region else ''}"


def _describe_owners(owners: Owners) -> Iterator[str]:
    for team in owners.teams:
        below = f" below {team.parent}" if team.parent else ""
        yield f"team {team.name}{below}{_describe_rules(team.rules, is_blocked=team.is_blocked)}"
    for key in owners.keys:
        yield f"key {key.team}/{key.name}{_describe_rules(key.rules, is_blocked=key.is_blocked)}"


def _describe_rules(rules: Rules, *, is_blocked: bool) -> str:
    """The rules in words; of tags the names only."""
    parts = [f"{name} {','.join(value) if isinstance(value, list) else value}" for name, value in rules.policy.items()]
    if rules.limits:
        parts.append(describe_limits(rules.limits))
    parts += [f"{each['usd']} USD a {each['period']}" for each in rules.budgets]
    if rules.tags:
        parts.append(f"tags {','.join(rules.tags)}")
    if is_blocked:
        parts.append("revoked, because it is blocked")
    return f": {'; '.join(parts)}" if parts else ""
