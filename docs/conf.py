"""The site over these pages: `make docs`. Nothing in it is fetched, neither when it is built nor when it is read."""

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
exclude_patterns = ["_build"]
suppress_warnings = ["myst.header"]
myst_heading_anchors = 3
# GitHub draws ```mermaid by itself; here it becomes the directive below.
myst_fence_as_directive = {"mermaid"}

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False


class Mermaid(SphinxDirective):
    """A diagram, left as its text: `_static/diagrams.js` draws it in the browser, from a file too."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The text in the element that mermaid looks for."""
        text = escape("\n".join(self.content), quote=False)
        return [nodes.raw("", f'<pre class="mermaid">{text}</pre>\n', format="html", diagram=True)]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive, and load mermaid on the pages that have a diagram."""
    app.add_directive("mermaid", Mermaid)
    app.connect("source-read", _carry_along)
    app.connect("html-page-context", _load_mermaid)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _carry_along(app: Sphinx, page: str, source: list[str]) -> None:
    """A page that stands beside `docs/` in the repository is a file to download here; the changelog is a page."""

    def placed(link: re.Match[str]) -> str:
        target = (Path(app.srcdir, page).parent / link[1]).resolve()
        if target.is_relative_to(app.srcdir):
            return link[0]
        return "](/changelog.md)" if target.name == "CHANGELOG.md" else f"](path:{link[1]})"

    source[0] = re.sub(r"\]\((\.\./[^)#]*\.md)\)", placed, source[0])


def _load_mermaid(app: Sphinx, page: str, template: str, context: object, doctree: nodes.document | None) -> None:
    if doctree is not None and any("diagram" in node for node in doctree.findall(nodes.raw)):
        app.add_js_file("vendor/mermaid/mermaid.tiny.js", loading_method="defer")
        app.add_js_file("diagrams.js", loading_method="defer")
