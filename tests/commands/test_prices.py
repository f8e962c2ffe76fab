"""`bedrock-flask prices` lists prices, compares them with AWS's Price List, and writes the operator's file."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from bedrock_flask.app import create_app
from bedrock_flask.commands import prices
from bedrock_flask.config.settings import Settings
from bedrock_flask.prices.price_list import OFFERS, locate_offer
from bedrock_flask.prices.table import InvalidPrices, load_prices
from tests.prices.test_price_list import claude, make_offer, nova

Run = Callable[..., "subprocess.CompletedProcess[str]"]
OPUS, LITE = "anthropic.claude-opus-5-5", "amazon.nova-2-lite-v1:0"
EQUAL = (claude("InputTokenCount", "4.4"), claude("OutputTokenCount_Global", "20"))


@pytest.fixture
def run(run_command: Run, plain_environ: dict[str, str]) -> Run:
    def run_prices(*options: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return run_command(plain_environ | environ, "prices", *options)

    return run_prices


@pytest.fixture
def aws() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def serve(aws: responses.RequestsMock, foundation: bytes, own: bytes | None = None, region: str = "us-east-1") -> None:
    bodies = (own if own is not None else make_offer(nova("input-tokens", "0.00033")), foundation)
    for offer, body in zip(OFFERS, bodies, strict=True):
        aws.get(locate_offer(offer, region), body=body)


def test_prices_are_listed_and_unknown_ones_counted(run: Run) -> None:
    done = run("--model", "nova-reel")
    assert done.returncode == 0, done.stderr
    assert "amazon.nova-reel-v1:1" in done.stdout
    assert "video_second 0.08" in done.stdout
    assert done.stdout.endswith("2 prices; 0 known models have none: -\n")
    document = json.loads(run("--json").stdout)
    [row] = [each for each in document["prices"] if (each["model"], each["profile"]) == (OPUS, "global")]
    assert (row["usd"]["input"], row["usd"]["image"]) == ("4", None)
    assert "luma.ray-v2:0" not in document["models_without_price"]


def test_equal_prices_pass(run: Run, aws: responses.RequestsMock) -> None:
    serve(aws, make_offer(*EQUAL))
    done = run("check")
    assert done.returncode == 0, done.stderr
    assert "us-east-1: 3 prices of 2 models; 0 products not compared; 0 names without a model: -" in done.stdout
    assert done.stdout.endswith("3 equal, 0 different, 0 not known here\n")


def test_a_price_that_differs_is_named_with_both(run: Run, aws: responses.RequestsMock) -> None:
    serve(aws, make_offer(*EQUAL, claude("OutputTokenCount", "23"), claude("InputTokenCount", "1", "Claude Opus 9")))
    done = run("check")
    assert done.returncode == 1
    assert f"{OPUS} (us-east-1 default) output: 22 here, 23 at AWS" in done.stdout
    assert "1 names without a model: Claude Opus 9" in done.stdout


def test_the_region_is_the_gateways_or_those_that_are_named(run: Run, aws: responses.RequestsMock) -> None:
    serve(aws, make_offer(*EQUAL), region="eu-west-1")
    assert run("check", BEDROCK_FLASK_REGION="eu-west-1").stdout.startswith("eu-west-1: ")
    for region in ("us-east-1", "us-west-2"):
        serve(aws, make_offer(*EQUAL), region=region)
    both = run("check", "--region", "us-east-1", "--region", "us-west-2").stdout
    assert [line.partition(":")[0] for line in both.splitlines()[:2]] == ["us-east-1", "us-west-2"]


def test_refresh_writes_a_file_that_the_gateway_prefers(run: Run, aws: responses.RequestsMock, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("model,input,source\nacme.chat-v1,0.5,our contract\n")
    serve(aws, make_offer(claude("InputTokenCount", "4.5"), claude("OutputTokenCount", "22.5")))
    done = run("refresh", "--prices-file", str(path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{path}: 2 prices of AWS's Price List, 0 of other regions, 1 of your own",
        f"1 of them lack a price that the gateway knows: calls that need it have no cost: {OPUS}",
    ]
    found: Any = load_prices(str(path))
    price = found.find_price(OPUS, "us-east-1", "us")
    assert ({unit: str(each) for unit, each in price.units.items()}, price.source, price.date) == (
        {"input": "4.5", "output": "22.5"},
        "AWS Price List",
        "2026-11-20",
    )
    assert found.find_price("acme.chat-v1", "us-east-1").source == "our contract"
    # Again: what came from AWS is replaced, what did not stays.
    serve(aws, make_offer(claude("InputTokenCount", "4.6")))
    run("refresh", BEDROCK_FLASK_PRICES_FILE=str(path))
    assert str(load_prices(str(path)).find_price(OPUS, "us-east-1").units["input"]) == "4.6"
    assert len(path.read_text().splitlines()) == 4


@pytest.mark.parametrize("regions", ["us-east-1", "us-east-1 us-west-2", ""])
def test_refresh_leaves_the_operators_own_price_of_the_same_calls(
    run: Run, aws: responses.RequestsMock, tmp_path: Path, regions: str
) -> None:
    path = tmp_path / "own.csv"
    path.write_text(f"model,regions,input,source\n{OPUS},{regions},0.5,our contract\n")
    serve(aws, make_offer(*EQUAL))
    done = run("refresh", "--prices-file", str(path), "--region", "us-east-1", "--region", "us-east-1")
    assert done.returncode == 0, done.stderr
    found: Any = load_prices(str(path))
    assert found.find_price(OPUS, "us-east-1").source == "our contract"
    assert found.find_price(OPUS, "us-east-1", "global").source == "AWS Price List"
    assert found.find_price(LITE, "us-east-1").source == "AWS Price List"


def test_refresh_of_one_region_leaves_the_others(run: Run, aws: responses.RequestsMock, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    for region, price in (("us-east-1", "4.5"), ("eu-west-1", "5"), ("us-east-1", "4.6")):
        serve(aws, make_offer(claude("InputTokenCount", price)), region=region)
        done = run("refresh", "--prices-file", str(path), "--region", region)
        assert done.returncode == 0, done.stderr
    found: Any = load_prices(str(path))
    inputs = [str(found.find_price(OPUS, region).units["input"]) for region in ("us-east-1", "eu-west-1")]
    assert inputs == ["4.6", "5"]
    assert "2 of other regions" in done.stdout


@pytest.mark.parametrize("command", ["check", "refresh"])
@pytest.mark.parametrize("region", ["nowhere", "us-east-1/../x", ""])
def test_a_region_that_is_none_is_refused_before_the_call(run: Run, tmp_path: Path, command: str, region: str) -> None:
    path = tmp_path / "own.csv"
    path.write_text("model,input\nacme.chat-v1,0.5\n")
    done = run(command, "--prices-file", str(path), "--region", region)
    assert (done.returncode, f"--region: {region!r} is not a region" in done.stderr) == (2, True)


def test_refresh_writes_no_file_that_the_gateway_would_not_read(
    run: Run, aws: responses.RequestsMock, tmp_path: Path
) -> None:
    path = tmp_path / "own.csv"
    serve(aws, make_offer(claude("InputTokenCount", "12345678901")))
    done = run("refresh", "--prices-file", str(path))
    assert (done.returncode, "not written in plain digits" in done.stderr) == (1, True)
    assert not path.exists()


def test_options_of_the_list_do_not_go_with_another_command(run: Run) -> None:
    done = run("--json", "check")
    assert (done.returncode, "--model and --json are options of the list alone" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status": 404}, "answers with status 404"),
        ({"status": 301, "headers": {"Location": "https://example.com/"}}, "answers with status 301"),
        ({"body": b"<html>"}, "this is not an offer of AWS's Price List"),
        ({"body": requests.ConnectTimeout("no route to a secret place")}, "ConnectTimeout; check that this machine"),
        ({"body": requests.exceptions.ProxyError("a secret password")}, "ProxyError; check HTTPS_PROXY"),
        ({"body": requests.exceptions.SSLError("a secret chain")}, "SSLError; name the certificates"),
        ({"body": OSError("a secret path")}, "OSError; check REQUESTS_CA_BUNDLE"),
        ({"body": ValueError("a secret port")}, "ValueError; check that this machine"),
        ({"body": b"x" * 2001}, "has more than 2000 bytes"),
    ],
)
def test_an_answer_that_is_no_offer_ends_in_one_line_and_changes_nothing(
    run: Run,
    aws: responses.RequestsMock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    words: str,
) -> None:
    monkeypatch.setattr(prices, "_MOST_BYTES", 2000)
    path = tmp_path / "own.csv"
    path.write_text("model,input\nacme.chat-v1,0.5\n")
    aws.get(locate_offer(OFFERS[0], "us-east-1"), **answer)
    done = run("refresh", "--prices-file", str(path))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("bedrock-flask: ")
    assert words in line
    assert "secret" not in line
    assert path.read_text() == "model,input\nacme.chat-v1,0.5\n"


def test_an_offer_without_known_models_does_not_empty_the_file(
    run: Run, aws: responses.RequestsMock, tmp_path: Path
) -> None:
    path = tmp_path / "own.csv"
    path.write_text("model,input,source\nacme.chat-v1,0.5,AWS Price List\n")
    serve(aws, make_offer(), make_offer())
    done = run("refresh", "--prices-file", str(path))
    assert (done.returncode, "left as it is" in done.stderr) == (1, True)
    assert "acme.chat-v1" in path.read_text()


def test_refresh_needs_a_file_to_write(run: Run, tmp_path: Path) -> None:
    assert "BEDROCK_FLASK_PRICES_FILE" in run("refresh").stderr
    bad = tmp_path / "own.csv"
    bad.write_text("model,input\nacme.chat-v1,-1\n")
    for command in ((), ("check",), ("refresh",)):
        done = run(*command, "--prices-file", str(bad))
        assert (done.returncode, "line 2: input: a price cannot be negative" in done.stderr) == (1, True)


def test_the_gateway_does_not_start_with_a_bad_file(
    run_command: Run, plain_environ: dict[str, str], tmp_path: Path
) -> None:
    bad = tmp_path / "own.csv"
    bad.write_text("model,input\nacme.chat-v1,-1\n")
    with pytest.raises(InvalidPrices, match="line 2: input: a price cannot be negative"):
        create_app(Settings(prices_file=str(bad)))
    done = run_command(plain_environ | {"BEDROCK_FLASK_PRICES_FILE": str(bad)}, "serve")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"bedrock-flask: {bad} line 2: input: a price cannot be negative: -1\n"
