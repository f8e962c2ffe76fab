"""The documents tell the truth: generated pages match the code, examples work, links lead somewhere."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask import aliases, registry

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def generator() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", generator().PAGES)
def test_a_generated_page_is_up_to_date(page: str) -> None:
    assert (ROOT / "docs" / page).read_text() == generator().PAGES[page](), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def curls() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            for command in re.findall(r"^curl .*?(?:(?<!\\)$)", block, re.MULTILINE | re.DOTALL):
                path = re.search(r"http://127\.0\.0\.1:8000(/\S+)", command)
                body = re.search(r"-d '(.*?)'", command, re.DOTALL)
                if path and body:
                    found.append((path[1], body[1]))
    return found


def test_there_are_curl_examples() -> None:
    assert len(curls()) >= 3


@pytest.mark.parametrize(("path", "body"), curls())
def test_a_curl_example_works(gateway: Any, emulator: Any, path: str, body: str) -> None:
    response = gateway.post(path, body)
    assert response.status_code == 200, response.text


def plugins() -> list[tuple[str, str]]:
    return [
        (f"{page.stem}_{number}", block)
        for page in PAGES
        for number, block in enumerate(blocks(page, "python"))
        if "register_adapters" in block
    ]


@pytest.mark.parametrize(("name", "text"), plugins())
def test_a_plugin_example_is_served_by_being_dropped_in(
    start_gateway: Any, start_emulator: Any, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / f"{name}.py").write_text(text)
    emulator = start_emulator(plugins_dir=tmp_path)
    gateway = start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(tmp_path), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url)
    dropped = [model for model in gateway.get("/v1/models").json()["data"] if model["source"].startswith(str(tmp_path))]
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


def test_the_error_example_is_what_the_gateway_says(gateway: Any) -> None:
    [example] = [json.loads(block) for block in blocks(ROOT / "README.md", "json") if "urn:bedrock-flask" in block]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": "64", "messages": []}
    told = gateway.post("/v1/models/claude/invoke", body).json()
    assert {**told, "request_id": ""} == {**example, "request_id": ""}


def programs() -> list[tuple[str, str]]:
    return [
        (f"{page.stem}-{number}", block) for page in PAGES for number, block in enumerate(blocks(page, "py"))
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), programs())
def test_a_program_example_runs(emulator: Any, capsys: Any, name: str, text: str) -> None:
    exec(compile(text.replace("http://127.0.0.1:8001", emulator.url), name, "exec"), {})
    assert capsys.readouterr().out.strip()


def orders() -> list[str]:
    text = (ROOT / "docs/reference/emulator.md").read_text()
    return re.findall(r"/_emulator/faults -d '(.*?)'", text)


@pytest.mark.parametrize("order", orders())
def test_an_order_of_faults_works(emulator: Any, order: str) -> None:
    assert emulator.post("/_emulator/faults", order).ok


def test_every_fault_stands_in_the_emulators_page(emulator: Any) -> None:
    text = (ROOT / "docs/reference/emulator.md").read_text() + (ROOT / "docs/reference/errors.md").read_text()
    assert [name for name in emulator.get("/_emulator/faults").json()["known"] if f"`{name}`" not in text] == []


def test_the_models_file_example_holds(tmp_path: Path) -> None:
    [text] = blocks(ROOT / "docs/reference/models.md", "toml")
    (tmp_path / "models.toml").write_text(text)
    assert set(aliases.read(tmp_path / "models.toml", registry.load())) == {"fast", "team"}
