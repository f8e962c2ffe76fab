"""`bedrock-flask import litellm`: what is carried over works, the rest is listed, and nothing is done by halves."""

import json
import tomllib
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from sqlalchemy import select

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.tables import METADATA
from tests.commands.conftest import run_in_process
from tests.commands.litellm_data import BLOCKED, CONFIG, EXPIRED, OLD, hash_key, write_export
from tests.databases import create_address
from tests.doubles import Emulator, Gateway, StartGateway
from tests.governed import create_tables

TURNS: Any = [{"role": "user", "content": "Hi"}]
REPORT = """\
Carried over:
  model fast: us.amazon.nova-lite-v1:0 in us-east-1
  model embed: amazon.titan-embed-text-v2:0
  model quick: us.amazon.nova-lite-v1:0 in us-east-1
  team Acme-Inc.: models fast,quick,embed; 500.5 USD a month; tags litellm
  team research below Acme-Inc.: models fast,quick; guardrail gr1abc:4; 600 requests a minute; tags centre,litellm
  team stopped: tags litellm; revoked, because it is blocked
  team litellm: tags litellm
  key research/nightly-job: 60 requests a minute, 100000 tokens a minute, 5 calls at a time, \
amazon.nova-lite-v1:0: 6 requests a minute; 0.02 USD a day; tags tags,user
  key research/key-{blocked}: revoked, because it is blocked
  key litellm/old
  key stopped/late: dialects openai_embeddings
Not carried over, and more is allowed here without it:
  guardrail other: the guardrail: only Bedrock's guardrails are applied
  key old: max_budget for ever: budgets are of a day, a week or a month; nearest: bedrock-flask teams budget TEAM or \
keys budget TEAM/NAME
  user alice: max_budget: people have no limits here; nearest: a rule of the person's keys
"""


