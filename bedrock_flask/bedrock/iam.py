"""What the gateway must be allowed to do on AWS: the IAM action of each operation, and policy statements as dicts.

Sources: AWS service authorization reference for Amazon Bedrock; AWS API reference, Converse and ConverseStream; user
guide, "Prerequisites for inference profiles".
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

# Converse has no action of its own: it is allowed, and denied, with InvokeModel.
INVOKE_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "InvokeModel": "bedrock:InvokeModel",
        "InvokeModelWithResponseStream": "bedrock:InvokeModelWithResponseStream",
        "Converse": "bedrock:InvokeModel",
        "ConverseStream": "bedrock:InvokeModelWithResponseStream",
        "CountTokens": "bedrock:CountTokens",
    }
)
# What `bedrock-flask doctor` reads; the gateway itself never does.
READ_ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "ListFoundationModels": "bedrock:ListFoundationModels",
        "ListInferenceProfiles": "bedrock:ListInferenceProfiles",
        "GetFoundationModelAvailability": "bedrock:GetFoundationModelAvailability",
    }
)
ACTIONS: Mapping[str, str] = MappingProxyType({**INVOKE_ACTIONS, **READ_ACTIONS})

# Stands for an account that is not known.
ACCOUNT = "ACCOUNT_ID"

_PARTITIONS = MappingProxyType({"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"})


def build_statement(operations: Iterable[str], resources: Iterable[str]) -> dict[str, Any]:
    """The statement that allows these operations on these ARNs, each action and each ARN once."""
    return {
        "Effect": "Allow",
        "Action": sorted({ACTIONS[operation] for operation in operations}),
        "Resource": list(dict.fromkeys(resources)),
    }


def list_resources(model: str, region: str, account: str = "", destinations: Iterable[str] = ()) -> list[str]:
    """The ARNs that a call of a model touches.

    A foundation model is one; an inference profile is its own and that of the model in each of its `destinations`,
    which are the `modelArn`s that ListInferenceProfiles tells.
    """
    through = list(destinations)
    if model.startswith("arn:"):
        return [model, *through]
    partition = partition_of(region)
    if through:
        return [f"arn:{partition}:bedrock:{region}:{account or ACCOUNT}:inference-profile/{model}", *through]
    return [f"arn:{partition}:bedrock:{region}::foundation-model/{model}"]


def partition_of(region: str) -> str:
    """The partition of AWS that a region belongs to."""
    return next((partition for prefix, partition in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def is_of_policy(message: str) -> bool:
    """Whether a refusal's words are those of IAM, and not of a model that the account has not been given."""
    return re.search(r"not authorized to perform", message, re.IGNORECASE) is not None


def build_policy(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One policy document of these statements, those that allow the same actions made one."""
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for each in statements:
        by_actions.setdefault(tuple(each["Action"]), []).extend(each["Resource"])
    made = [
        {"Effect": "Allow", "Action": list(actions), "Resource": list(dict.fromkeys(arns))}
        for actions, arns in by_actions.items()
    ]
    return {"Version": "2012-10-17", "Statement": made}
