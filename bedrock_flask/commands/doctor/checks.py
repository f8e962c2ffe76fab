"""The doctor's checks. Each is a generator that yields findings and returns the facts with what it has found out."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bedrock_flask.bedrock import iam
from bedrock_flask.bedrock.offers import Offer
from bedrock_flask.bedrock.surfaces import MANTLE, MODEL_LIST, find_endpoints
from bedrock_flask.call import Call
from bedrock_flask.commands.database import read_directory
from bedrock_flask.commands.doctor.report import FAIL, OK, WARN, Finding
from bedrock_flask.commands.doctor.smallest_call import choose_way, make_smallest_call
from bedrock_flask.config import settings
from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.settings import NO_KEYS, Settings, has_keys
from bedrock_flask.diagnostics.account import AwsAccount, Probe
from bedrock_flask.diagnostics.configuration import BEARER, RUNTIME, redact_url
from bedrock_flask.diagnostics.model_access import find_problem, suggest_nearest
from bedrock_flask.errors import BedrockError, GatewayError, RoleNotAssumed, StartupError
from bedrock_flask.guards.completed import completed
from bedrock_flask.models import load, loading
from bedrock_flask.models.lifecycle import describe_end, find_lifecycle, find_today
from bedrock_flask.models.listing import is_offered, is_on_mantle, list_surfaces
from bedrock_flask.models.registry import Registry
from bedrock_flask.models.resolver import Model, Models
from bedrock_flask.pipeline.surfaces import explain_unserved
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown

# AWS refuses a SigV4 request whose time is further off ("Troubleshooting Signature Version 4").
MAX_SKEW, SKEW_WARNING = 300, 60
_CLOCK_HINT = "AWS refuses requests that are more than 300 s off: synchronise this machine's clock (NTP)"
_DENIED = "AccessDeniedException"
# IAM's words for a refusal that a policy's Deny causes.
_EXPLICIT_DENY = "explicit deny"
_HINTS = {
    _DENIED: "add the missing IAM statement below, or request access to the model for this account",
    "ExpiredTokenException": "the session has expired: log in again, or use a role",
    "UnrecognizedClientException": "the access key does not exist: it is mistyped, deleted, or of another partition",
    "InvalidSignatureException": "the secret access key does not match the access key, or the clock is wrong",
    "SignatureDoesNotMatch": "the secret access key does not match the access key, or the clock is wrong",
    "ResourceNotFoundException": "the id is mistyped, or the model is not in this region",
    "ThrottlingException": "the account's quota is used up or is zero: check Service Quotas",
    "FTUFormNotFilled": "submit the model's use case form in the Bedrock console",
}
# The value of a fact that no check has found. It is typed Any so that each fact has the type that a check sees.
_UNKNOWN: Any = object()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The command's arguments and what the checks found out; a check only reads the facts that its row in CHECKS needs.

    `endpoints` are URLs by region, `skews` the seconds by which the clocks of the endpoints that answer are ahead.
    """

    environ: Mapping[str, str]
    seconds: float
    names: tuple[str, ...] = ()
    settings: Settings = _UNKNOWN
    registry: Registry = _UNKNOWN
    models: Models = _UNKNOWN
    regions: tuple[str, ...] = _UNKNOWN
    endpoints: Mapping[str, str] = _UNKNOWN
    credentials: str = _UNKNOWN
    account_number: str = ""
    skews: Mapping[str, float | None] = _UNKNOWN
    access: Mapping[str, Offer] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether a check has found this fact."""
        return getattr(self, name) is not _UNKNOWN

    def make_account(self, region: str = "") -> AwsAccount:
        """The AWS account in a region; by default in the configured one."""
        return AwsAccount(self.settings, self.seconds, region or self.settings.region)

    def select_models(self) -> list[Model]:
        """The models that --model names; or else the aliases, and what most operators call."""
        if self.names:
            return [self.models.resolve(name) for name in self.names]
        return [model for model in self.models.list_models() if self.is_from_file(model) or _is_checked(model, self)]

    def is_from_file(self, model: Model) -> bool:
        """Whether the models file names the model."""
        return model.name in self.models.aliases

    def is_named(self, model: Model) -> bool:
        """Whether the operator has named the model, so that what is wrong with it is a failure."""
        return bool(self.names) or self.is_from_file(model)

    def region_of(self, model: Model) -> str:
        """The region in which a model is called."""
        return model.region or self.regions[0]


# What costs little to be called once.
_CHEAP_OUTPUTS = ("text", "embedding", "ranking")


def _is_checked(model: Model, facts: Facts) -> bool:
    """Whether an adapter's default model is checked although nobody has named it."""
    is_own = not facts.registry.sources[model.adapter.name].startswith("built in")
    return model.capabilities.output in _CHEAP_OUTPUTS and (is_own or model.adapter.is_common)


