"""The sabotage notes fit the code: what each would remove is there once, and the tests that it names exist."""

import ast
import runpy
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
NOTES = runpy.run_path(str(Path(__file__).with_name("defences.py")))
DEFENCES = NOTES["read"]()


@lru_cache
def found_in(file: str) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}


def faults_of(defence: Any) -> Iterator[str]:
    """What is wrong with a note."""
    count = (ROOT / defence.file).read_text("utf-8").count(defence.old)
    if count != 1:
        yield f"`old` occurs {count} times in {defence.file}"
    if defence.new == defence.old:
        yield "`new` is the same as `old`"
    if not defence.tests:
        yield "it names no tests"
    for test in defence.tests:
        file, _, name = test.partition("::")
        if name.partition("[")[0] not in found_in(file):
            yield f"{test} does not exist"


def test_what_a_note_would_remove_is_there_once_and_its_tests_exist() -> None:
    assert [f"{defence.name}: {fault}" for defence in DEFENCES for fault in faults_of(defence)] == []


def test_a_note_that_does_not_fit_is_found() -> None:
    fitting = DEFENCES[0]
    wrong = replace(
        fitting, old="nowhere in the file", new="nowhere in the file", tests=["tests/sabotage/test_defences.py::no"]
    )
    assert len(list(faults_of(wrong))) == 3
    assert list(faults_of(replace(fitting, tests=[]))) == ["it names no tests"]
    assert DEFENCES


def test_no_two_notes_have_one_name() -> None:
    assert len({defence.name for defence in DEFENCES}) == len(DEFENCES)


def test_the_page_of_the_documentation_is_up_to_date() -> None:
    assert (ROOT / "docs" / NOTES["PAGE"]).read_text("utf-8") == NOTES["page"](), "run: make docs"
