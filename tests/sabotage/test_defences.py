"""The sabotage notes fit the code: what each would remove is there once, and the tests that it names exist."""

import ast
import runpy
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTES = runpy.run_path(str(Path(__file__).with_name("defences.py")))
DEFENCES = NOTES["read"]()


@lru_cache
def found_in(file: str) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: defence.name)
def test_what_a_note_would_remove_is_there_once_and_its_tests_exist(defence: Any) -> None:
    assert (ROOT / defence.file).read_text("utf-8").count(defence.old) == 1
    assert defence.new != defence.old
    assert defence.tests
    for test in defence.tests:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in found_in(file), test


def test_no_two_notes_have_one_name() -> None:
    assert len({defence.name for defence in DEFENCES}) == len(DEFENCES)


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / NOTES["PAGE"]).read_text("utf-8") == NOTES["page"](), "run: make docs"
