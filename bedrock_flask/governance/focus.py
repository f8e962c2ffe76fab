"""Usage in the columns of FOCUS, the FinOps Open Cost and Usage Specification, in its version 1.2.

https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec/tree/v1.2/specification/columns has them. Only those are
written whose values the gateway knows: not what AWS invoices, nor to which account. Its own columns begin with `x_`.
"""

from collections.abc import Mapping, Sequence

from bedrock_flask.governance.budgets import find_end, find_start, to_dollars
from bedrock_flask.governance.ledger_row import TOKEN_COUNTS
from bedrock_flask.governance.times import write_second
from bedrock_flask.governance.usage import UsageSum

# What a row is the sum of.
BY = ("day", "team", "key", "model", "tags")
# What is the same of every row.
_FIXED: Mapping[str, str] = {
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeFrequency": "Usage-Based",
    "ConsumedUnit": "Requests",
    "ProviderName": "AWS",
    "ServiceCategory": "AI and Machine Learning",
    "ServiceName": "Amazon Bedrock",
}
_TOKENS = tuple(f"x_{''.join(map(str.capitalize, name.split('_')))}" for name in TOKEN_COUNTS)


def describe_row(found: UsageSum) -> Mapping[str, str]:
    """A sum by BY as a row of FOCUS."""
    day, team, key, model, tags = found.group
    month = find_start("month", day)
    return {
        **_FIXED,
        "BillingPeriodStart": write_second(month),
        "BillingPeriodEnd": write_second(find_end("month", month)),
        "ChargePeriodStart": write_second(day),
        "ChargePeriodEnd": write_second(find_end("day", day)),
        "ChargeDescription": f"{found.calls} calls of {model}",
        "ConsumedQuantity": str(found.calls),
        "ListCost": to_dollars(found.cost),
        "Tags": tags,
        "x_Team": team,
        "x_Key": key,
        "x_Model": model,
        **dict(zip(_TOKENS, map(str, found.tokens), strict=True)),
        "x_EstimatedCalls": str(found.estimated),
        "x_UnpricedCalls": str(found.unpriced),
    }


COLUMNS: Sequence[str] = sorted(describe_row(UsageSum((0, "", "", "", "{}"), 0, (0, 0, 0, 0), 0, 0, 0)))