# How a missing fact is named in "skipped: needs …".
_NEEDS = {
    "settings": "settings",
    "registry": "plugins",
    "models": "models",
    "regions": "a region",
    "credentials": "credentials",
    "skews": "an endpoint that answers",
}
Findings = Generator[Finding, None, Facts | None]
Check = Callable[[Facts], Findings]
Row = tuple[str, tuple[str, ...], Check]


def run_checks(facts: Facts, checks: Iterable[Row]) -> Iterator[Finding]:
    """Run the checks in order; one that needs a fact that no earlier check found is skipped with a warning."""
    for title, needs, check in checks:
        if missing := [_NEEDS[name] for name in needs if not facts.has(name)]:
            yield Finding(title, WARN, f"skipped: needs {' and '.join(missing)}")
            continue
        facts = (yield from _run_in_thread(title, check(facts), facts.seconds)) or facts


def _run_in_thread(title: str, check: Findings, seconds: float) -> Findings:
    """Yield a check's findings as they come; a thread, because a name server or a helper program may never answer."""
    results: queue.SimpleQueue[Finding | Facts | None] = queue.SimpleQueue()
    threading.Thread(target=_run, args=(title, check, results), daemon=True).start()
    while True:
        try:
            # Network calls time out by themselves after `seconds`, with a better message.
            result = results.get(timeout=seconds + 2)
        except queue.Empty:
            yield Finding(title, FAIL, f"no result after {seconds + 2:g} seconds: given up")
            return None
        if not isinstance(result, Finding):
            return result
        yield result


def _run(title: str, check: Findings, results: "queue.SimpleQueue[Finding | Facts | None]") -> None:
    facts: Facts | None = None
    try:
        while True:
            results.put(next(check))
    except StopIteration as end:
        facts = end.value
    except GatewayError as error:
        results.put(Finding(title, FAIL, error.detail, _find_hint(error)))
    except Exception as error:  # noqa: BLE001 - an error in one check must not keep the others from running
        results.put(Finding(title, FAIL, f"the check itself failed: {type(error).__name__}"))
    results.put(facts)


def check_settings(facts: Facts) -> Findings:
    """Read the settings."""
    found = settings.read_settings(facts.environ)
    if not has_keys(found) and not is_loopback(found.host):
        yield Finding("settings", FAIL, NO_KEYS.format(host=found.host))
    else:
        database = f"; database: {found.database_url.describe()}" if found.database_url else ""
        yield Finding("settings", OK, f"valid; API keys: {len(found.api_keys.digests)}{database}")
    # An operator does not wait as long as a call may.
    return replace(facts, settings=replace(found, connect_timeout=min(found.connect_timeout, facts.seconds)))


def check_plugins(facts: Facts) -> Findings:
    """Load every plugin."""
    loaded = loading.load_registry(facts.settings.plugins_dir, lenient=True)
    for broken in loaded.broken:
        for line in broken.lines():
            status = WARN if facts.settings.lenient else FAIL
            yield Finding("plugins", status, line, "fix or remove the plugin, or start with --lenient")
    yield Finding("plugins", OK, f"{len(loaded.adapters)} adapters: {', '.join(loaded.adapters)}")
    return replace(facts, registry=loaded)


def check_models_file(facts: Facts) -> Findings:
    """Read the models file and resolve the models that --model names."""
    path = facts.settings.models_file
    models = load(facts.settings, facts.registry)
    yield Finding("models file", OK, f"{path}: {', '.join(models.aliases) or 'no aliases'}" if path else "not set")
    for name in facts.names:
        models.resolve(name)
    return replace(facts, models=models)


def check_region(facts: Facts) -> Findings:
    """Find the regions of all calls and their endpoints."""
    account = facts.make_account()
    default = account.find_region()
    if not default:
        yield Finding("region", FAIL, "no AWS region is set", "set AWS_REGION")
        return None
    regions = tuple(dict.fromkeys([default, *(model.region for model in facts.select_models() if model.region)]))
    known = account.list_regions()
    for region in regions:
        if region in known:
            yield Finding("region", OK, region)
        else:
            hint = suggest_nearest(region, known)
            yield Finding("region", WARN, f"botocore does not list Bedrock in region '{region}'", hint)
    endpoints = {region: facts.make_account(region).find_endpoint() for region in regions}
    return replace(facts, regions=regions, endpoints=endpoints)


