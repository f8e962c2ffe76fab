"""The bodies of the admin API and its answers as schemas: their members; the directory decides about their values."""

from bedrock_flask.config.limits import MOST
from bedrock_flask.fields import Anything, Integer, List, Nested, Number, Object, Schema, String

_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T"
_YEAR = 31_536_000


class Policy(Schema):
    """What calls may do, and what is added to them; null removes a rule."""

    models = List(String(), allow_none=True, description="Patterns of ids and aliases.")
    dialects = List(String(), allow_none=True, description="The APIs that may be called.")
    regions = List(String(), allow_none=True, description="The AWS regions that may be called.")
    geographies = List(String(), allow_none=True, description="Where a call may be served, such as `eu` or `global`.")
    networks = List(String(), allow_none=True, description="Where requests may come from.")
    most_tokens = Integer(allow_none=True, description="The most tokens of an answer.")
    guardrail = String(allow_none=True, description="ID:VERSION, the guardrail of every call.")
    tier = String(allow_none=True, description="The service tier of every call.")
    metadata = Object(String(allow_none=True), allow_none=True, description="Request metadata of every call.")
    role = String(allow_none=True, description="The ARN of the AWS role in whose session every call is made.")
    external_id = String(allow_none=True, description="What that role wants to be given by those who assume it.")
    session_tags = List(
        String(), allow_none=True, description="Names of tags that its sessions have beside `team` and `key`."
    )
    parameters = Object(
        Number(allow_none=True), allow_none=True, description="`temperature` and `topP` of every call of a text model."
    )


class ModelLimits(Schema):
    """Limits of calls of one model; null removes one."""

    requests = Integer(min=0, max=MOST, allow_none=True, description="The most requests a minute.")
    tokens = Integer(min=0, max=MOST, allow_none=True, description="The most tokens a minute.")
    calls = Integer(min=0, max=MOST, allow_none=True, description="The most calls at a time.")


class Limits(ModelLimits):
    """Limits of calls of all models, and of single ones."""

    models = Object(Nested(ModelLimits, allow_none=True), allow_none=True, description="By adapter or pattern of ids.")


class Budget(Schema):
    """What may be spent in a period."""

    usd = String(description="US dollars, such as `250.50`.")
    unpriced = List(String(), allow_none=True, description="Models that may be called though they have no price.")
    warn_at = List(Integer(min=1, max=100), allow_none=True, description="Per cent at which a warning is sent.")


class Budgets(Schema):
    """Budgets by their period; null removes one."""

    day = Nested(Budget, allow_none=True)
    week = Nested(Budget, allow_none=True)
    month = Nested(Budget, allow_none=True)


class Rules(Schema):
    """What a team or a key is changed to, as a JSON Merge Patch (RFC 7396)."""

    policy = Nested(Policy, allow_none=True, description="What calls may do, and what is added to them.")
    limits = Nested(Limits, allow_none=True, description="How often, how much and how many at a time it may call.")
    budgets = Nested(Budgets, allow_none=True, description="A budget for each of `day`, `week` and `month`.")
    tags = Object(String(allow_none=True), allow_none=True, description="Each call has them in the ledger.")


class NewTeam(Rules):
    """A team that is to be created."""

    team = String(required=True, description="Its name.")
    parent = String(allow_none=True, description="The team above it.")


class NewKey(Rules):
    """A key that is to be created."""

    name = String(required=True, description="Its name within the team.")
    expires = String(pattern=_TIME, allow_none=True, description="The time after which it is not valid.")


class Rotation(Schema):
    """How a key is rotated."""

    overlap = Integer(
        min=0, max=_YEAR, description="Seconds for which the secrets before stay valid; by default 86400."
    )


class Team(Schema):
    """A team."""

    team = String(required=True)
    parent = String(required=True, allow_none=True)
    policy = Nested(Policy, required=True)
    limits = Nested(Limits, required=True)
    budgets = Nested(Budgets, required=True)
    tags = Object(String(), required=True)
    created = String(required=True)
    revoked = String(required=True, allow_none=True)


class Secret(Schema):
    """A secret of a key, of which only the id is known."""

    id = String(required=True, description="Also the AWS access key id.")
    created = String(required=True)
    expires = String(required=True, allow_none=True)
    revoked = String(required=True, allow_none=True)


class Key(Schema):
    """A key."""

    key = String(required=True, description="TEAM/NAME")
    team = String(required=True)
    name = String(required=True)
    policy = Nested(Policy, required=True)
    limits = Nested(Limits, required=True)
    budgets = Nested(Budgets, required=True)
    tags = Object(String(), required=True)
    created = String(required=True)
    expires = String(required=True, allow_none=True)
    revoked = String(required=True, allow_none=True)
    secrets = List(Nested(Secret), required=True)


class KeyText(Schema):
    """A new secret in the forms in which clients present it; it is shown once."""

    api_key = String(required=True, description="For Bearer and `x-api-key`.")
    aws_access_key_id = String(required=True)
    aws_secret_access_key = String(required=True)


class CreatedKey(Key):
    """A key and its new secret."""

    secret = Nested(KeyText, required=True)


class Teams(Schema):
    """A page of teams."""

    teams = List(Nested(Team), required=True)
    next = String(required=True, allow_none=True, description="The parameter `after` of the next page.")


class Keys(Schema):
    """A page of keys."""

    keys = List(Nested(Key), required=True)
    next = String(required=True, allow_none=True, description="The parameter `after` of the next page.")


class AuditRow(Schema):
    """A change."""

    id = String(required=True)
    at = String(required=True)
    who = String(required=True)
    action = String(required=True)
    object = String(required=True)
    before = Anything(required=True, description="The row before it; null for what was created.")
    after = Anything(required=True)


class Audit(Schema):
    """A page of the audit log."""

    rows = List(Nested(AuditRow), required=True)
    next = String(required=True, allow_none=True, description="The parameter `after` of the next page.")


class Spent(Schema):
    """A budget, and what is spent of it in this period."""

    period = String(required=True)
    start = String(required=True)
    end = String(required=True)
    usd = String(required=True, description="The budget in US dollars.")
    spent = String(required=True)
    reserved = String(required=True, description="For calls that have not ended.")
    unpriced = List(String(), required=True)
    warn_at = List(Integer(), required=True, description="Per cent at which a warning is sent.")


class Spending(Schema):
    """What is spent of each budget."""

    budgets = List(Nested(Spent), required=True)


class UsageRow(Schema):
    """The calls of a group that have ended and are billed."""

    group = Object(String(), required=True, description="The value of each thing that calls are summed up by.")
    calls = Integer(required=True)
    input_tokens = Integer(required=True)
    output_tokens = Integer(required=True)
    cache_read_tokens = Integer(required=True)
    cache_write_tokens = Integer(required=True)
    cost_usd = String(required=True)
    estimated = Integer(required=True, description="How many of them have a cost that is estimated.")
    unpriced = Integer(required=True, description="How many have none, because no price is known.")


class Usage(Schema):
    """What was used."""

    usage = List(Nested(UsageRow), required=True)


class Me(Schema):
    """The operator who asks."""

    name = String(required=True)
    roles = List(String(), required=True)
    teams = List(String(), required=True, description="The teams that it owns.")
