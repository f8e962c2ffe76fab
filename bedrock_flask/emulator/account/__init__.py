"""The emulated account: what lives as long as the emulator and is the same for all its callers."""

from dataclasses import dataclass

from bedrock_flask.emulator.account.catalogue import Catalogue
from bedrock_flask.emulator.account.guardrail_policy import Rule
from bedrock_flask.emulator.account.jobs import Jobs
from bedrock_flask.emulator.engines.replies import Replies
from bedrock_flask.models.registry import Registry


@dataclass(frozen=True, kw_only=True)
class EmulatedAccount:
    """Its plugins, what it is answered with, its models and profiles, its asynchronous calls, its guardrails' rule."""

    registry: Registry
    replies: Replies
    catalogue: Catalogue
    jobs: Jobs
    rule: Rule
