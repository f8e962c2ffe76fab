"""Who used and spent what: a key for itself, and an operator for all."""

import csv
import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.governance.budgets import to_dollars
from tests.doubles import Emulator, StartEmulator
from tests.governed import STATIC, Governed, NamedKey, StartGoverned, check_usage

CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}
OPENAI, USAGE = "/v1/chat/completions", "/v1/usage"


@pytest.fixture(scope="module")
def account(start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    """An emulator that runs asynchronous jobs."""
    return start_emulator("--async-dir", str(tmp_path_factory.mktemp("s3")))


@pytest.fixture(scope="module")
def governed(start_with_database: StartGoverned, account: Emulator) -> Governed:
    return start_with_database(BEDROCK_FLASK_MAX_ATTEMPTS="1", AWS_ENDPOINT_URL_BEDROCK_RUNTIME=account.url)


def call(governed: Governed, key: NamedKey, body: Any = CHAT, path: str = OPENAI, **headers: str) -> Any:
    response = governed.send({"authorization": f"Bearer {key.text}", **headers}, path, body)
    assert response.status_code in (200, 202), response.text
    return response


def read_usage(governed: Governed, secret: str, query: str = "") -> Any:
    response = governed.send({"x-api-key": secret}, USAGE + query, method="GET")
    assert response.status_code == 200, response.text
    return response.json()


def test_a_key_reads_its_own_numbers_and_no_others(governed: Governed, key: NamedKey) -> None:
    governed.change("set_budgets", f"key:{key.name}", {"day": "1.50"})
    governed.change("set_budgets", "team:research", {"month": "1000"})
    governed.change("set_limits", f"key:{key.name}", "", {"requests": 60})
    other = governed.create_key()
    call(governed, other)
    for model in ("nova", "nova", "claude"):
        call(governed, key, CHAT | {"model": model})
    rows = governed.await_rows(key.name, 3)
    found = read_usage(governed, key.text)
    assert (found["key"], found["team"]) == (key.name, "research")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert [(each["day"], each["calls"]) for each in found["data"]] == [(today, 2), (today, 1)] or midnight_has_passed(
        rows
    )
    assert {each["model"] for each in found["data"]} == {row["model"] for row in rows}
    cost = sum(row["cost"] for row in rows)
    total = found["total"]
    assert (total["calls"], total["cost_usd"]) == (3, to_dollars(cost))
    assert total["output_tokens"] == sum(row["output_tokens"] for row in rows)
    [budget] = found["budgets"]
    left = to_dollars(1_500_000_000 - cost)
    assert [budget[name] for name in ("period", "limit_usd", "spent_usd", "reserved_usd", "left_usd")] == [
        "day",
        "1.50",
        to_dollars(cost),
        "0.00",
        left,
    ]
    assert found["limits"] == [
        {"model": None, "requests_a_minute": 60, "tokens_a_minute": None, "calls_at_a_time": None}
    ]
    assert other.name not in json.dumps(found)


def test_a_static_key_reads_its_own_numbers(governed: Governed) -> None:
    response = governed.send({"x-api-key": STATIC}, OPENAI, CHAT)
    assert response.status_code == 200, response.text
    governed.await_rows("static", 1)
    found = read_usage(governed, STATIC, "?days=2")
    assert (found["key"], found["team"], found["total"]["calls"], found["budgets"]) == ("static", None, 1, [])


@pytest.mark.parametrize("query", ["?days=0", "?days=367", "?days=x", "?days=1&days=2", "?key=other"])
def test_a_query_that_is_not_known_is_refused_by_name(governed: Governed, query: str) -> None:
    response = governed.send({"x-api-key": STATIC}, USAGE + query, method="GET")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_body")
    assert response.json()["errors"][0]["path"] == query[1:].partition("=")[0]


def test_an_operator_sums_up_by_tags_and_exports_the_columns_of_focus(governed: Governed, key: NamedKey) -> None:
    governed.change("create_team", team := f"t{key.id[:5]}", "acme", {"centre": f"7{key.id}"})
    tagged = governed.create_key(team)
    call(governed, tagged)
    call(governed, tagged)
    call(governed, key)
    rows = [*governed.await_rows(tagged.name, 2), *governed.await_rows(key.name, 1)]
    cost, only = sum(row["cost"] for row in rows[:2]), f"tag:centre=7{key.id}"
    lines = list(csv.DictReader(governed.run("usage", "--by", "tag:centre", "--by", "key", "--csv")))
    found = {line["key"]: line for line in lines}
    assert (found[tagged.name]["tag:centre"], found[tagged.name]["calls"]) == (f"7{key.id}", "2")
    assert found[key.name]["tag:centre"] == "-"
    [line] = csv.DictReader(governed.run("usage", "--by", "team", "--only", only, "--csv"))
    assert (line["team"], line["cost_usd"]) == (team, to_dollars(cost))
    exported = list(csv.DictReader(governed.run("usage", "--focus", "--only", only)))
    assert sum(Decimal(line["ListCost"]) for line in exported) == Decimal(cost) / 10**9
    assert sum(int(line["ConsumedQuantity"]) for line in exported) == 2
    [line] = [line for line in exported if line["x_Key"] == tagged.name][:1]
    assert json.loads(line["Tags"]) == {"centre": f"7{key.id}"}
    day = datetime.fromtimestamp(rows[0]["opened"] / 1000, UTC)
    assert line["ChargePeriodStart"] == f"{day:%Y-%m-%dT00:00:00Z}"
    assert line["BillingPeriodStart"] == f"{day:%Y-%m-01T00:00:00Z}"
    assert (line["ServiceName"], line["BillingCurrency"], line["ChargeClass"]) == ("Amazon Bedrock", "USD", "")


@pytest.mark.parametrize("words", [("--by", "hour"), ("--only", "day=1")])
@pytest.mark.parametrize("start_with_database", ["gevent-sqlite"], indirect=True)
def test_what_calls_are_not_summed_up_by_is_refused(governed: Governed, words: tuple[str, str]) -> None:
    command = [sys.executable, "-m", "bedrock_flask", "usage", *words]
    done = subprocess.run(command, env=governed.environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"bedrock-flask: '{words[1]}' is not")


def midnight_has_passed(rows: list[dict[str, Any]]) -> bool:
    return len({row["opened"] // 86_400_000 for row in rows}) > 1


def test_a_person_reads_what_became_of_a_request(governed: Governed, account: Emulator, key: NamedKey) -> None:
    governed.change("set_budgets", f"key:{key.name}", {"day": "1"})
    answer = call(governed, key, **{"x-request-id": f"why-{key.id}"})
    [row] = governed.await_rows(key.name, 1)
    shown = "\n".join(governed.run("why", f"why-{key.id}"))
    assert shown.startswith("call 1 of 1\n")
    for words in (
        f"{key.name} (secret {key.id})",
        "team                  research",
        "openai_chat -> Converse",
        row["model"],
        "OK: the answer is whole",
        answer.headers["x-bedrock-request-id"],
        f"input_tokens={row['input_tokens']} output_tokens={row['output_tokens']}",
        f"${to_dollars(row['reserved'])} of the key '{key.name}' for this day",
        f"cost                  ${to_dollars(row['cost'])}",
        f"input {row['input_tokens']} x $0.06 a 1,000,000 = $",
    ):
        assert words in shown, shown
    account.fault("InternalServerException")
    governed.send({"x-api-key": key.text, "x-request-id": f"est-{key.id}"}, OPENAI, CHAT)
    _, row = governed.await_rows(key.name, 2)
    [state] = [line for line in governed.run("why", f"est-{key.id}") if line.startswith("  state")]
    assert state.endswith(
        f"EST: the call ended with {row['error']}: nobody knows what AWS bills, so what was reserved is charged"
    )


@pytest.mark.parametrize("start_with_database", ["gevent-sqlite"], indirect=True)
def test_each_call_of_a_request_is_shown(governed: Governed, key: NamedKey) -> None:
    body = {"model": "titan-embed", "input": ["one", "two", "three"]}
    call(governed, key, body, "/v1/embeddings", **{"x-request-id": f"many-{key.id}"})
    governed.await_rows(key.name, 3)
    shown = governed.run("why", f"many-{key.id}")
    assert [line for line in shown if line.startswith("call")] == [f"call {number} of 3" for number in (1, 2, 3)]


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
VIDEO = {"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "A door"}}
REEL = "amazon.nova-reel-v1:1"
LONG_VIDEO = {
    "taskType": "MULTI_SHOT_AUTOMATED",
    "multiShotAutomatedParams": {"text": "A door"},
    "videoGenerationConfig": {"durationSeconds": 12, "fps": 24, "dimension": "1280x720"},
}
BUCKET = {"s3_uri": "s3://bucket"}
IMAGES, RERANK = "/v1/images/generations", "/v2/rerank"


@pytest.mark.parametrize(
    ("path", "body", "state", "counts", "dollars"),
    [
        (IMAGES, {"model": "stable-image-core", "prompt": "A door."}, "OK", {"image": "1"}, "0.04"),
        (
            IMAGES,
            {"model": "nova-canvas", "prompt": "A door.", "n": 2, "size": "1280x768"},
            "OK",
            {"image": "2", "variant": "standard up to 2048 x 2048"},
            "0.12",
        ),
        (
            RERANK,
            {"model": "cohere-rerank", "query": "q", "documents": ["a"] * 101},
            "OK",
            {"request": "2"},
            "0.004",
        ),
        ("/v1/embeddings", {"model": "cohere-embed", "input": ["one", "two"]}, "OK", {"output": "0"}, None),
        (
            "/v1/models/titan-embed-image/invoke",
            {"inputImage": PIXEL},
            "OK",
            {"image_input": "1", "input": "0"},
            "0.00006",
        ),
        (f"/v1/models/{REEL}/jobs", {"input": VIDEO, "output": BUCKET}, "EST", {}, "0.48"),
        (f"/v1/models/{REEL}/jobs", {"input": LONG_VIDEO, "output": BUCKET}, "EST", {}, "0.96"),
        (
            "/async-invoke",
            {
                "modelId": REEL,
                "modelInput": VIDEO,
                "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://bucket"}},
            },
            "EST",
            {},
            "0.48",
        ),
    ],
)
def test_what_is_not_billed_by_tokens_has_a_row_with_its_cost(
    governed: Governed, key: NamedKey, path: str, body: Any, state: str, counts: dict[str, str], dollars: str | None
) -> None:
    governed.change("set_budgets", f"key:{key.name}", {"day": "5"})
    call(governed, key, body, path)
    [row] = governed.await_rows(key.name, 1)
    assert (row["state"], json.loads(row["counts"] or "{}")) == (state, counts)
    if dollars:
        assert to_dollars(row["cost"]) == dollars
    assert 0 < row["cost"] <= row["reserved"]
    [spent] = governed.query(f"SELECT * FROM spending WHERE scope = 'key:{key.name}/day'")
    assert (spent["spent"], spent["reserved"]) == (row["cost"], 0)
    check_usage(governed.database)


@pytest.mark.parametrize("start_with_database", ["gevent-sqlite"], indirect=True)
def test_the_commands_of_the_page_do_what_it_says(governed: Governed, repository: Path) -> None:
    """In the order of the page, for the key that it names."""
    key = governed.create_key(name="nightly-job")
    name = key.name
    governed.change("set_budgets", f"key:{name}", {"day": "5"})
    governed.change("set_limits", f"key:{name}", "", {"requests": 60})
    call(governed, key)
    governed.await_rows(name, 1)
    page = (repository / "docs/how-to/usage.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)
    printed = []
    for block in blocks:
        script = block.replace("http://127.0.0.1:8000", governed.gateway.url)
        script = script.replace("bedrock-flask ", f"{sys.executable} -m bedrock_flask ")
        environ = governed.environ | {"API_KEY": key.text, "PATH": os.environ["PATH"]}
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                ["sh", "-ec", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
            )
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    own, sums, _, story, _, erased = printed
    shown = json.loads(re.findall(r"^```json\n(.*?)^```", page, re.M | re.S)[0])
    assert find_members(json.loads(own)) == find_members(shown)
    assert "amazon.nova-lite-v1:0" in sums
    described = re.findall(r"^  (\S[^ ]*(?: [^ ]+)*)  ", page.partition("call 1 of 1\n")[2].partition("```")[0], re.M)
    assert re.findall(r"^  (\S[^ ]*(?: [^ ]+)*)  ", story.partition("call 1 of 1\n")[2], re.M) == described
    assert "ledger: 2 removed" in erased


def find_members(value: Any) -> Any:
    """The names in a document, and nothing of its values."""
    if isinstance(value, dict):
        return {name: find_members(each) for name, each in value.items()}
    return [find_members(each) for each in value] if isinstance(value, list) else None
