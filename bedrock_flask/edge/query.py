"""The query of a request."""

from urllib.parse import parse_qsl

from bedrock_flask.edge.exchange import Exchange


def read_query(exchange: Exchange) -> list[tuple[str, str]]:
    """Names and values, decoded, in their order."""
    query: str = exchange.environ.get("QUERY_STRING", "")
    return parse_qsl(query.encode("latin-1").decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