def check_credentials(facts: Facts) -> Findings:
    """Find the credentials and, through STS, their owner."""
    account = facts.make_account(facts.regions[0])
    bearer = bool(facts.environ.get(BEARER))
    if bearer:
        yield _check_bearer_token(facts.endpoints.values())
    found = account.find_credentials()
    if found is None:
        status, hint = (WARN, "") if bearer else (FAIL, "configure a role or a profile, or set AWS_ACCESS_KEY_ID")
        yield Finding("credentials", status, "botocore finds no AWS credentials", hint)
        return replace(facts, credentials=BEARER) if bearer else None
    yield Finding("credentials", OK, f"access key {found.key_id}, from botocore's provider '{found.provider}'")
    number = ""
    if account.can_call_sts():
        try:
            number, arn = account.get_identity()
            yield Finding("credentials", OK, f"account {number}, {arn}")
        except BedrockError as error:
            yield _describe_sts_error(error)
        except GatewayError as error:
            yield Finding("credentials", WARN, f"their owner is unknown: STS: {error.detail}")
    return replace(facts, credentials=found.provider, account_number=number)


def _describe_sts_error(error: BedrockError) -> Finding:
    if error.name == "UnknownOperationException":
        # An emulator answers in the place of STS.
        return Finding("credentials", WARN, "their owner is unknown: STS is not served here")
    return Finding("credentials", FAIL, f"STS refuses them: {error.name or error.http_status}", _find_hint(error))


def _check_bearer_token(endpoints: Iterable[str]) -> Finding:
    message = f"{BEARER} is set, and botocore prefers it to every other credential"
    if any(url.startswith("http:") for url in endpoints):
        return Finding("credentials", FAIL, f"{message}; it needs https", f"unset {BEARER}, or use an https endpoint")
    hint = "this key is never renewed: prefer a role, and deny bedrock:CallWithBearerToken"
    return Finding("credentials", WARN, message, hint)


def check_roles(facts: Facts) -> Findings:
    """Assume each role that a policy of a team or a key prescribes."""
    if not facts.settings.database_url:
        return None
    with read_directory(facts.settings) as directory:
        sessions = directory.list_role_sessions()
    if not sessions:
        yield Finding("roles", OK, "no policy prescribes a role")
    account = facts.make_account()
    for session in sessions:
        try:
            account.assume_role(session)
        except RoleNotAssumed as error:
            denied = error.name == "AccessDenied"
            statement = iam.build_statement(iam.ASSUME_ROLE, [session.role]) if denied else None
            yield Finding("roles", FAIL, error.reason, "docs: how-to/split-the-bill", statement)
        else:
            yield Finding("roles", OK, f"{session.role} of the {session.owner} is assumed as {session.name}")
    return None


def check_endpoints(facts: Facts) -> Findings:
    """Send an empty request to the endpoint of each region, and to bedrock-mantle where a model is called by it."""
    skews: dict[str, float | None] = {}
    for region, url in facts.endpoints.items():
        if probe := (yield from _probe(facts.make_account(region), RUNTIME, url)):
            skews[region] = probe.skew
    for region in dict.fromkeys(facts.region_of(each) for each in facts.select_models() if _is_called_by_mantle(each)):
        yield from _probe(facts.make_account(region), MANTLE, f"{MANTLE} in {region}")
    return replace(facts, skews=skews) if skews else None


def _probe(account: AwsAccount, service: str, name: str) -> Generator[Finding, None, Probe | None]:
    """The answer of an endpoint; None if there is none."""
    try:
        probe = account.probe_endpoint(service)
    except GatewayError as error:
        hint = "check network, DNS, proxies and CA bundle; `bedrock-flask config` shows which are set"
        yield Finding("endpoint", FAIL, f"{redact_url(name)}: {error.detail}", hint)
        return None
    proxy = f" through the proxy {probe.proxy}" if probe.proxy else ""
    yield Finding("endpoint", OK, f"{probe.url} answers in {probe.seconds:.2f} s{proxy}")
    return probe


def _is_called_by_mantle(model: Model) -> bool:
    way = choose_way(model)
    return way is not None and MANTLE in find_endpoints([way.name])