@pytest.fixture(scope="module")
def files(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with LiteLLM's configuration, and its teams and keys as the page's command writes them."""
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "config.yaml").write_text(CONFIG)
    write_export(postgres.create_database(), folder)
    return folder


@pytest.fixture(params=["sqlite", "postgres"])
def environ(request: pytest.FixtureRequest, plain_environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    own = create_tables(create_address(request, request.param, tmp_path))
    return plain_environ | own | {"LITELLM_REGION": "us-east-1", "LITELLM_KEY_ID": "canary-key-id"}


@pytest.fixture
def take_over(run_command: Any, files: Path, tmp_path: Path) -> Any:
    """Run the import; the report that it prints."""

    def run(environ: dict[str, str], *options: str) -> str:
        words = ("import", "litellm", f"{files}/config.yaml", "--models-file", f"{tmp_path}/models.toml", *options)
        done = run_command(environ, *words)
        assert done.returncode == 0, done.stderr
        assert "canary" not in done.stdout + done.stderr
        return str(done.stdout)

    return run


def list_directory(run_command: Any, environ: dict[str, str]) -> str:
    return "".join(run_command(environ, what, "list").stdout for what in ("teams", "keys"))


def test_the_report_has_each_item_and_a_second_run_changes_nothing(
    run_command: Any, take_over: Any, environ: dict[str, str], files: Path, tmp_path: Path
) -> None:
    keys, models = ("--keys", f"{files}/litellm-keys.json"), tmp_path / "models.toml"
    planned = take_over(environ, *keys, "--dry-run")
    assert not models.exists()
    assert list_directory(run_command, environ).count("\n") == 2
    assert take_over(environ, *keys) == planned
    assert planned.startswith(REPORT.format(blocked=hash_key(BLOCKED)[:8]))
    written, stored = models.read_text(), list_directory(run_command, environ)
    again = take_over(environ, *keys)
    assert again.startswith("Here already, and not changed:\n  model fast\n")
    assert (models.read_text(), list_directory(run_command, environ)) == (written, stored)
    assert tomllib.loads(written)["models"]["fast"] == {
        "id": "amazon.nova-lite-v1:0",
        "profile": "us.amazon.nova-lite-v1:0",
        "region": "us-east-1",
        "unsupported": "drop",
    }


def test_a_dry_run_needs_no_database_and_models_alone_need_none(
    take_over: Any, plain_environ: dict[str, str], files: Path, tmp_path: Path
) -> None:
    region = {"LITELLM_REGION": "us-east-1", "LITELLM_KEY_ID": "canary-key-id"}
    planned = take_over(plain_environ | region, "--keys", f"{files}/litellm-keys.json", "--dry-run")
    assert "key research/nightly-job" in planned
    assert "key research" not in take_over(plain_environ | region)
    assert (tmp_path / "models.toml").exists()


@pytest.fixture(scope="module")
def moved(
    start_gateway: StartGateway, files: Path, plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Gateway:
    """A gateway with what was imported."""
    folder = tmp_path_factory.mktemp("moved")
    own = create_tables(f"sqlite:///{folder}/gateway.db")
    environ = plain_environ | own | {"LITELLM_REGION": "us-east-1", "LITELLM_KEY_ID": "id"}
    words = ("import", "litellm", f"{files}/config.yaml", "--keys", f"{files}/litellm-keys.json")
    assert run_in_process(environ, *words, "--models-file", f"{folder}/models.toml").returncode == 0
    paths = {"BEDROCK_FLASK_MODELS_FILE": f"{folder}/models.toml", "BEDROCK_FLASK_PATHS": "litellm"}
    return start_gateway(**own, **paths)


def test_a_key_of_litellm_calls_as_bearer_and_as_x_api_key(moved: Gateway, emulator: Emulator) -> None:
    with openai.OpenAI(base_url=moved.url, api_key=OLD, max_retries=0) as client:
        assert client.chat.completions.create(model="fast", messages=TURNS, max_tokens=20).choices
        assert [model.id for model in client.models.list() if model.id in ("fast", "quick", "embed")] == [
            "fast",
            "quick",
        ]
        with pytest.raises(openai.PermissionDeniedError, match="team 'research' does not allow embed"):
            client.embeddings.create(model="embed", input="Hi")
    with anthropic.Anthropic(base_url=moved.url, api_key=OLD, max_retries=0) as messages:
        assert messages.messages.create(model="fast", messages=TURNS, max_tokens=20).content
    assert {call["model"] for call in emulator.calls()} == {"us.amazon.nova-lite-v1:0"}
    assert len(emulator.calls()) == 2


def test_the_budget_and_limits_of_a_key_hold(moved: Gateway) -> None:
    with openai.OpenAI(base_url=moved.url, api_key=OLD, max_retries=0) as client:
        answer = client.chat.completions.with_raw_response.create(model="fast", messages=TURNS, max_tokens=20)
        assert answer.headers["x-ratelimit-limit-requests"] == "6"
        with pytest.raises(openai.APIStatusError) as refused:
            client.chat.completions.create(model="fast", messages=[{"role": "user", "content": "Hi " * 200_000}])
    assert refused.value.status_code in (402, 429)


@pytest.mark.parametrize("key", [BLOCKED, EXPIRED, "sk-canary-admin", "sk-canary-late", "sk-canary-ui", "sk-other"])
def test_a_key_that_litellm_refuses_is_refused(moved: Gateway, key: str) -> None:
    body = {"model": "embed", "input": "Hi"}
    assert moved.post("/embeddings", body, headers={"authorization": f"Bearer {key}"}).status_code == 401


def test_an_import_that_fails_leaves_nothing(
    run_command: Any, take_over: Any, environ: dict[str, str], files: Path, tmp_path: Path
) -> None:
    models = tmp_path / "nowhere/models.toml"
    words = ("import", "litellm", f"{files}/config.yaml", "--models-file", str(models))
    failed = run_command(environ, *words, "--keys", f"{files}/litellm-keys.json")
    assert failed.returncode == 1
    assert "cannot be written" in failed.stderr
    assert list_directory(run_command, environ).count("\n") == 2
    assert not models.exists()


def test_what_the_models_file_has_stays_as_it_is(take_over: Any, plain_environ: dict[str, str], tmp_path: Path) -> None:
    own = '# Ours.\n[models.fast]\nid = "amazon.nova-micro-v1:0"  # cheap'
    (tmp_path / "models.toml").write_text(own)
    report = take_over(plain_environ | {"LITELLM_REGION": "us-east-1", "LITELLM_KEY_ID": "id"})
    assert "the models file has amazon.nova-micro-v1:0 by this name" in report
    assert (tmp_path / "models.toml").read_text().startswith(f"{own}\n\n[models.embed]\n")


def test_a_key_that_is_new_is_brought_by_the_next_import(
    run_command: Any, take_over: Any, environ: dict[str, str], files: Path, tmp_path: Path
) -> None:
    take_over(environ, "--keys", f"{files}/litellm-keys.json")
    export = json.loads((files / "litellm-keys.json").read_text())
    [old] = [key for key in export["keys"] if key["token"] == hash_key(OLD)]
    export["keys"].append({**old, "token": hash_key("sk-canary-second")})
    (tmp_path / "keys.json").write_text(json.dumps(export))
    report = take_over(environ, "--keys", f"{tmp_path}/keys.json")
    name = f"research/nightly-job-{hash_key('sk-canary-second')[:8]}"
    assert f"key {name}: " in report.partition("Here already")[0]
    assert name in list_directory(run_command, environ)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("config.yaml", "a: [", "is not YAML"),
        ("config.yaml", "a:\n  key: %sk-canary-broken", "is not YAML: line 2, column 8"),
        ("config.yaml", "- a", "is not a configuration of LiteLLM"),
        ("keys.json", "{", "is not JSON"),
        ("keys.json", '{"rows": []}', "is not an export of LiteLLM's database"),
        ("keys.json", '{"keys": 7}', "keys are not rows"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    run_command: Any, plain_environ: dict[str, str], tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / "config.yaml").write_text("model_list: []")
    (tmp_path / "keys.json").write_text('{"keys": []}')
    (tmp_path / name).write_text(text)
    done = run_command(
        plain_environ, "import", "litellm", f"{tmp_path}/config.yaml", "--keys", f"{tmp_path}/keys.json", "--dry-run"
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert "canary" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_keys_need_a_database(run_command: Any, plain_environ: dict[str, str], files: Path) -> None:
    words = ("import", "litellm", f"{files}/config.yaml", "--keys", f"{files}/litellm-keys.json")
    assert "there is no database" in run_command(plain_environ, *words).stderr


def test_the_hash_of_a_key_is_nowhere_in_the_database(take_over: Any, environ: dict[str, str], files: Path) -> None:
    take_over(environ, "--keys", f"{files}/litellm-keys.json")
    with begin(parse_database_url(environ["BEDROCK_FLASK_DATABASE_URL"]), writes=False) as connection:
        rows = [row for table in METADATA.sorted_tables for row in connection.execute(select(table))]
    assert any("research/nightly-job" in row for row in rows)
    assert bytes.fromhex(hash_key(OLD)) not in {value for row in rows for value in row if isinstance(value, bytes)}
    assert hash_key(OLD) not in str(rows)
