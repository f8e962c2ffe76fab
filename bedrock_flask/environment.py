"""The `.env` file, loaded into the environment by the processes that start something."""

import os

from dotenv import load_dotenv

from bedrock_flask.errors import SettingsError
from bedrock_flask.settings import ENV_FILE


def load() -> None:
    """Load `.env` from the current folder; what is set already wins.

    `BEDROCK_FLASK_ENV_FILE` names another file, or none when it is empty.
    """
    path = os.environ.get(ENV_FILE, ".env")
    if ENV_FILE in os.environ and path and not os.path.isfile(path):
        raise SettingsError(f"{ENV_FILE}: {path} is not a file")
    if path:
        load_dotenv(path)
