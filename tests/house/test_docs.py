"""The documentation is true: every block is run or checked, generated pages match the code, links have a target."""

import argparse
import configparser
import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bedrock_flask.__main__ import cli
from bedrock_flask.config import ENV_FILE, settings
from bedrock_flask.models import loading, models_file
from tests.doubles import Emulator, Gateway, StartEmulator, StartGateway

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if not {"_build", "node_modules"} & {*path.parts}),
]


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the line it begins at, its language and its text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read_blocks(path: Path) -> Iterator[Block]:
    text, page = path.read_text(), str(path.relative_to(ROOT))
    for found in re.finditer(r"^( *)```([^\n]*)\n(.*?)^\1```$", text, re.M | re.S):
        yield Block(page, text[: found.start()].count("\n") + 1, found[2].partition(" ")[0], found[3])


BLOCKS = [block for page in PAGES for block in read_blocks(page)]

# The test that runs the blocks of a language: one of those below, or another file of tests.
RUN_BY = {
    "sh": "test_a_command_is_one_that_works",
    "console": "test_a_command_is_one_that_works",
    "py": "test_a_program_example_runs",
    "python": "test_a_plugin_example_is_served_by_being_dropped_in",
    "json": "test_data_can_be_read",
    "toml": "test_data_can_be_read",
    "yaml": "test_data_can_be_read",
    "ini": "test_data_can_be_read",
    "mermaid": "tests/house/test_site.py",
    "{toctree}": "tests/house/test_site.py",
    "{include}": "tests/house/test_site.py",
}

# Pages, or languages on a page, that have their own tests; these tests name the page.
OWN = {
    ("docs/tutorials/first-plugin.md", "*"): "tests/house/test_first_plugin.py",
    ("docs/tutorials/emulator-in-ci.md", "*"): "tests/pytest_plugin/test_pytest_plugin.py",
    ("README.md", "py"): "tests/house/test_clients_page.py",
    ("docs/how-to/admin-api.md", "bash"): "tests/admin/test_page.py",
    ("docs/how-to/behind-nginx.md", "nginx"): "tests/house/conftest.py",
    ("docs/how-to/clients.md", "json"): "tests/agents/setups.py",
    ("docs/how-to/clients.md", "js"): "tests/javascript/test_javascript.py",
    ("docs/how-to/clients.md", "py"): "tests/house/test_clients_page.py",
    ("docs/how-to/clients.md", "toml"): "tests/house/test_clients_page.py",
    ("docs/how-to/coming-from-bedrock-access-gateway.md", "py"): "tests/house/test_clients_page.py",
    ("docs/how-to/coming-from-litellm.md", "py"): "tests/house/test_clients_page.py",
    ("docs/how-to/coming-from-litellm.md", "nginx"): "tests/house/test_shadow.py",
    ("docs/how-to/images.md", "py"): "tests/clients/test_openai_images.py",
    ("docs/how-to/keys.md", "py"): "tests/house/test_clients_page.py",
    ("docs/how-to/login.md", "toml"): "tests/admin/test_login.py",
    ("docs/how-to/usage.md", "sh"): "tests/guards/test_usage.py",
    ("docs/how-to/workload-identity.md", "py"): "tests/edge/test_tokens.py",
    ("docs/how-to/workload-identity.md", "toml"): "tests/edge/test_tokens.py",
    ("docs/reference/emulator.md", "js"): "tests/javascript/test_javascript.py",
    ("docs/reference/hooks.md", "python"): "tests/test_hookspecs.py",
    ("docs/reference/pytest.md", "python"): "tests/pytest_plugin/test_pytest_plugin.py",
}

# Blocks that are read and not run: an output or a form (text), and programs for a browser.
SHOWN = {("*", "text"), ("docs/how-to/cors.md", "js")}

# Programs that the suite cannot run for a reader, and why.
NOT_RUN = {
    ".": "the shell's own",
    "aws": "needs an account",
    "cd": "the shell's own",
    "awk": "tests/house/test_shadow.py runs it",
    "docker": "needs a daemon",
    "echo": "the shell's own",
    "export": "the shell's own",
    "join": "tests/house/test_shadow.py runs it",
    "jq": "tests/house/test_shadow.py runs it",
    "kill": "tests/house/test_how_tos.py sends the signal",
    "mkdir": "changes the machine",
    "nginx": "tests/house/test_nginx.py runs it",
    "openssl": "tests/house/test_how_tos.py and test_nginx.py run it",
    "pip": "changes the machine",
    "psql": "tests/commands/test_import.py runs it",
    "pytest": "the suite itself",
    "python3": "the reader's own",
    "sort": "tests/house/test_shadow.py runs it",
    "systemctl": "changes the machine",
    "umask": "the shell's own",
}


