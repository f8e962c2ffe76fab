"""What most models of open weights have in common: the APIs that serve them, the regions, and their efforts.

Sources: AWS user guide, API compatibility by models, Endpoint availability by models and Regional availability by
models, as of October 2026; bedrock-models 0.1.165 (October 2026), the lists of both endpoints. These models have no
inference profiles: in these regions they are called by their own id.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# The efforts of the models that reason with one, and where a Converse request has it. Source: `sources.EFFORTS`.
EFFORTS: Mapping[str, Any] = MappingProxyType(
    {"efforts": ("low", "medium", "high"), "effort_field": "additionalModelRequestFields.reasoning_effort"}
)
RUNTIME, MANTLE = ("invoke", "converse", "runtime/chat"), ("mantle/chat",)
# Most models have one id at both endpoints, and the others one at each.
SURFACES = (*RUNTIME, *MANTLE)

REGIONS = (
    *("us-east-1", "us-east-2", "us-west-2", "eu-south-1", "eu-west-1", "eu-west-2"),
    *("ap-northeast-1", "ap-south-1", "ap-southeast-2", "sa-east-1"),
)
MORE_REGIONS = (*REGIONS, "eu-central-1", "eu-north-1", "ap-southeast-3")
US_GOV = ("us-gov-west-1", "us-gov-east-1")
# Of the largest models: fewer in Europe, and Jakarta.
REGIONS_OF_LARGE = (
    *("us-east-1", "us-east-2", "us-west-2", "eu-north-1", "eu-west-2"),
    *("ap-northeast-1", "ap-south-1", "ap-southeast-2", "ap-southeast-3", "sa-east-1"),
)
# Of those of September 2025: not in Virginia and São Paulo.
REGIONS_OF_2025 = (
    *("us-east-2", "us-west-2", "eu-north-1", "eu-west-2"),
    *("ap-northeast-1", "ap-south-1", "ap-southeast-2", "ap-southeast-3"),
)
