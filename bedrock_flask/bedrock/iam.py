"""What the gateway must be allowed to do on AWS, as IAM policy statements.

Sources: AWS user guide, "Prerequisites for inference profiles"; the actions are those of `operations` and `surfaces`.
bedrock-mantle's are on a project, by default `default`: service authorization reference, "Amazon Bedrock Powered by AWS
Mantle", and the managed policy AmazonBedrockMantleInferenceAccess, as of November 2026. IAM names a denied action in
words that all services share (IAM user guide, "Troubleshoot access denied error messages").
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.operations import OPERATIONS, STREAMING
from bedrock_flask.bedrock.surfaces import CALLED, MANTLE

# The placeholder for an account that is not known.
ACCOUNT = "ACCOUNT_ID"

# What the gateway needs to assume a role with session tags, and the role's trust policy allows it too.
# Source: IAM user guide, "Pass session tags in AWS STS".
ASSUME_ROLE = ("sts:AssumeRole", "sts:TagSession")

_PARTITIONS = MappingProxyType({"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"})
_DENIED = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")


def list_actions(called: str) -> list[str]:
    """The actions that allow an operation and its streaming twin, or the calls of a surface."""
    if called in CALLED:
        return [*dict.fromkeys(CALLED[called].actions)]
    return [OPERATIONS[name].action for name in (called, STREAMING.get(called)) if name]


def find_denied_action(words: str) -> str:
    """The action that a refusal names; empty if it names none."""
    found = _DENIED.search(words)
    return found[1] if found else ""


def build_statement(actions: Iterable[str], resources: Iterable[str]) -> dict[str, Any]:
    """The statement that allows these actions on these ARNs, each action and each ARN once."""
    return {
        "Effect": "Allow",
        "Action": sorted({*actions}),
        "Resource": list(dict.fromkeys(resources)),
    }


def list_resources(model: str, region: str, account: str = "", destinations: Iterable[str] = ()) -> list[str]:
    """The ARNs that a call of a model touches.

    A foundation model has one. An inference profile has its own and that of the model in each of its `destinations`,
    the `modelArn`s that ListInferenceProfiles lists.
    """
    through = list(destinations)
    if model.startswith("arn:"):
        return [model, *through]
    partition = partition_of(region)
    if through:
        return [f"arn:{partition}:bedrock:{region}:{account or ACCOUNT}:inference-profile/{model}", *through]
    return [f"arn:{partition}:bedrock:{region}::foundation-model/{model}"]


def list_called_resources(
    called: str, model: str, region: str, account: str = "", destinations: Iterable[str] = ()
) -> list[str]:
    """The ARNs that a call of a model by this operation or surface touches."""
    if called in CALLED and CALLED[called].endpoint == MANTLE:
        return [f"arn:{partition_of(region)}:{MANTLE}:{region}:{account or ACCOUNT}:project/default"]
    return list_resources(model, region, account, destinations)


def partition_of(region: str) -> str:
    """The partition of AWS that a region belongs to."""
    return next((partition for prefix, partition in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def build_policy(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One policy document of these statements; those that allow the same actions become one."""
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for statement in statements:
        by_actions.setdefault(tuple(statement["Action"]), []).extend(statement["Resource"])
    merged = [
        {"Effect": "Allow", "Action": list(actions), "Resource": list(dict.fromkeys(arns))}
        for actions, arns in by_actions.items()
    ]
    return {"Version": "2012-10-17", "Statement": merged}
