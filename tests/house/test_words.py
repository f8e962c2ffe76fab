"""The field's own words: functions are verbs, and no private word comes back (docs/glossary.md)."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "bedrock_flask").rglob("*.py"), *(ROOT / "plugins").rglob("*.py"), ROOT / "wsgi.py"])
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])

# A guard is named for what it has done to a call: `completed`.
GUARDS = ROOT / "bedrock_flask/guards"
# The share of the other functions that may be named by a participle: plain nouns (`forwarded_headers`) and overrides.
MOST_PARTICIPLES = 0.01

# Participles that do not end in -ed.
IRREGULAR = frozenset(
    {"asked", "begun", "borne", "bought", "bound", "broken", "brought", "built", "caught", "chosen", "done", "drawn"}
    | {"fallen", "felt", "found", "frozen", "given", "gone", "held", "kept", "known", "laid", "led", "left", "lost"}
    | {"made", "meant", "met", "said", "seen", "sent", "shown", "spoken", "sworn", "taken", "taught", "thrown", "told"}
    | {"understood", "woken", "won", "worn", "written"}
)
# Verbs that end as a participle does.
VERBS_IN_ED = frozenset({"embed", "exceed", "feed", "need", "proceed", "seed", "shed", "speed", "succeed"})

STRUCK_NAMES = frozenset({"told", "said", "asked", "made", "whoever", "bears", "heeds", "mended", "homeless", "whom"})
STRUCK_PROSE = re.compile(
    r"\b(?:"
    r"told|whom|whoever|whomever|homeless|unasked|behold|beholds"
    r"|bears?|borne|heed(?:s|ed|ing)?|mend(?:s|ed|ing)?"
    r"|for want of|so many|amounts? to|of old|goes by|to be had|save for"
    r"|(?<!there )(?:is|are|was|were) no(?! longer\b| more\b| different\b))\b"
    # The emulator quotes the user.
    r"|(?<!\bYou )(?<!user )\bsaid\b",
    re.IGNORECASE,
)
# The names of tests are sentences; pages link to them.
LINK_TO_TEST = re.compile(r"\[[^]]*\]\([^)]*tests/[^)]*\)")


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text("utf-8")) for path in SOURCES}


def is_participle(name: str) -> bool:
    first = name.strip("_").partition("_")[0]
    return (first.endswith("ed") and first not in VERBS_IN_ED) or first in IRREGULAR


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(getattr(each, "id", getattr(each, "attr", "")).endswith("property") for each in node.decorator_list)


def find_functions(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node):
            yield node.lineno, node.name


def find_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.alias(asname=str(name)) | ast.keyword(arg=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name


def find_prose(path: Path) -> Iterator[tuple[int, str]]:
    """The comments and strings of a source file, or the lines of a page."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        yield from enumerate((LINK_TO_TEST.sub("", line) for line in text.splitlines()), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.start[0], token.string


@pytest.mark.parametrize(
    ("name", "participle"),
    [
        ("parse_json", False),
        ("_told", True),
        ("written_body", True),
        ("embed", False),
        ("read_told", False),
        ("_resolved", True),
        ("need", False),
    ],
)
def test_a_participle_is_recognised_by_its_first_word(name: str, participle: bool) -> None:
    assert is_participle(name) is participle


@pytest.mark.parametrize(
    ("sentence", "struck"),
    [
        ("The caller is told the path.", "told"),
        ("A body that is no object is refused.", "is no"),
        ("There is no such key.", None),
        ("It is no longer part of the source.", None),
        ('You said: "Hello."', None),
        ("Send the bearer token.", None),
        ("For want of a key, 401.", "For want of"),
    ],
)
def test_a_struck_word_is_recognised(sentence: str, struck: str | None) -> None:
    found = STRUCK_PROSE.search(sentence)
    assert (found and found[0]) == struck


def test_functions_are_verbs(trees: dict[Path, ast.Module]) -> None:
    functions = [
        (path, line, name)
        for path, tree in trees.items()
        if GUARDS not in (ROOT / path).parents
        for line, name in find_functions(tree)
    ]
    participles = [f"{path}:{line} {name}" for path, line, name in functions if is_participle(name)]
    assert len(participles) < MOST_PARTICIPLES * len(functions), participles


def test_no_name_has_a_struck_word(trees: dict[Path, ast.Module]) -> None:
    found = [
        f"{path}:{line} {name}"
        for path, tree in trees.items()
        for line, name in [(1, path.stem), *find_names(tree)]
        if not STRUCK_NAMES.isdisjoint(name.strip("_").lower().split("_"))
    ]
    assert found == []


def test_no_prose_has_a_struck_word() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {match[0]}"
        for path in [*SOURCES, *PAGES]
        for line, text in find_prose(path)
        if (match := STRUCK_PROSE.search(text))
    ]
    assert found == []
