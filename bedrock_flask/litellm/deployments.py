"""A deployment of LiteLLM's `model_list` as an entry of the models file."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.model_ids import find_arn_region, is_application_profile, is_own_model
from bedrock_flask.errors import ModelsFileError
from bedrock_flask.litellm.config_file import read_mapping, resolve
from bedrock_flask.litellm.guardrails import format_guardrail
from bedrock_flask.litellm.left import UNKNOWN, Left, Reason, is_set
from bedrock_flask.litellm.model_names import ModelName, split_name
from bedrock_flask.models.models_file import parse_models_file
from bedrock_flask.models.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of the models file; its guardrail is `ID:VERSION`."""

    name: str
    id: str = ""
    profile: str = ""
    arn: str = ""
    adapter: str = ""
    region: str = ""
    unsupported: str = ""
    guardrail: str = ""

    @property
    def called(self) -> str:
        """What is called on Bedrock."""
        return self.arn or self.profile or self.id


_READ = ("custom_llm_provider", "drop_params", "model", "model_id", "aws_region_name")
_CREDENTIALS: Reason = (
    "the gateway has its AWS credentials from AWS's own settings",
    "AWS_PROFILE, or the role of the machine",
)
_ROLE: Reason = ("a role belongs to a team or a key", "bedrock-flask teams policy TEAM role=ARN")
_LIMIT: Reason = ("a limit belongs to a team or a key", "bedrock-flask teams limit TEAM --model ID")
_BUDGET: Reason = ("a budget belongs to a team or a key", "bedrock-flask teams budget TEAM")
_ENDPOINT: Reason = ("an endpoint belongs to the gateway", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
_PRICE: Reason = ("AWS's prices are known to the gateway", "own ones in BEDROCK_FLASK_PRICES_FILE")
_TIMEOUT: Reason = ("a time belongs to the gateway", "BEDROCK_FLASK_READ_TIMEOUT, BEDROCK_FLASK_FIRST_EVENT_TIMEOUT")
_RETRIES: Reason = ("attempts belong to the gateway", "BEDROCK_FLASK_MAX_ATTEMPTS")
_ONE: Reason = ("a name has one deployment", "an inference profile spreads calls over regions")
_GUARDRAIL: Reason = ("a guardrail belongs to a team or a key", "bedrock-flask teams policy TEAM guardrail=ID:VERSION")
_DEFAULT: Reason = ("a name has no parameters of its own", "the client sends it")
_NEAREST: Mapping[str, Reason] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "aws_access_key_id",
                "aws_secret_access_key",
                "aws_session_token",
                "aws_profile_name",
                "aws_sts_endpoint",
                "aws_web_identity_token",
                "api_key",
                "litellm_credential_name",
            ),
            _CREDENTIALS,
        ),
        **dict.fromkeys(("aws_role_name", "aws_session_name", "aws_external_id"), _ROLE),
        **dict.fromkeys(("aws_bedrock_runtime_endpoint", "api_base"), _ENDPOINT),
        **dict.fromkeys(("rpm", "tpm", "tpd", "rpd", "itpm", "otpm", "max_parallel_requests"), _LIMIT),
        **dict.fromkeys(("max_budget", "budget_duration"), _BUDGET),
        **dict.fromkeys(("timeout", "stream_timeout"), _TIMEOUT),
        **dict.fromkeys(("max_retries", "num_retries"), _RETRIES),
        **dict.fromkeys(("order", "weight"), _ONE),
        **dict.fromkeys(
            ("max_tokens", "temperature", "top_p", "top_k", "stop", "reasoning_effort", "thinking"), _DEFAULT
        ),
        "guardrailConfig": _GUARDRAIL,
        "cache_control_injection_points": ("places of cache marks are not set here", 'cache = "on" in the models file'),
    }
)


