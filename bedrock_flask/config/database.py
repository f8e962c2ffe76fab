"""The address of the database: a file of SQLite for one machine, or Postgres for many."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

SQLITE, POSTGRES = "sqlite", "postgresql"
# Both names are in use for the same scheme.
_SCHEMES = {"sqlite": SQLITE, "postgresql": POSTGRES, "postgres": POSTGRES}
_FILE = "sqlite:///"


@dataclass(frozen=True)
class DatabaseURL:
    """Where the database is; false if none is set. Its text may have a password, so the repr has none of it."""

    kind: str = ""
    text: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def path(self) -> str:
        """The file of a SQLite database."""
        return self.text.removeprefix(_FILE)

    def describe(self) -> str:
        """The address without its password, and without what its query may hide."""
        if self.kind == SQLITE or not self:
            return self.text
        parts = urlsplit(self.text)
        user = f"{parts.username}@" if parts.username else ""
        port = f":{parts.port}" if parts.port else ""
        return f"{POSTGRES}://{user}{parts.hostname or ''}{port}{parts.path}"


def parse_database_url(text: str) -> DatabaseURL:
    """Parse an address. Raises ValueError, whose message never contains it, because it may have a password."""
    scheme, colon, _ = text.partition("://")
    kind = _SCHEMES.get(scheme) if colon else None
    if kind is None:
        raise ValueError("is not sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE")
    if kind == SQLITE:
        if not text.startswith(_FILE) or text == _FILE or "?" in text:
            raise ValueError("is not sqlite:///FILE, or sqlite:////FOLDER/FILE for an absolute path")
        return DatabaseURL(SQLITE, text)
    try:
        parts = urlsplit(text)
        _ = parts.port
        parse_qsl(parts.query, strict_parsing=True) if parts.query else None
    except ValueError:
        raise ValueError("is not postgresql://USER:PASSWORD@HOST:PORT/DATABASE") from None
    if not parts.path.strip("/"):
        raise ValueError("names no database: postgresql://USER:PASSWORD@HOST/DATABASE")
    return DatabaseURL(POSTGRES, f"{POSTGRES}://{text.partition('://')[2]}")
