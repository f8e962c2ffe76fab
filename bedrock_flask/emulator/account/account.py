"""The record of the emulated account."""

from dataclasses import dataclass, field

from bedrock_flask.emulator.account.guardrail_policy import GuardrailPolicy
from bedrock_flask.emulator.account.jobs import AsyncJobs
from bedrock_flask.emulator.account.role_sessions import RoleSessions
from bedrock_flask.emulator.account.stored_responses import StoredResponses
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.replies.engine import ReplyEngine
from bedrock_flask.emulator.replies.queue import ReplyQueue
from bedrock_flask.models.catalogue import Catalogue
from bedrock_flask.models.registry import Registry

ACCOUNT_ID = "123456789012"


@dataclass(frozen=True, kw_only=True)
class EmulatedAccount:
    """The plugins, engine, scripted replies, models, asynchronous calls, guardrails and what the account has stored."""

    registry: Registry
    engine: EmulatorEngine
    replies: ReplyQueue
    catalogue: Catalogue
    jobs: AsyncJobs
    policy: GuardrailPolicy
    # Whether calls are refused by the models' capabilities.
    is_strict: bool = True
    responses: StoredResponses = field(default_factory=StoredResponses)
    sessions: RoleSessions = field(default_factory=RoleSessions)

    def make_engine(self, model: str) -> ReplyEngine:
        """Make the engine of one call to a model."""
        return ReplyEngine(self.replies, self.engine, model)
