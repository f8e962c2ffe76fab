"""What policies prescribe for a call, beside what the request says itself: a guardrail, a tier, metadata.

A request may say the same, and not another: that, and what the call cannot have, is refused before it is made.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bedrock_flask.bedrock.surfaces import SURFACES
from bedrock_flask.converse import Json
from bedrock_flask.errors import InvalidBody, PolicyRefused
from bedrock_flask.governance.policy import Policy, describe_prescriptions, prescribe
from bedrock_flask.translation import safeguards
from bedrock_flask.translation.safeguards import GUARDRAIL, GuardedRequest, find_lost

# The members that name a guardrail.
_NAMES = ("guardrailIdentifier", "guardrailVersion")


def find_prescribed(policies: Sequence[Policy]) -> Json:
    """What the policies prescribe, as members of a Converse request."""
    prescribed = prescribe(policies) if policies else {}
    members: Json = {}
    if guardrail := prescribed.get("guardrail"):
        identifier, _, version = guardrail.rpartition(":")
        members[GUARDRAIL] = dict(zip(_NAMES, (identifier, version), strict=True))
    if tier := prescribed.get("tier"):
        members["serviceTier"] = {"type": tier}
    if metadata := prescribed.get("metadata"):
        members["requestMetadata"] = metadata
    return members


def carry_prescribed(
    operation: str, body: bytes, headers: Mapping[str, str], members: Json, policies: Sequence[Policy]
) -> GuardedRequest:
    """The body and the headers of a call with its own safeguards, and with those that the policies prescribe."""
    prescribed = find_prescribed(policies)
    if not prescribed:
        return safeguards.carry(operation, body, headers, members)
    is_lost = GUARDRAIL in prescribed and bool(find_lost(SURFACES.get(operation), (GUARDRAIL,)))
    carry = _carry_unguarded if is_lost else safeguards.carry
    try:
        carried = carry(operation, body, headers, safeguards.combine(prescribed, members))
    except InvalidBody as error:
        # A fault of the request's own is named as such.
        safeguards.carry(operation, body, headers, members)
        raise PolicyRefused(f"{describe_prescriptions(policies)} This call cannot have that: {error.detail}.") from None
    if GUARDRAIL in prescribed and not is_lost and (loosening := next(_find_loosening(carried.body), "")):
        raise PolicyRefused(f"{describe_prescriptions(policies)} With it a request cannot have '{loosening}'.")
    return carried


def _carry_unguarded(operation: str, body: bytes, headers: Mapping[str, str], members: Json) -> GuardedRequest:
    """The body and the headers without the guardrail, which the gateway applies itself: the surface has none.

    Raises InvalidBody where the request names another one, or wants more of it than its verdict.
    """
    named = safeguards.combine(members, safeguards.read_headers(headers))
    guardrail = named.pop(GUARDRAIL)
    own = {name: value for name, value in headers.items() if name.lower() not in safeguards.HEADERS}
    beside = {name: value for name, value in guardrail.items() if name not in _NAMES}
    carried = safeguards.carry(operation, body, own, named | ({GUARDRAIL: beside} if beside else {}))
    return replace(carried, guardrail=":".join(guardrail[name] for name in _NAMES))


def reject_prescribed(policies: Sequence[Policy], operation: str) -> None:
    """Raise PolicyRefused if something is prescribed that a request has beside its body, which the operation lacks."""
    if find_prescribed(policies):
        raise PolicyRefused(f"{describe_prescriptions(policies)} {operation} takes none of it.")


def _find_loosening(body: bytes) -> Iterator[str]:
    """The members by which a request has its guardrail look at a part of it, or at an answer that is already sent.

    Sources: AWS user guide, "Use a guardrail with the Converse API" (`guardContent`), "Apply tags to user input to
    filter content" (`tagSuffix`), "Configure streaming response behavior" (asynchronous mode).
    """
    members: list[tuple[str, Any]] = []
    try:
        # Those of all objects, also of a name that is given twice.
        json.loads(body, object_pairs_hook=members.extend)
    except RecursionError:
        yield "members that are nested so deeply"
    except ValueError:
        # What is not JSON has no members.
        return
    yield from (name for name, _ in members if name in ("guardContent", "tagSuffix"))
    modes = (value for name, value in members if name == "streamProcessingMode")
    yield from ("streamProcessingMode" for mode in modes if str(mode).lower().startswith("async"))