def check_clock(facts: Facts) -> Findings:
    """Compare this machine's clock with the endpoints'."""
    for region, skew in facts.skews.items():
        if skew is None:
            yield Finding("clock", WARN, f"the endpoint in {region} sends no Date header")
        elif abs(skew) <= SKEW_WARNING:
            yield Finding("clock", OK, f"in agreement with Bedrock's in {region}")
        else:
            direction = "behind" if skew > 0 else "ahead of"
            message = f"this machine's clock is {abs(skew):.0f} s {direction} Bedrock's in {region}"
            yield Finding("clock", FAIL if abs(skew) > MAX_SKEW else WARN, message, _CLOCK_HINT)
    return None


def check_model_access(facts: Facts) -> Findings:
    """List what each region offers to the account, and look up each model."""
    access: dict[str, Offer] = {}
    for region in facts.skews:
        account = facts.make_account(region)
        if not account.can_call_control_plane():
            message = f"{region}: control plane skipped, because calls go to this machine"
            yield Finding("models", WARN, message, "set AWS_ENDPOINT_URL_BEDROCK too")
            continue
        try:
            offered = account.read_offer()
        except GatewayError as error:
            yield _report_unreadable(region, error, ("ListFoundationModels", "ListInferenceProfiles"))
            continue
        counts = f"models: {len(offered.models)}, inference profiles: {len(offered.profiles)}"
        yield Finding("models", OK, f"{region} offers {counts}")
        if any(facts.region_of(model) == region and _needs_mantle(model, offered) for model in facts.select_models()):
            offered = replace(offered, mantle=(yield from _list_mantle(facts, account)))
        access[region] = offered
    for model in facts.select_models():
        region = facts.region_of(model)
        if region in access:
            yield _check_model(facts, model, region, access[region])
        yield from _check_lifecycle(facts, model, access.get(region))
    return replace(facts, access=access)


def _needs_mantle(model: Model, offered: Offer) -> bool:
    """Whether only bedrock-mantle's list can say that a model is offered."""
    return is_on_mantle(model) and offered.is_offered(model.id) is not True


def _list_mantle(facts: Facts, account: AwsAccount) -> Generator[Finding, None, frozenset[str] | None]:
    """The models of bedrock-mantle; None where they cannot be read, which no call needs."""
    try:
        found = account.list_mantle_models(facts.registry.generic)
    except GatewayError as error:
        message = f"{account.region}: bedrock-mantle's list of models cannot be read: {_describe_error(error)}"
        yield Finding(
            "models", WARN, message, _find_hint(error), _build_missing_statement(facts, account.region, error)
        )
        return None
    if found is not None:
        yield Finding("models", OK, f"{account.region} offers on bedrock-mantle: {len(found)}")
    return found


def _build_missing_statement(facts: Facts, region: str, error: GatewayError) -> dict[str, Any] | None:
    if not _is_denied(error):
        return None
    resources = iam.list_called_resources(MODEL_LIST.name, "", region, facts.account_number)
    return iam.build_statement(MODEL_LIST.actions, resources)


def _is_denied(error: GatewayError) -> bool:
    """Whether a statement would allow what was refused."""
    return isinstance(error, BedrockError) and error.name == _DENIED and _EXPLICIT_DENY not in error.detail


def _check_lifecycle(facts: Facts, model: Model, offer: Offer | None) -> Iterator[Finding]:
    """Warn of a model that is near the end of its life."""
    base, today = facts.registry.strip_profile_prefix(model.base or model.id), find_today()
    lifecycle = find_lifecycle(facts.registry.known_models.get(base), offer.find_model(base) if offer else None)
    if end := describe_end(lifecycle, today):
        hint = f"its successor is {lifecycle.successor}" if lifecycle.successor else ""
        if facts.is_from_file(model) and not facts.models.aliases[model.name].successor:
            hint = f"{hint or 'choose another model'}; `successor` in the models file names what is called then"
        yield Finding("models", WARN, f"{_describe_model(model)} {end}", hint)
    if model.replaces:
        yield Finding("models", WARN, f"{model.name} no longer calls {model.replaces}, but its successor {model.id}")


def _report_unreadable(region: str, error: GatewayError, operations: tuple[str, ...]) -> Finding:
    # The gateway itself does not need these permissions, so their absence is only a warning.
    if isinstance(error, BedrockError) and error.name == _DENIED:
        message = f"{region}: the account's model access cannot be read: {', '.join(operations)} is denied"
        actions = [action for operation in operations for action in iam.list_actions(operation)]
        return Finding("models", WARN, message, "", iam.build_statement(actions, ["*"]))
    message = f"{region}: the account's model access cannot be read: {_describe_error(error)}"
    return Finding("models", FAIL, message, _find_hint(error))


