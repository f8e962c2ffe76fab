"""`bedrock-flask doctor`: what stands between this machine and an answer of Bedrock's, one check after the other.

A check is a generator: it yields findings and returns what it has learnt, which later checks need.
"""

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import click

from bedrock_flask.bedrock import iam
from bedrock_flask.call import Call
from bedrock_flask.config import settings
from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.settings import NO_KEYS, Settings
from bedrock_flask.diagnostics.account import AwsAccount
from bedrock_flask.diagnostics.configuration import BEARER, redact_url
from bedrock_flask.diagnostics.model_access import ModelAccess, suggest_nearest
from bedrock_flask.errors import BedrockError, GatewayError, StartupError
from bedrock_flask.guards.completed import completed
from bedrock_flask.models import load, loading
from bedrock_flask.models.registry import Registry
from bedrock_flask.models.resolver import Model, Models
from bedrock_flask.transport.boto.client import make_transport
from bedrock_flask.transport.stopping import Shutdown

OK, WARN, FAIL = "ok", "warn", "FAIL"
# SigV4 takes no request whose time is further off (AWS, "Troubleshooting Signature Version 4").
SKEW, SKEW_WARN = 300, 60
_SET_IT = "AWS refuses what is more than 300 s off: let this machine's clock be set (NTP)"
# In IAM's words, where some policy says Deny.
_EXPLICIT = "explicit deny"
_HINTS = {
    "AccessDeniedException": "allow it: the missing statement is below; or the account has no access to the model",
    "ExpiredTokenException": "the session has ended: log in again, or let a role give the credentials",
    "UnrecognizedClientException": "AWS knows no such access key: it is mistyped, deleted, or of another partition",
    "InvalidSignatureException": "the secret access key is another's, or the clock is wrong",
    "SignatureDoesNotMatch": "the secret access key is another's, or the clock is wrong",
    "ResourceNotFoundException": "the id is mistyped, or the model is not in this region",
    "ThrottlingException": "the account's quota is used up or is zero: look at Service Quotas",
    "FTUFormNotFilled": "send the model's use case form in the Bedrock console",
}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, how it is, and what to do."""

    check: str
    status: str
    told: str
    hint: str = ""
    statement: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Known:
    """What is known so far; what a failed check would have told stays None."""

    environ: Mapping[str, str]
    seconds: float
    named: tuple[str, ...] = ()
    settings: Settings | None = None
    registry: Registry | None = None
    models: Models | None = None
    regions: tuple[str, ...] | None = None
    endpoints: Mapping[str, str] | None = None
    number: str = ""
    skews: Mapping[str, float | None] | None = None
    signed: bool | None = None
    offers: Mapping[str, ModelAccess] = field(default_factory=dict)


# What a check that needs it is told to lack.
_WANTS = {
    "settings": "settings",
    "registry": "plugins",
    "models": "models",
    "regions": "a region",
    "signed": "credentials",
    "skews": "an endpoint that answers",
}
Learnt = dict[str, Any]
Findings = Generator[Finding, None, Learnt | None]
Check = Callable[[Any], Findings]


@click.command()
@click.option("--plugins-dir", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--models-file", help="TOML file with aliases of your own.")
@click.option("--model", "named", multiple=True, help="Look at this model only, by any name. May be given again.")
@click.option("--call", is_flag=True, help="Really call each model once, for one token where it can be told; it costs.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=15.0,
    show_default=True,
    help="Seconds that any one finding may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(named: tuple[str, ...], call: bool, timeout: float, as_json: bool, **options: str | None) -> None:
    """Say what stands between this machine and an answer of Bedrock's.

    Looks, in this order, at the settings, the plugins, the models file, the region, the credentials, the endpoint and
    the way to it, the clock, and at which models the account may call. Each line is ok, warn or FAIL, with a hint; a
    model that nobody has asked for (no alias, no --model) can only warn. Exits with 1 where something FAILs. At the
    end stands the IAM policy that is missing, as JSON. It reads only, except with --call, and prints no secret.
    """
    known = Known(settings.merge_options(os.environ, options), timeout, named)
    findings = []
    for finding in examined(known, (*CHECKS, *(CALLS if call else ()))):
        findings.append(finding)
        if not as_json:
            print(_line(finding), flush=True)
    denied = [finding.statement for finding in findings if finding.statement]
    failed = any(finding.status == FAIL for finding in findings)
    if as_json:
        told = [{name: value for name, value in asdict(each).items() if value} for each in findings]
        print(json.dumps({"ok": not failed, "findings": told, "missing": _missing(denied)}, indent=2))
    elif denied:
        print(f"\nThe IAM policy that is missing:\n{json.dumps(_missing(denied), indent=2)}")
    sys.stdout.flush()
    sys.exit(1 if failed else 0)


def _missing(denied: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    found = list(denied)
    return iam.build_policy(found) if found else None


def _line(finding: Finding) -> str:
    line = f"{finding.status:<4}  {finding.check:<11}  {finding.told}"
    return f"{line}\n{'':19}-> {finding.hint}" if finding.hint else line


def examined(known: Known, checks: Iterable[tuple[str, tuple[str, ...], Check]]) -> Iterator[Finding]:
    """The findings of every check, in order; one that needs what an earlier one did not learn is left out, and said."""
    for title, needs, check in checks:
        if lacking := [need for need in needs if getattr(known, need) is None]:
            yield Finding(title, WARN, f"not looked at, for want of {' and '.join(_WANTS[need] for need in lacking)}")
            continue
        learnt = yield from _in_time(title, check(known), known.seconds)
        known = replace(known, **(learnt or {}))


def _in_time(title: str, check: Findings, seconds: float) -> Generator[Finding, None, Learnt | None]:
    """The findings as they come, from a thread of their own: a name server or a helper program may never answer."""
    told: queue.SimpleQueue[Finding | Learnt | None] = queue.SimpleQueue()
    threading.Thread(target=_examine, args=(title, check, told), daemon=True).start()
    while True:
        try:
            # A question gives up by itself after these seconds, and then says why.
            found = told.get(timeout=seconds + 2)
        except queue.Empty:
            yield Finding(title, FAIL, f"nothing was found out in {seconds + 2:g} seconds, so it was given up")
            return None
        if not isinstance(found, Finding):
            return found
        yield found


def _examine(title: str, check: Findings, told: "queue.SimpleQueue[Finding | Learnt | None]") -> None:
    learnt: Learnt | None = None
    try:
        while True:
            told.put(next(check))
    except StopIteration as end:
        learnt = end.value
    except GatewayError as error:
        told.put(Finding(title, FAIL, error.detail, _hint(error)))
    except Exception as error:  # noqa: BLE001 - a doctor that falls ill says so, and looks at the rest
        told.put(Finding(title, FAIL, f"the check itself failed: {type(error).__name__}"))
    told.put(learnt)


def _settings(known: Known) -> Findings:
    told = settings.read_settings(known.environ)
    if not told.api_keys and not is_loopback(told.host):
        yield Finding("settings", FAIL, NO_KEYS.format(host=told.host))
    else:
        yield Finding("settings", OK, f"they hold; API keys: {len(told.api_keys.digests)}")
    # The account is asked with little patience: nobody waits 15 minutes for a doctor.
    return {"settings": replace(told, connect_timeout=min(told.connect_timeout, known.seconds))}


def _plugins(known: Any) -> Findings:
    found = loading.load_registry(known.settings.plugins_dir, lenient=True)
    for broken in found.broken:
        for line in broken.lines():
            status = WARN if known.settings.lenient else FAIL
            yield Finding("plugins", status, line, "mend it, take it away, or start with --lenient")
    yield Finding("plugins", OK, f"{len(found.adapters)} adapters: {', '.join(found.adapters)}")
    return {"registry": found}


def _models_file(known: Any) -> Findings:
    told: Settings = known.settings
    models = load(told, known.registry)
    file = f"{told.models_file}: {', '.join(models.aliases) or 'no aliases'}" if told.models_file else "none is set"
    yield Finding("models file", OK, file)
    for name in known.named:
        models.resolve(name)
    return {"models": models}


def _region(known: Any) -> Findings:
    account = _account(known)
    default = account.region_name()
    if not default:
        yield Finding("region", FAIL, "no AWS region is set", "set AWS_REGION")
        return None
    regions = tuple(dict.fromkeys([default, *(model.region for model in _chosen(known) if model.region)]))
    served = account.known_regions()
    for region in regions:
        if region in served:
            yield Finding("region", OK, region)
        else:
            yield Finding("region", WARN, f"botocore knows no Bedrock in '{region}'", suggest_nearest(region, served))
    return {"regions": regions, "endpoints": {region: _account(known, region).endpoint() for region in regions}}


def _credentials(known: Any) -> Findings:
    account = _account(known, known.regions[0])
    if known.environ.get(BEARER):
        yield _bearer(known.endpoints.values())
    owner = account.owner()
    if owner is None:
        status, hint = (WARN, "") if known.environ.get(BEARER) else (FAIL, "set a role, a profile or AWS_ACCESS_KEY_ID")
        yield Finding("credentials", status, "botocore finds no AWS credentials", hint)
        return {"signed": True} if known.environ.get(BEARER) else None
    yield Finding("credentials", OK, f"access key {owner.key}, found by botocore's provider '{owner.provider}'")
    number = ""
    if account.asks_identity():
        try:
            number, arn = account.identity()
            yield Finding("credentials", OK, f"account {number}, {arn}")
        except BedrockError as error:
            yield Finding("credentials", FAIL, f"STS refuses them: {error.name or error.http_status}", _hint(error))
        except GatewayError as error:
            yield Finding("credentials", WARN, f"whose they are is not known: STS: {error.detail}")
    return {"signed": True, "number": number}


def _bearer(endpoints: Iterable[str]) -> Finding:
    told = f"{BEARER} is set, and botocore prefers it to every other credential"
    if any(url.startswith("http:") for url in endpoints):
        return Finding("credentials", FAIL, f"{told}; it needs https", f"unset {BEARER}, or use an https endpoint")
    return Finding("credentials", WARN, told, "a key that is not renewed: prefer a role, and deny CallWithBearerToken")


def _endpoint(known: Any) -> Findings:
    skews: dict[str, float | None] = {}
    for region, url in known.endpoints.items():
        try:
            answered = _account(known, region).answered()
        except GatewayError as error:
            hint = "look at the network, DNS, proxies and the CA bundle; `bedrock-flask config` says which are set"
            yield Finding("endpoint", FAIL, f"{redact_url(url)}: {error.detail}", hint)
            continue
        way = f", through the proxy {answered.proxy}" if answered.proxy else ""
        yield Finding("endpoint", OK, f"{answered.url} answers in {answered.seconds:.2f} s{way}")
        skews[region] = answered.skew
    return {"skews": skews} if skews else None


def _clock(known: Any) -> Findings:
    for region, skew in known.skews.items():
        told = "" if skew is None else f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} Bedrock's in {region}"
        if skew is None:
            yield Finding("clock", WARN, f"the endpoint in {region} says no time")
        elif abs(skew) > SKEW:
            yield Finding("clock", FAIL, f"this machine's clock is {told}", _SET_IT)
        elif abs(skew) > SKEW_WARN:
            yield Finding("clock", WARN, f"this machine's clock is {told}", _SET_IT)
        else:
            yield Finding("clock", OK, f"it agrees with Bedrock's in {region}")
    return None


def _offered(known: Any) -> Findings:
    offers: dict[str, ModelAccess] = {}
    for region in known.skews:
        account = _account(known, region)
        if not account.asks_control():
            told = f"{region}: the control plane is not asked, as calls go to this machine"
            yield Finding("models", WARN, told, "set AWS_ENDPOINT_URL_BEDROCK too")
            continue
        try:
            offers[region] = offer = account.offer()
        except GatewayError as error:
            yield _unread(region, error, ("ListFoundationModels", "ListInferenceProfiles"))
            continue
        told = f"{region} offers models: {len(offer.models)}, inference profiles: {len(offer.names)}"
        yield Finding("models", OK, told)
    for model in _chosen(known):
        region = model.region or known.regions[0]
        if region in offers:
            yield _verdict(known, model, region, offers[region])
    return {"offers": offers}


def _unread(region: str, error: GatewayError, operations: tuple[str, ...]) -> Finding:
    # The gateway itself does not need to read: without these permissions only the doctor knows less.
    if isinstance(error, BedrockError) and error.name == "AccessDeniedException":
        told = f"{region}: the account may not be asked: {', '.join(operations)} is denied"
        return Finding("models", WARN, told, "", iam.build_statement(operations, ["*"]))
    return Finding("models", FAIL, f"{region}: the account cannot be asked: {_said(error)}", _hint(error))


def _verdict(known: Any, model: Model, region: str, offer: ModelAccess) -> Finding:
    problem, hint = offer.problem(model.id)
    if not problem and (foundation := offer.foundation(model.id)):
        try:
            problem = "; ".join(_account(known, region).availability(foundation))
            hint = "ask for access to the model in the Bedrock console" if problem else ""
        except GatewayError as error:
            unread = _unread(region, error, ("GetFoundationModelAvailability",))
            return replace(unread, told=f"{_named(model)} in {region}: {_said(error)}")
    if problem:
        wanted = known.named or model.name in known.models.aliases
        return Finding("models", FAIL if wanted else WARN, f"{_named(model)} in {region}: {problem}", hint)
    return Finding("models", OK, f"{_named(model)} may be called in {region}")


def _calls(known: Any) -> Findings:
    send = completed(make_transport(replace(known.settings, max_attempts=1), Shutdown()))
    for model in _chosen(known):
        region = model.region or known.regions[0]
        call = _smallest(model, time.monotonic() + known.seconds)
        try:
            send(call)
        except GatewayError as error:
            yield _uncalled(known, model, region, call, error)
        else:
            yield Finding("calls", OK, f"{_named(model)} answers in {region}")
    return None


def _smallest(model: Model, deadline: float) -> Call:
    """The call that costs least: one token by Converse, or the family's own sample where it does not speak it."""
    adapter = model.adapter
    by_converse = "converse" in adapter.speaks
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 1}}
    return Call(
        adapter=replace(adapter, speaks={"converse": "Converse"}) if by_converse else adapter,
        operation="Converse" if by_converse else adapter.operation,
        model=model.id,
        body=json.dumps(body if by_converse else dict(adapter.sample)).encode(),
        region=model.region,
        request_id="doctor",
        deadline=deadline,
    )


