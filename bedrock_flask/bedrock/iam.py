"""What the gateway must be allowed to do on AWS, as IAM policy statements.

Source: AWS user guide, "Prerequisites for inference profiles"; the actions are those of `operations`.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.operations import MODEL_ROUTES, OPERATIONS

# The actions of the operations that the gateway calls.
INVOKE_ACTIONS: Mapping[str, str] = MappingProxyType({name: OPERATIONS[name].action for name in MODEL_ROUTES})

# The placeholder for an account that is not known.
ACCOUNT = "ACCOUNT_ID"

_PARTITIONS = MappingProxyType({"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"})


def build_statement(operations: Iterable[str], resources: Iterable[str]) -> dict[str, Any]:
    """The statement that allows these operations on these ARNs, each action and each ARN once."""
    return {
        "Effect": "Allow",
        "Action": sorted({OPERATIONS[operation].action for operation in operations}),
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
