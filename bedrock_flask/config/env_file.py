"""The `.env` file, which the command line and `wsgi.py` load into the environment."""

import os
import re

from dotenv import load_dotenv

from bedrock_flask.config import ENV_FILE
from bedrock_flask.errors import SettingsError

# gunicorn reads this variable on import, where an invalid value ends in a traceback.
GUNICORN_WORKERS = "WEB_CONCURRENCY"


def load_env_file() -> frozenset[str]:
    """Load `.env` from the current folder and return the names that it has set; variables that are set already win.

    `BEDROCK_FLASK_ENV_FILE` names another file, or none if it is empty.
    """
    path = os.environ.get(ENV_FILE, ".env")
    if ENV_FILE in os.environ and path and not os.path.isfile(path):
        raise SettingsError(f"{ENV_FILE}: {path} is not a file")
    before = frozenset(os.environ)
    if path:
        _load(path)
    if not re.fullmatch("[0-9]{0,9}", os.environ.get(GUNICORN_WORKERS, "")):
        raise SettingsError(f"{GUNICORN_WORKERS}: Not a valid integer.")
    if os.environ.get(GUNICORN_WORKERS) == "":
        del os.environ[GUNICORN_WORKERS]
    return frozenset(os.environ) - before


def _load(path: str) -> None:
    try:
        load_dotenv(path)
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text") from None
    # os.environ raises ValueError for a zero byte in a value.
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from None