def _check_model(facts: Facts, model: Model, region: str, access: Offer) -> Finding:
    name = _describe_model(model)
    problem, hint = find_problem(access, model.id, region) if is_offered(model, access) is False else ("", "")
    if not problem and (foundation_model := access.find_foundation_model(model.id)) in access.models:
        try:
            problem = "; ".join(facts.make_account(region).list_access_problems(foundation_model))
            hint = "request access to the model in the Bedrock console" if problem else ""
        except GatewayError as error:
            finding = _report_unreadable(region, error, ("GetFoundationModelAvailability",))
            return replace(finding, message=f"{name} in {region}: {_describe_error(error)}")
    if problem:
        return Finding("models", FAIL if facts.is_named(model) else WARN, f"{name} in {region}: {problem}", hint)
    return Finding("models", OK, f"{name} can be called in {region}")


def check_calls(facts: Facts) -> Findings:
    """Call each model once."""
    handler = completed(make_transport(replace(facts.settings, max_attempts=1), Shutdown()))
    for model in facts.select_models():
        if reason := _find_reason_not_to_call(facts, model):
            yield Finding("calls", WARN, f"{_describe_model(model)} is not called: {reason}")
            continue
        region, call = facts.region_of(model), make_smallest_call(model, time.monotonic() + facts.seconds)
        try:
            handler.send(call)
        except GatewayError as error:
            yield _report_failed_call(facts, model, region, call, error)
        else:
            by = f" by {call.operation}" if call.surface else ""
            yield Finding("calls", OK, f"{_describe_model(model)} answers in {region}{by}")
    return None


def _find_reason_not_to_call(facts: Facts, model: Model) -> str:
    """Why a model is not called: it would cost more than a few tokens, or cannot be called at once."""
    output, surfaces = model.capabilities.output, list_surfaces(model)
    if output == "video" or set(surfaces) == {"async-invoke"}:
        return "it answers asynchronously"
    if model.surfaces is not None and not model.surfaces:
        return explain_unserved(model).detail
    if output not in _CHEAP_OUTPUTS and not facts.names:
        return f"what it makes ({output}) costs more than a few tokens; --model {model.name} calls it"
    return ""


def _report_failed_call(facts: Facts, model: Model, region: str, call: Call, error: GatewayError) -> Finding:
    message = f"{_describe_model(model)} in {region}: {_describe_error(error)}"
    if not _is_denied(error):
        return Finding("calls", FAIL, message, _find_hint(error))
    actions = iam.list_actions(call.operation)
    denied = iam.find_denied_action(error.detail)
    if denied and denied not in actions:
        # Such as an API key's own action, or the subscription to a model of the Marketplace.
        return Finding("calls", FAIL, message, _find_hint(error), iam.build_statement([denied], ["*"]))
    access = facts.access.get(region)
    targets = access.targets.get(model.id, ()) if access else ()
    resources = iam.list_called_resources(call.operation, model.id, region, facts.account_number, targets)
    return Finding("calls", FAIL, message, _find_hint(error), iam.build_statement(actions, resources))


def _describe_error(error: GatewayError) -> str:
    return f"{error.name or error.http_status}: {error.detail}" if isinstance(error, BedrockError) else error.detail


def _find_hint(error: GatewayError) -> str:
    if isinstance(error, BedrockError):
        if _EXPLICIT_DENY in error.detail:
            return "a policy of the account or its organisation denies it, which no other statement can override"
        return _HINTS.get(error.name, "")
    return "" if isinstance(error, StartupError) else "`bedrock-flask config` shows every setting and its source"


def _describe_model(model: Model) -> str:
    return model.name if model.name == model.id else f"{model.name} ({model.id})"


# The title of each check, the facts that it needs, and its function, in the order in which one depends on another.
CHECKS: tuple[Row, ...] = (
    ("settings", (), check_settings),
    ("plugins", ("settings",), check_plugins),
    ("models file", ("settings", "registry"), check_models_file),
    ("region", ("settings", "models"), check_region),
    ("credentials", ("regions",), check_credentials),
    ("roles", ("regions", "credentials"), check_roles),
    ("endpoint", ("regions",), check_endpoints),
    ("clock", ("skews",), check_clock),
    ("models", ("models", "skews", "credentials"), check_model_access),
)
CALL_CHECKS: tuple[Row, ...] = (("calls", ("models", "skews", "credentials"), check_calls),)