def _uncalled(known: Any, model: Model, region: str, call: Call, error: GatewayError) -> Finding:
    told = f"{_named(model)} in {region}: {_said(error)}"
    if not isinstance(error, BedrockError) or error.name != "AccessDeniedException" or _EXPLICIT in error.detail:
        return Finding("calls", FAIL, told, _hint(error))
    operations = [operation for operation in iam.INVOKE_ACTIONS if operation.startswith(call.operation)]
    offer = known.offers.get(region)
    through = offer.through(model.id) if offer else ()
    arns = iam.list_resources(model.id, region, known.number, through)
    return Finding("calls", FAIL, told, _hint(error), iam.build_statement(operations, arns))


def _said(error: GatewayError) -> str:
    return f"{error.name or error.http_status}: {error.detail}" if isinstance(error, BedrockError) else error.detail


def _hint(error: GatewayError) -> str:
    if isinstance(error, BedrockError):
        if _EXPLICIT in error.detail:
            return "a policy of the account or its organisation denies it: a statement that allows it will not help"
        return _HINTS.get(error.name, "")
    return "" if isinstance(error, StartupError) else "`bedrock-flask config` says what is set, and by whom"


def _account(known: Any, region: str = "") -> AwsAccount:
    return AwsAccount(known.settings, known.seconds, region or known.settings.region)


def _chosen(known: Any) -> list[Model]:
    models: Models = known.models
    return [models.resolve(name) for name in known.named] if known.named else models.list_models()


def _named(model: Model) -> str:
    return model.name if model.name == model.id else f"{model.name} ({model.id})"


# What each check is called, what of `Known` it needs, and itself; in the order in which one thing rests on the other.
CHECKS: tuple[tuple[str, tuple[str, ...], Check], ...] = (
    ("settings", (), _settings),
    ("plugins", ("settings",), _plugins),
    ("models file", ("settings", "registry"), _models_file),
    ("region", ("settings", "models"), _region),
    ("credentials", ("regions",), _credentials),
    ("endpoint", ("regions",), _endpoint),
    ("clock", ("skews",), _clock),
    ("models", ("models", "skews", "signed"), _offered),
)
CALLS: tuple[tuple[str, tuple[str, ...], Check], ...] = (("calls", ("models", "skews", "signed"), _calls),)
