"""Files of other projects come from packages, with their licence; the tree holds our own files only."""

import importlib.resources
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 200_000
# The hashes of 150 packages for every platform, which `make lock` writes; and a note for each defence.
LARGE = {"requirements-dev.txt", "tests/sabotage/defences.toml"}
FOREIGN = {"vendor", "vendored", "third_party", "node_modules"}


@pytest.fixture(scope="module")
def tree() -> list[Path]:
    """The files that git tracks, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_folder_holds_files_of_another_project(tree: list[Path]) -> None:
    assert [str(path) for path in tree if FOREIGN & {*path.parts}] == []


def test_no_file_is_larger_than_one_that_is_written_by_hand(tree: list[Path]) -> None:
    assert {str(path) for path in tree if (ROOT / path).stat().st_size > MOST_BYTES} <= LARGE


def test_no_script_or_style_sheet_is_minified(tree: list[Path]) -> None:
    texts = {str(path): (ROOT / path).read_text() for path in tree if path.suffix in {".js", ".mjs", ".css"}}
    assert texts
    assert [name for name, text in texts.items() if max(map(len, text.splitlines())) > 300] == []


def test_swagger_ui_comes_with_its_licence() -> None:
    folder = importlib.resources.files("flask_swagger_ui") / "dist"
    assert "Apache License, Version 2.0" in (folder / "LICENSE").read_text()


def test_the_page_of_the_api_finds_every_file_that_it_names_on_this_gateway(gateway: Any) -> None:
    named = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', gateway.get("/docs").text)
    assert len(named) == 4
    assert {name: gateway.get(f"/{name}").status_code for name in named} == dict.fromkeys(named, 200)


def test_no_other_file_of_the_package_is_served(gateway: Any) -> None:
    for name in ("index.css", "swagger-ui.js", "..%2f__init__.py", "../../setup.cfg"):
        assert gateway.get(f"/docs/{name}").status_code == 404, name
