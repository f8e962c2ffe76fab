"""What the doctor reports: findings, as lines for a terminal or as one JSON document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bedrock_flask.bedrock import iam

OK, WARN, FAIL = "ok", "warn", "FAIL"


@dataclass(frozen=True)
class Finding:
    """One result of a check: its status, a message, a hint, and the IAM statement that would allow what was denied."""

    check: str
    status: str
    message: str
    hint: str = ""
    statement: Mapping[str, Any] | None = None


def has_failed(findings: Sequence[Finding]) -> bool:
    """Whether any finding is a FAIL."""
    return any(finding.status == FAIL for finding in findings)


def format_line(finding: Finding) -> str:
    """A finding as one line; its hint, if it has one, is a second line."""
    line = f"{finding.status:<4}  {finding.check:<11}  {finding.message}"
    return f"{line}\n{'':19}-> {finding.hint}" if finding.hint else line


def format_policy(findings: Sequence[Finding]) -> str:
    """The missing IAM policy with its heading; empty if nothing was denied."""
    policy = _build_missing_policy(findings)
    return f"\nMissing IAM policy:\n{json.dumps(policy, indent=2)}" if policy else ""


def format_json(findings: Sequence[Finding]) -> str:
    """All findings as a JSON object with `ok`, `findings` and `missing`, the IAM policy."""
    rows = [{name: value for name, value in asdict(finding).items() if value} for finding in findings]
    document = {"ok": not has_failed(findings), "findings": rows, "missing": _build_missing_policy(findings)}
    return json.dumps(document, indent=2)


def _build_missing_policy(findings: Sequence[Finding]) -> dict[str, Any] | None:
    statements = [finding.statement for finding in findings if finding.statement]
    return iam.build_policy(statements) if statements else None
