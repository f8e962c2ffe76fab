"""LiteLLM as it is left: a configuration, and its database in a real Postgres, exported by the page's own command."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg

PAGE = Path(__file__).parents[2] / "docs/how-to/coming-from-litellm.md"
OLD, BLOCKED, EXPIRED = "sk-canary-old-key-of-a-nightly-job", "sk-canary-blocked", "sk-canary-expired"
CONFIG = """
model_list:
  - model_name: fast
    litellm_params:
      model: bedrock/us.amazon.nova-lite-v1:0
      aws_region_name: os.environ/LITELLM_REGION
      aws_access_key_id: os.environ/LITELLM_KEY_ID
      aws_secret_access_key: canary-aws-secret
      rpm: 100
    model_info: {access_groups: [chat], input_cost_per_token: 0.1}
  - model_name: fast
    litellm_params: {model: bedrock/eu-west-1/eu.amazon.nova-lite-v1:0}
  - model_name: embed
    litellm_params: {model: bedrock/amazon.titan-embed-text-v2:0}
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: canary-openai}
  - model_name: bedrock/*
    litellm_params: {model: bedrock/*}
router_settings:
  model_group_alias: {quick: fast}
  fallbacks: [{fast: [embed]}]
litellm_settings: {drop_params: true}
general_settings: {master_key: sk-canary-master}
guardrails:
  - guardrail_name: pii
    litellm_params: {guardrail: bedrock, mode: pre_call, guardrailIdentifier: gr1abc, guardrailVersion: "4"}
  - guardrail_name: other
    litellm_params: {guardrail: lakera_v2, mode: pre_call, default_on: true}
"""
# The columns that are read, with the types of LiteLLM 1.110.2 (proxy/schema.prisma).
_RULES = """max_budget double precision, budget_duration text, tpm_limit bigint, rpm_limit bigint,
    max_parallel_requests integer"""
TABLES = f"""
CREATE TABLE "LiteLLM_BudgetTable" (budget_id text PRIMARY KEY, {_RULES});
CREATE TABLE "LiteLLM_OrganizationTable" (
    organization_id text PRIMARY KEY, organization_alias text, budget_id text, metadata jsonb DEFAULT '{{}}',
    models text[]);
CREATE TABLE "LiteLLM_TeamTable" (
    team_id text PRIMARY KEY, team_alias text, organization_id text, members text[], metadata jsonb DEFAULT '{{}}',
    models text[], blocked boolean DEFAULT false, {_RULES});
CREATE TABLE "LiteLLM_VerificationToken" (
    token text PRIMARY KEY, key_name text, key_alias text, expires timestamp(3), models text[], user_id text,
    team_id text, organization_id text, budget_id text, metadata jsonb DEFAULT '{{}}', blocked boolean,
    allowed_routes text[], key_type text, soft_budget_cooldown boolean DEFAULT false, {_RULES});
CREATE TABLE "LiteLLM_UserTable" (user_id text PRIMARY KEY, user_email text, {_RULES});
CREATE TABLE "LiteLLM_ProxyModelTable" (model_id text PRIMARY KEY, model_name text, litellm_params jsonb);
"""


def hash_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


ROWS: dict[str, list[dict[str, Any]]] = {
    "LiteLLM_BudgetTable": [{"budget_id": "b1", "max_budget": 500.5, "budget_duration": "30d"}],
    "LiteLLM_OrganizationTable": [
        {"organization_id": "o1", "organization_alias": "Acme Inc.", "budget_id": "b1", "models": ["chat", "embed"]}
    ],
    "LiteLLM_TeamTable": [
        {
            "team_id": "t1",
            "team_alias": "research",
            "organization_id": "o1",
            "models": ["fast", "gpt-4o"],
            "members": ["alice"],
            "rpm_limit": 600,
            "metadata": {"guardrails": ["pii"], "centre": 7},
        },
        {"team_id": "t2", "team_alias": "stopped", "blocked": True},
    ],
    "LiteLLM_VerificationToken": [
        {
            "token": hash_key(OLD),
            "key_name": "sk-...-job",
            "key_alias": "nightly job",
            "team_id": "t1",
            "models": ["all-team-models"],
            "user_id": "alice",
            "max_budget": 0.02,
            "budget_duration": "1d",
            "rpm_limit": 60,
            "tpm_limit": 100000,
            "max_parallel_requests": 5,
            "metadata": {"tags": ["a", "b"], "logging": [{"key": "canary-langfuse"}], "model_rpm_limit": {"fast": 6}},
        },
        {"token": hash_key(BLOCKED), "team_id": "t1", "blocked": True},
        {"token": hash_key(EXPIRED), "key_alias": "old", "expires": "2026-01-01 00:00:00", "max_budget": 9.0},
        {"token": hash_key("sk-canary-admin"), "key_alias": "admin", "allowed_routes": ["management_routes"]},
        {
            "token": hash_key("sk-canary-late"),
            "key_alias": "late",
            "team_id": "t2",
            "allowed_routes": ["/v1/embeddings"],
        },
        {"token": hash_key("sk-canary-ui"), "team_id": "litellm-dashboard"},
    ],
    "LiteLLM_UserTable": [{"user_id": "alice", "max_budget": 20.0}, {"user_id": "bob"}],
    "LiteLLM_ProxyModelTable": [{"model_id": "m1", "model_name": "stored", "litellm_params": {"model": "c2VjcmV0"}}],
}


def write_export(address: str, folder: Path) -> Path:
    """Create LiteLLM's tables in a database, and write the document that the page's command writes."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(TABLES)  # type: ignore[call-overload]
        for table, rows in ROWS.items():
            for row in rows:
                names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
                values = [json.dumps(value) if isinstance(value, dict) else value for value in row.values()]
                connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', values)  # type: ignore[call-overload]
    [command] = re.findall(r"^```sh\n(psql .*?)^```", PAGE.read_text(), re.M | re.S)
    subprocess.run(["sh", "-ec", command], cwd=folder, env={**os.environ, "LITELLM_DATABASE_URL": address}, check=True)
    return folder / "litellm-keys.json"
