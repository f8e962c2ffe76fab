"""The vendored files are those that their VERSION file names."""

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDORED = [
    *sorted((ROOT / "bedrock_flask/static/vendor").iterdir()),
    *sorted((ROOT / "docs/_static/vendor").iterdir()),
]


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_vendored_files_have_the_digests_in_their_version_file(folder):
    lines = (folder / "VERSION").read_text().splitlines()
    named = dict(reversed(line.removeprefix("sha256: ").split()) for line in lines if line.startswith("sha256: "))

    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del found["VERSION"]

    assert found == named


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_vendored_files_do_not_ask_the_browser_for_a_source_map_that_is_not_there(folder):
    assert not [path.name for path in folder.iterdir() if b"sourceMappingURL=" in path.read_bytes()]


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_vendored_files_come_with_their_name_version_and_licence(folder):
    told = dict(line.partition(": ")[::2] for line in (folder / "VERSION").read_text().splitlines())
    assert told["name"]
    assert told["version"]
    assert (folder / "LICENSE").read_text()
