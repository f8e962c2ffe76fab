"""Citations in Claude's format, to and from Converse."""

from dataclasses import dataclass

from bedrock_flask.converse import Json, omit_null
from bedrock_flask.wires.reading.cursor import Cursor


@dataclass(frozen=True)
class _Target:
    """One kind of citation: Claude's type, Converse's member of `location`, and the names of its parts in both."""

    claude: str
    converse: str
    title: str
    parts: dict[str, str]


_DOCUMENT = {"document_index": "documentIndex"}
_SEARCH = {"search_result_index": "searchResultIndex"}
_CHARS = {"start_char_index": "start", "end_char_index": "end"}
_PAGES = {"start_page_number": "start", "end_page_number": "end"}
_BLOCKS = {"start_block_index": "start", "end_block_index": "end"}
_TARGETS = (
    _Target("char_location", "documentChar", "document_title", _DOCUMENT | _CHARS),
    _Target("page_location", "documentPage", "document_title", _DOCUMENT | _PAGES),
    _Target("content_block_location", "documentChunk", "document_title", _DOCUMENT | _BLOCKS),
    _Target("search_result_location", "searchResultLocation", "title", _SEARCH | _BLOCKS),
    _Target("web_search_result_location", "web", "title", {"url": "url"}),
)
# The key of a search result, which only Claude can read; the text and its address go with the citation.
SEARCH_KEY, _KEY = "citations.encrypted_index", "encrypted_index"


def read_citations(citations: list[Json], cursor: Cursor) -> list[Json]:
    """Claude's citations as Converse's; one of a type that Converse does not have becomes an extra."""
    read = []
    for index, citation in enumerate(citations):
        here = cursor.item(index)
        target = next((each for each in _TARGETS if each.claude == citation.get("type")), None)
        if target is None:
            here.add_extra(citation)
        else:
            here.add_unread(citation, "type", "cited_text", "source", target.title, *target.parts, _KEY)
            if citation.get(_KEY):
                here.at(_KEY).add_hint(SEARCH_KEY, citation[_KEY])
            read.append(_read_citation(citation, target))
    return read


def _read_citation(citation: Json, target: _Target) -> Json:
    cited = citation.get("cited_text")
    return {
        **omit_null(title=citation.get(target.title), source=citation.get("source")),
        "sourceContent": [{"text": cited}] if cited else [],
        "location": {
            target.converse: {there: citation[here] for here, there in target.parts.items() if here in citation}
        },
    }


def write_citation(citation: Json) -> Json:
    """A citation of Converse's as Claude's."""
    location = citation.get("location") or {}
    target = next((each for each in _TARGETS if each.converse in location), _TARGETS[0])
    parts = location.get(target.converse) or {}
    return {
        "type": target.claude,
        "cited_text": "".join(piece.get("text") or "" for piece in citation.get("sourceContent") or ()),
        target.title: citation.get("title"),
        **omit_null(source=citation.get("source")),
        **{here: parts[there] for here, there in target.parts.items() if there in parts},
    }