def find_own_test(block: Block) -> str | None:
    return OWN.get((block.page, "*")) or OWN.get((block.page, block.language))


def select_blocks(*languages: str, having: str = "", lacking: str = "\0") -> list[Any]:
    """The blocks of some languages that are run here."""
    found = [each for each in BLOCKS if each.language in languages and not find_own_test(each)]
    return [pytest.param(each, id=str(each)) for each in found if having in each.text and lacking not in each.text]


# --- nothing is missing ----------------------------------------------------------------------------------------------


def is_run(block: Block) -> bool:
    """Whether a test runs the block, or nobody needs to."""
    shown = {("*", block.language), (block.page, block.language)} & SHOWN
    return bool(find_own_test(block) or RUN_BY.get(block.language) or shown)


def test_somebody_runs_every_block() -> None:
    assert [f"{block}: nobody runs {block.language or 'no language'}" for block in BLOCKS if not is_run(block)] == []


def test_every_fence_is_closed() -> None:
    for page in PAGES:
        fences = re.findall(r"^ *```", page.read_text(), re.M)
        assert len(fences) == 2 * len(list(read_blocks(page))), page.name


def test_who_is_said_to_run_a_page_does_name_it() -> None:
    named = ((page, test, Path(page).name in (ROOT / test).read_text()) for (page, _), test in OWN.items())
    assert [f"{test} does not name {page}" for page, test, is_named in named if not is_named] == []


def test_who_is_said_to_run_a_language_is_there() -> None:
    for runner in RUN_BY.values():
        assert runner in globals() or (ROOT / runner).is_file()


def test_nothing_is_excused_that_is_not_in_the_documents() -> None:
    assert {page for page, _ in (*OWN, *SHOWN) if page != "*"} <= {block.page for block in BLOCKS}
    assert NOT_RUN.keys() == {words[0] for block in BLOCKS for words in read_commands(block)} - CHECKS.keys()


# --- commands --------------------------------------------------------------------------------------------------------


def read_commands(block: Block) -> Iterator[list[str]]:
    """The simple commands of a `sh` or `console` block, as words, without redirections."""
    if block.language == "console":
        joined = "\n".join(re.findall(r"^\$ ((?:.*\\\n)*.*)", block.text, re.M))
    elif block.language == "sh":
        joined = block.text
    else:
        return
    pending = ""
    for line in joined.replace("\\\n", " ").splitlines():
        pending += line + "\n"
        try:
            words = _split_words(pending)
        except ValueError:  # an open quote: it continues on the next line
            continue
        pending = ""
        yield from _split_commands(words)
    assert not pending, f"{block}: a quote is not closed"


def _split_words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _split_commands(words: list[str]) -> Iterator[list[str]]:
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if set(word) <= set("<>"):
            next(rest)
        elif set(word) <= set(";&|()"):
            yield from (found,) if found else ()
            found = []
        elif found or not re.match(r"\w+=", word):
            found.append(word)
    if found:
        yield found


def _check_our_command(words: list[str], servers: dict[str, Any]) -> None:
    command: click.Command = click.Group(commands={each.name or "": each for each in list_our_commands()})
    rest = words[1:]
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    context = click.Context(command)
    values, left, _ = command.make_parser(context).parse_args(args=list(rest))
    assert not left, left
    for parameter in command.params:
        if isinstance(parameter.type, click.Choice | click.IntRange | click.FloatRange) and parameter.name in values:
            given = values[parameter.name]
            for value in given if isinstance(given, list | tuple) else (given,):
                if isinstance(value, str):
                    parameter.type.convert(value, parameter, context)


def list_our_commands() -> Iterator[click.Command]:
    context = click.Context(cli, obj="no .env file is loaded")
    for name in cli.list_commands(context):
        yield cli.get_command(context, name)


def _check_make(words: list[str], servers: dict[str, Any]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in words[1:]:
        name = word.partition("=")[0]
        assert re.search(
            rf"\$\({name}\)|\$\([\w-]+ [^)]*\$\({name}\)" if "=" in word else rf"^{name}:.*## ", makefile, re.M
        ), word


def _check_curl(words: list[str], servers: dict[str, Any]) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    for flag in "sSNifv":
        parser.add_argument(f"-{flag}", action="store_true")
    parser.add_argument("-X")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    parser.add_argument("url")
    options = parser.parse_args(words[1:])
    host = next(host for host in servers if options.url.startswith(host))
    server, path = servers[host], options.url.removeprefix(host)
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in options.H)}
    answer = server.ask(options.X or ("GET" if options.d is None else "POST"), path, data=options.d, headers=headers)
    assert answer.ok, f"{answer.status_code}: {answer.text}"


