"""Why a change of teams and keys is refused: one line for a command, and a status for the admin API."""

from bedrock_flask.errors import StartupError


class DirectoryError(StartupError):
    """A change that the directory refuses."""

    code = "invalid_change"
    title = "Teams and keys cannot be changed so"
    status = 400


class MissingError(DirectoryError):
    """There is nothing of that name."""

    code = "not_found"
    title = "There is nothing of that name"
    status = 404


class ConflictError(DirectoryError):
    """The name is taken, or what is to be changed is revoked."""

    code = "conflict"
    title = "The change does not fit what is there"
    status = 409
