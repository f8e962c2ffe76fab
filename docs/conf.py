"""The site that `make docs` builds from these pages. A browser that reads it fetches nothing from another host."""

import re
from html import escape
from importlib.metadata import version as version_of
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

project = "bedrock-flask"
author = "bedrock-flask contributors"
version = release = version_of(project)

extensions = ["myst_parser"]
exclude_patterns = ["_build", "node_modules"]
suppress_warnings = ["myst.header"]
myst_heading_anchors = 3
# GitHub draws ```mermaid itself; here it becomes the directive below.
myst_fence_as_directive = {"mermaid"}

html_theme = "furo"
html_title = f"{project} {version}"
# `make docs` installs mermaid by npm. Without it the diagrams stay text.
MERMAID = Path(__file__).with_name("node_modules") / "@mermaid-js/tiny/dist/mermaid.tiny.js"
html_static_path = ["_static", *([str(MERMAID)] if MERMAID.exists() else [])]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False


class Mermaid(SphinxDirective):
    """A diagram as text, which `_static/diagrams.js` draws in the browser, also when the page is opened from a file."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the text in the element that mermaid looks for."""
        text = escape("\n".join(self.content), quote=False)
        return [nodes.raw("", f'<pre class="mermaid">{text}</pre>\n', format="html", diagram=True)]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive and what the pages need of it."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", _resolve_links)
    app.connect("html-page-context", _load_mermaid)
    app.connect("html-page-context", _load_filter)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _resolve_links(app: Sphinx, page: str, source: list[str]) -> None:
    """Make a link to a page outside `docs/` a download of that file; the changelog is a page of the site."""

    def resolve_link(link: re.Match[str]) -> str:
        target = (Path(app.srcdir, page).parent / link[1]).resolve()
        if target.is_relative_to(app.srcdir):
            return link[0]
        return "](/changelog.md)" if target.name == "CHANGELOG.md" else f"](path:{link[1]})"

    source[0] = re.sub(r"\]\((\.\./[^)#]*\.md)\)", resolve_link, source[0])


def _load_mermaid(app: Sphinx, page: str, template: str, context: object, doctree: nodes.document | None) -> None:
    """Load mermaid on the pages that have a diagram."""
    if doctree is not None and MERMAID.exists() and any("diagram" in node for node in doctree.findall(nodes.raw)):
        app.add_js_file(MERMAID.name, loading_method="defer")
        app.add_js_file("diagrams.js", loading_method="defer")


def _load_filter(app: Sphinx, page: str, template: str, context: object, doctree: nodes.document | None) -> None:
    """Load what filters the table of all models on its page."""
    if page == "reference/all-models":
        app.add_js_file("all-models.js", loading_method="defer")