CHECKS: dict[str, Callable[[list[str], dict[str, Any]], None]] = {
    "bedrock-flask": _check_our_command,
    "curl": _check_curl,
    "make": _check_make,
}


@pytest.fixture(scope="module")
def servers(
    start_emulator: StartEmulator, start_gateway: StartGateway, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Who answers at the addresses that the pages use."""
    emulator = start_emulator("--async-dir", str(tmp_path_factory.mktemp("s3")))
    gateway = start_gateway(
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url, BEDROCK_FLASK_CORS_ORIGINS="https://app.example.com"
    )
    return {
        "http://127.0.0.1:8000": gateway,
        "https://gateway.example.com": gateway,
        "http://127.0.0.1:8001": emulator,
    }


@pytest.mark.parametrize("block", select_blocks("sh", "console"))
def test_a_command_is_one_that_works(servers: dict[str, Any], block: Block) -> None:
    for words in read_commands(block):
        assert words[0] in CHECKS or words[0] in NOT_RUN, f"nobody runs {words[0]}"
        if words[0] in CHECKS:
            CHECKS[words[0]](words, servers)


def test_there_are_commands() -> None:
    found = [words[0] for block in BLOCKS for words in read_commands(block)]
    for name in CHECKS:
        assert found.count(name) >= 3, name


@pytest.mark.parametrize(
    "words",
    [
        ["bedrock-flask", "serve", "--no-such-option"],
        ["bedrock-flask", "no-such-command"],
        ["bedrock-flask", "emulate", "--engine", "no-such-engine"],
        ["make", "no-such-target"],
        ["curl", "http://127.0.0.1:8000/v1/no-such-route"],
        ["curl", "--no-such-option", "http://127.0.0.1:8000/livez"],
    ],
    ids=" ".join,
)
def test_a_command_that_does_not_work_is_found(servers: dict[str, Any], words: list[str]) -> None:
    with pytest.raises((AssertionError, click.UsageError, argparse.ArgumentError, SystemExit)):
        CHECKS[words[0]](words, servers)


def test_the_documents_name_only_settings_that_there_are() -> None:
    switches = [parameter.envvar for command in list_our_commands() for parameter in command.params]
    known = {*settings.environment_names(), ENV_FILE, *switches}
    for page in PAGES:
        assert set(re.findall(r"BEDROCK_FLASK_\w+", page.read_text())) <= known, page.name


# --- programs and plugins --------------------------------------------------------------------------------------------


def file_of(block: Block) -> str:
    return f"{Path(block.page).stem}_{block.line}.py"


@pytest.fixture(scope="module")
def with_examples(
    start_gateway: StartGateway, start_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Gateway:
    """A gateway, in front of an emulator, into whose drop-in folder every plugin example was written."""
    folder = tmp_path_factory.mktemp("examples")
    for parameters in select_blocks("python", lacking="def test_"):
        [block] = parameters.values
        (folder / file_of(block)).write_text(block.text)
    emulator = start_emulator(plugins_dir=folder)
    return start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(folder), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url)


@pytest.mark.parametrize("block", select_blocks("python", lacking="def test_"))
def test_a_plugin_example_is_served_by_being_dropped_in(with_examples: Gateway, block: Block) -> None:
    gateway = with_examples
    dropped = [
        model for model in gateway.get("/v1/models").json()["data"] if Path(model["source"]).name == file_of(block)
    ]
    assert dropped
    paths = gateway.get("/openapi.json").json()["paths"]
    for model in dropped:
        assert gateway.post(model["links"]["invoke"], model["sample"]).status_code == 200
        assert model["links"]["invoke"] in paths
        if model["capabilities"]["streaming"]:
            streamed = gateway.post(f"/v1/models/{model['name']}/invoke-stream", model["sample"])
            assert "event: usage" in streamed.text
        refused = gateway.post(model["links"]["invoke"], model["sample"] | {"no_such_field": 1})
        assert refused.status_code == 400


@pytest.mark.parametrize("block", select_blocks("python", having="def test_"))
def test_a_test_example_passes(tmp_path: Path, plain_environ: dict[str, str], block: Block) -> None:
    [plugin] = re.findall(r"^import (acme_\w+)$", block.text, re.M)
    template = _run("-m", "bedrock_flask", "new-plugin", plugin.replace("_", "-"), cwd=tmp_path, env=plain_environ)
    (tmp_path / f"{plugin}.py").write_text(template)
    (tmp_path / "test_it.py").write_text(block.text)
    alone = plain_environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugins = ("-p", "bedrock_flask.pytest_plugin", "-p", "no:cacheprovider")
    assert "1 passed" in _run("-m", "pytest", *plugins, cwd=tmp_path, env=alone)


def _run(*arguments: str, **where: Any) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **where)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("block", select_blocks("py"))
def test_a_program_example_runs(emulator: Emulator, capsys: Any, block: Block) -> None:
    exec(compile(block.text.replace("http://127.0.0.1:8001", emulator.url), str(block), "exec"), {})
    assert capsys.readouterr().out.strip()


# --- data ------------------------------------------------------------------------------------------------------------


def _read_environment(text: str) -> None:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    environ = dict(line.split("=", 1) for line in lines)
    # The reader's files do not exist here.
    settings.read_settings({name: value for name, value in environ.items() if not name.endswith(("_FILE", "_DIR"))})


READ: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "ini": _read_environment,
}


@pytest.mark.parametrize("block", select_blocks(*READ))
def test_data_can_be_read(block: Block) -> None:
    READ[block.language](block.text)


def test_the_error_example_is_what_the_gateway_says(gateway: Gateway) -> None:
    [example] = [json.loads(block.text) for block in BLOCKS if block.page == "README.md" and block.language == "json"]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": "64", "messages": []}
    problem = gateway.post("/v1/models/claude/invoke", body).json()
    assert {**problem, "request_id": ""} == {**example, "request_id": ""}


def test_the_models_file_example_holds(tmp_path: Path) -> None:
    texts = [block.text for block in read_blocks(ROOT / "docs/reference/models.md") if block.language == "toml"]
    (tmp_path / "models.toml").write_text("\n".join(texts))
    names = set(models_file.read_models_file(tmp_path / "models.toml", loading.load_registry()))
    assert names >= {"fast", "team", "our-llama", "our-tuned-nova"}


# --- generated pages, and pages that must match the code --------------------------------------------------------------


def load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_generated_page_is_up_to_date() -> None:
    pages = load_generator().PAGES
    assert pages
    assert [page for page, write in pages.items() if (ROOT / "docs" / page).read_text() != write()] == [], (
        "run: make docs"
    )


def test_the_command_line_page_has_every_command_and_option() -> None:
    text = (ROOT / "docs/reference/cli.md").read_text()
    for command in list_our_commands():
        assert f"## bedrock-flask {command.name}\n" in text
        for parameter in command.params:
            assert all(f"`{name}" in text or f" {name}" in text for name in parameter.opts if name.startswith("-"))


def test_links_lead_to_files_that_exist() -> None:
    targets = ((page, target) for page in PAGES for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()))
    assert [f"{page.name}: {target}" for page, target in targets if not (page.parent / target).exists()] == []


def test_every_fault_stands_in_the_emulators_page(emulator: Emulator) -> None:
    text = (ROOT / "docs/reference/emulator.md").read_text() + (ROOT / "docs/reference/errors.md").read_text()
    assert [name for name in emulator.get("/_emulator/faults").json()["known"] if f"`{name}`" not in text] == []


def test_the_floors_in_the_architecture_are_those_that_are_held() -> None:
    read = configparser.ConfigParser(interpolation=None)
    read.read(ROOT / "setup.cfg")
    layers = read["importlinter:contract:floors"]["layers"].strip().splitlines()
    held = [set(re.findall(r"\w+", layer)) for layer in layers]
    section = (ROOT / "docs/explanation/architecture.md").read_text().partition("\n## The floors\n")[2]
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", section.partition("\n## ")[0], re.M)
    assert [int(number) for number, _ in rows] == list(range(len(held), 0, -1))
    assert [set(re.findall(r"`(\w+)/?`", names)) for _, names in rows] == held


def test_the_modules_that_the_pages_name_exist() -> None:
    pages = [page for folder in ("explanation", "decisions") for page in (ROOT / "docs" / folder).glob("*.md")]
    named = {
        (page.name, path) for page in pages for path in re.findall(r"`(\w[\w./]*\.py|\w[\w/]*/)`", page.read_text())
    }
    roots = (ROOT, ROOT / "bedrock_flask")
    missing = [row for row in sorted(named) if not any((root / row[1]).exists() for root in roots)]
    assert [row for row in missing if "NAME" not in row[1]] == []
    assert len(named) > 60


def test_the_walk_through_the_architecture_names_functions_that_exist() -> None:
    steps = re.findall(
        r"^\| \d+ \| `([\w/]+\.py)` \| `(\w+)` \|", (ROOT / "docs/explanation/architecture.md").read_text(), re.M
    )
    assert len(steps) > 20
    for file, name in steps:
        assert re.search(rf"^ *(def|class) {name}\b", (ROOT / "bedrock_flask" / file).read_text(), re.M), (
            f"{file}: {name}"
        )


def test_every_word_of_the_glossary_has_its_place() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (ROOT / "docs/glossary.md").read_text(), re.M)
    assert words == sorted(words, key=str.lower)
    assert len(words) > 30
