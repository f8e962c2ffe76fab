"""Files that commands write and a gateway reads."""

from contextlib import suppress
from pathlib import Path

from bedrock_flask.errors import StartupError


def replace_file(path: Path, text: str) -> None:
    """Write a file whole or not at all, with the mode that it has; of a link, the file that it names."""
    path = path.resolve()
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text, "utf-8")
        if path.exists():
            new.chmod(path.stat().st_mode & 0o777)
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise StartupError(f"{path} cannot be written: {error.strerror}") from None
