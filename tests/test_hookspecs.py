"""The page of hooks lists every hook with its arguments, as they are."""

import inspect
import re
from pathlib import Path

import pytest

from bedrock_flask import hookspecs

HOOKS = {
    name: hook for name, hook in vars(hookspecs).items() if hasattr(hook, f"{hookspecs.PROJECT}_spec")
}  # fmt: skip


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs/reference/hooks.md").read_text()


def test_every_hook_is_a_heading_with_its_arguments_and_no_other_is(page: str) -> None:
    told = re.findall(r"^## (\w+\(.*\))$", page, re.MULTILINE)
    assert told == [f"{name}({', '.join(inspect.signature(hook).parameters)})" for name, hook in HOOKS.items()]


@pytest.mark.parametrize("name", HOOKS)
def test_its_section_tells_each_argument_when_it_fires_and_since_when(page: str, name: str) -> None:
    section = page.partition(f"## {name}(")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", section, re.MULTILINE)
    assert {f"`{argument}`" for argument in inspect.signature(HOOKS[name]).parameters} <= set(rows)
    assert {"fires", "since", "if it raises", "returns"} <= set(rows)


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_says_in_its_docstring_when_it_fires(name: str) -> None:
    text = inspect.getdoc(HOOKS[name]) or ""
    assert "\nCalled " in text
    assert all(f":param {argument}:" in text for argument in inspect.signature(HOOKS[name]).parameters)


def test_the_page_tells_the_version_that_there_is(page: str) -> None:
    assert f"`api_version = {hookspecs.API_VERSION}`" in page
