"""Patterns of Bedrock model ids: `*` stands for any characters, and the longest pattern that fits wins."""


def matches(pattern: str, model: str) -> bool:
    """Whether the id fits the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == model
    *middle, last = rest
    if len(model) < len(first) + len(last) or not model.startswith(first) or not model.endswith(last):
        return False
    # Each part at the first place where it stands: no later place could help the parts after it.
    at, end = len(first), len(model) - len(last)
    for part in middle:
        at = model.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def patterns_overlap(left: str, right: str) -> bool:
    """Whether some id fits both patterns."""
    if "*" not in left:
        return matches(right, left)
    if "*" not in right:
        return matches(left, right)
    # Between their ends both take anything, one after the other: only the ends can disagree.
    starts, ends = (
        (left.partition("*")[0], right.partition("*")[0]),
        (left.rpartition("*")[2], right.rpartition("*")[2]),
    )
    return _one_begins(*starts) and _one_begins(*(end[::-1] for end in ends))


def _one_begins(left: str, right: str) -> bool:
    return left.startswith(right) or right.startswith(left)
