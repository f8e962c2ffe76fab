"""Patterns of Bedrock model ids: `*` matches any characters, and the longest matching pattern wins."""

import re

# A region in the hostname of an endpoint; AWS has no other form.
REGION = r"[a-z]{2,}(-[a-z]+)+-\d+"
_ARN = re.compile(rf"arn:aws[a-z-]*:[a-z-]+:(?P<region>{REGION}):.*", re.ASCII | re.DOTALL)

# The maximum length of a modelId in botocore's service model.
_MAX_ARN = 2048


def find_arn_region(name: str) -> str:
    """The region of an ARN, where AWS serves it; empty for any other name, and for an ARN without a region."""
    arn = _ARN.fullmatch(name) if len(name) <= _MAX_ARN else None
    return arn["region"] if arn else ""


def is_prompt(model: str) -> bool:
    """Whether a model is a managed prompt, which has a model and messages of its own.

    Source: botocore's service model of bedrock-runtime, where `modelId` may be the ARN of a prompt's version.
    """
    return model.startswith("arn:") and ":prompt/" in model


def is_foundation_model(model: str) -> bool:
    """Whether a name is the ARN of a model of AWS's list, which is served in the region that is called."""
    return model.startswith("arn:") and ":foundation-model/" in model


def is_application_profile(model: str) -> bool:
    """Whether a model is an inference profile of the account's own, whose ARN does not contain the model's id.

    Source: AWS user guide, "Set up a model invocation resource using inference profiles".
    """
    return model.startswith("arn:") and ":application-inference-profile/" in model


# What the ARNs of an account's own models contain; none of them names the family.
_OWN_MODELS = (":imported-model/", ":provisioned-model/", ":custom-model/", ":custom-model-deployment/", ":endpoint/")


def is_own_model(model: str) -> bool:
    """Whether a model is the account's own: imported, provisioned, custom, or from the Marketplace on an endpoint.

    Source: botocore's service model of bedrock-runtime, `modelId` of InvokeModel.
    """
    return model.startswith("arn:") and any(kind in model for kind in _OWN_MODELS)


def is_imported(model: str) -> bool:
    """Whether a model was imported into the account, and takes the body of its family.

    Source: AWS user guide, "Invoke your imported model".
    """
    return model.startswith("arn:") and ":imported-model/" in model


def matches(pattern: str, model: str) -> bool:
    """Whether the id matches the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == model
    *middle, last = rest
    if len(model) < len(first) + len(last) or not model.startswith(first) or not model.endswith(last):
        return False
    # Each part at its first position: a later one could not help the parts after it.
    at, end = len(first), len(model) - len(last)
    for part in middle:
        at = model.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def patterns_overlap(left: str, right: str) -> bool:
    """Whether an id can match both patterns."""
    if "*" not in left:
        return matches(right, left)
    if "*" not in right:
        return matches(left, right)
    # Between their ends both match anything: only the ends can disagree.
    starts, ends = (
        (left.partition("*")[0], right.partition("*")[0]),
        (left.rpartition("*")[2], right.rpartition("*")[2]),
    )
    return _is_one_prefix(*starts) and _is_one_prefix(*(end[::-1] for end in ends))


def _is_one_prefix(left: str, right: str) -> bool:
    return left.startswith(right) or right.startswith(left)
