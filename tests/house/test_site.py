"""The site that `make docs` builds has no warning, is complete, and needs no network."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NOT_OURS = {"_build", "node_modules"}
PAGES = [path.relative_to(DOCS).with_suffix("") for path in sorted(DOCS.rglob("*.md")) if not NOT_OURS & {*path.parts}]

WITH_DIAGRAMS = [page for page in PAGES if "```mermaid" in (DOCS / page).with_suffix(".md").read_text()]

# What a browser fetches without a click.
FETCHED = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "object": "data",
    "embed": "src",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with the command of the Makefile into a folder of this test."""
    [command] = re.findall(r"-m sphinx (.*)", (ROOT / "Makefile").read_text())
    folder = tmp_path_factory.mktemp("site")
    words = [str(folder) if word == "docs/_build" else word for word in command.split()]
    ran = subprocess.run([sys.executable, "-m", "sphinx", *words], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return folder / "html"


class _FetchedAddresses(HTMLParser):
    """Collect the addresses that a browser fetches for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == FETCHED.get(tag) and value]


def find_fetched(site: Path) -> Iterator[tuple[Path, str]]:
    for page in site.rglob("*.html"):
        parser = _FetchedAddresses()
        parser.feed(page.read_text())
        yield from ((page, address) for address in parser.found)
    for sheet in site.rglob("*.css"):
        text = sheet.read_text()
        for address in re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text):
            yield sheet, "".join(address)


def test_warnings_are_errors() -> None:
    [command] = re.findall(r"-m sphinx (.*)", (ROOT / "Makefile").read_text())
    assert {"-W", "-n", "--keep-going"} <= set(command.split())


def test_nothing_is_fetched_from_elsewhere_and_what_is_fetched_is_there(site: Path) -> None:
    addresses = list(find_fetched(site))
    assert len(addresses) > len(PAGES)
    for source, address in addresses:
        if not address.startswith("data:"):
            assert not re.match(r"(\w+:)?//", address), f"{source.name}: {address}"
            assert (source.parent / address.partition("?")[0].partition("#")[0]).exists(), f"{source.name}: {address}"


def test_no_script_of_a_page_names_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        for script in re.findall(r"<script(?:\s[^>]*)?>(.*?)</script>", page.read_text(), re.S):
            assert "://" not in script, page.name


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_page_can_be_reached_from_the_first(site: Path, page: Path) -> None:
    assert (site / page).with_suffix(".html").exists()
    assert page.name == "index" or f'href="{page}.html"' in (site / "index.html").read_text()


@pytest.fixture(scope="module")
def mermaid() -> None:
    """What draws the diagrams is installed."""
    installed = (DOCS / "node_modules/@mermaid-js/tiny").is_dir()
    assert installed or "CI" not in os.environ, "mermaid is not installed: make dev"
    if not installed:
        pytest.skip("mermaid is not installed: make dev")


@pytest.fixture(scope="module")
def browser() -> str:
    """Chromium; in CI its absence is a failure."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found or "CI" not in os.environ, "Chromium is not installed: apt-get install chromium"
    if found is None:
        pytest.skip("no Chromium is installed")
    return str(found)


def _dump(browser: str, address: str, folder: Path) -> str:
    """The page as the browser has it once its scripts have run."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    options += [f"--user-data-dir={folder}", "--virtual-time-budget=8000", "--dump-dom"]
    return subprocess.run([browser, *options, address], capture_output=True, text=True, timeout=100).stdout


@pytest.mark.usefixtures("mermaid")
def test_every_diagram_is_in_its_page_with_what_draws_it(site: Path) -> None:
    for page in PAGES:
        diagrams = (DOCS / page).with_suffix(".md").read_text().count("```mermaid")
        text = (site / page).with_suffix(".html").read_text()
        assert text.count('<pre class="mermaid">') == diagrams
        assert ("mermaid.tiny.js" in text) == bool(diagrams)


@pytest.mark.usefixtures("mermaid")
@pytest.mark.parametrize("page", WITH_DIAGRAMS, ids=str)
def test_a_browser_draws_the_diagrams_from_a_file(site: Path, browser: str, page: Path, tmp_path: Path) -> None:
    drawn = _dump(browser, (site / page).with_suffix(".html").as_uri(), tmp_path)
    expected = (DOCS / page).with_suffix(".md").read_text().count("```mermaid")
    assert len(re.findall(r'<pre class="mermaid" data-processed="true"><svg', drawn)) == expected
    assert "Syntax error in text" not in drawn


@pytest.mark.parametrize(
    ("chosen", "has", "lacks"),
    [
        ("writes=embedding", "amazon.titan-embed-text-v2:0", "amazon.nova-lite-v1:0"),
        ("text=nova+lite&takes=video", "amazon.nova-lite-v1:0", "amazon.titan-embed-text-v2:0"),
        ("life+cycle=legacy", "anthropic.claude-3-haiku-20240307-v1:0", "amazon.nova-pro-v1:0"),
        ("surfaces=converse", "amazon.nova-pro-v1:0", "amazon.titan-embed-text-v2:0"),
    ],
)
def test_a_browser_filters_the_table_of_all_models(
    site: Path, browser: str, tmp_path: Path, chosen: str, has: str, lacks: str
) -> None:
    page = (site / "reference/all-models.html").as_uri()
    shown = _dump(browser, f"{page}#{chosen}", tmp_path)
    rows = re.findall(r"<tr class=\"row-(?:odd|even)\"( hidden(?:=\"\")?)?>(.*?)</tr>", shown, re.S)
    visible = [text for hidden, text in rows if not hidden]
    assert any(has in text for text in visible)
    assert not any(lacks in text for text in visible)
    [(some, every)] = re.findall(r"(\d+) of (\d+) models", shown)
    assert 0 < int(some) < int(every)


def test_without_the_script_the_table_is_whole(site: Path) -> None:
    text = (site / "reference/all-models.html").read_text()
    assert "amazon.nova-lite-v1:0" in text
    assert "model-filter" not in text


def test_the_search_knows_the_words_of_the_pages(site: Path) -> None:
    index = (site / "searchindex.js").read_text()
    for word in ("eventstream", "bedrock_flask_drain_delay", "proxy_read_timeout"):
        assert word in index