def read_deployment(
    name: str, deployment: Mapping[str, Any], registry: Registry, environ: Mapping[str, str], *, drops: bool
) -> tuple[Entry | None, list[Left]]:
    """The entry of a deployment, None if it has none, and what of it is left; `drops` is LiteLLM's `drop_params`."""
    subject = f"model {name}"
    params = read_mapping(deployment.get("litellm_params"))
    info = read_mapping(deployment.get("model_info"))
    if unset := [each for each in _READ if params.get(each) and not resolve(params[each], environ)]:
        return None, [Left(subject, unset[0], f"{params[unset[0]]} is not set here")]
    texts = {each: resolve(params.get(each), environ) for each in _READ}
    if "*" in name or "*" in texts["model"]:
        return None, [
            Left(subject, texts["model"], "any id of Bedrock can be called already, without bedrock/ before it")
        ]
    parts = split_name(texts["model"], texts["custom_llm_provider"], registry)
    if parts.refusal:
        return None, [Left(subject, texts["model"][:200], parts.refusal)]
    base = split_name(resolve(info.get("base_model"), environ), "bedrock", registry)
    found = _find_ids(parts, texts["model_id"], base.id, registry)
    dropping = drops if params.get("drop_params") is None else texts["drop_params"].lower() == "true"
    region = "" if find_arn_region(found.get("arn", "")) else texts["aws_region_name"] or parts.region
    entry = Entry(
        name=name,
        **found,
        adapter=parts.adapter,
        region=region,
        unsupported="drop" if dropping else "",
        guardrail=format_guardrail(read_mapping(params.get("guardrailConfig"))),
    )
    left = [*_list_left(subject, params, info)]
    if fault := _find_fault(entry, registry):
        return None, [Left(subject, texts["model"][:200], fault), *left]
    if is_application_profile(entry.called) and not entry.id:
        left.append(
            Left(subject, "its family", "the ARN does not name the model", 'id = "…" beside it in the models file')
        )
    return entry, left


def format_entry(entry: Entry) -> str:
    """The lines of an entry, in TOML: JSON's texts are texts of TOML's too."""
    key = entry.name if re.fullmatch(r"[\w-]+", entry.name, re.ASCII) else json.dumps(entry.name)
    members = [
        f"{each.name} = {json.dumps(value)}\n"
        for each in fields(entry)
        if each.name not in ("name", "guardrail") and (value := getattr(entry, each.name))
    ]
    policy = f"[models.{key}.policy]\nguardrail = {json.dumps(entry.guardrail)}\n" if entry.guardrail else ""
    return f"[models.{key}]\n{''.join(members)}{policy}"


def _find_ids(parts: ModelName, called: str, base: str, registry: Registry) -> dict[str, str]:
    """The members `id`, `profile` and `arn`; `called` is the `model_id` beside a name, `base` its model if known."""
    target = called or parts.id
    own = _strip_profile((parts.id if called else target).rpartition("/")[2], registry)
    if target.startswith("arn:"):
        is_named = called and not parts.id.startswith("arn:")
        is_opaque = is_application_profile(target) or is_own_model(target)
        model = own if is_named or not is_opaque else base
        return {"arn": target, **({"id": model} if model else {})}
    return {"id": own, **({} if target == own else {"profile": target})}


def _strip_profile(name: str, registry: Registry) -> str:
    """The model's own id for that of an inference profile; what begins an id of a provider that is not known stays."""
    own = registry.strip_profile_prefix(name)
    return own if own.partition(".")[0] in registry.providers else name


def _find_fault(entry: Entry, registry: Registry) -> str:
    """Why an entry cannot be one of the models file; empty if it can."""
    try:
        parse_models_file(format_entry(entry), "", registry)
    except ModelsFileError as error:
        return str(error).partition(" is invalid: ")[2].replace(f"[models.{entry.name}] ", "") or str(error)
    return ""


def _list_left(subject: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> Iterator[Left]:
    for name, value in params.items():
        is_guardrail = name == "guardrailConfig" and format_guardrail(read_mapping(value))
        if name not in _READ and is_set(value) and not is_guardrail:
            reason = _PRICE if "_cost" in name else _NEAREST.get(name, UNKNOWN)
            yield Left(subject, name, *reason)
    for name, value in info.items():
        if "_cost" in name and value is not None:
            yield Left(subject, name, *_PRICE)
