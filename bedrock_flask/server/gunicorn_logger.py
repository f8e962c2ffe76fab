"""gunicorn's logger, without the access log that the gateway replaces by a line of its own."""

from typing import Any

from gunicorn.glogging import Logger as GunicornLogger


class Logger(GunicornLogger):  # type: ignore[misc]  # gunicorn has no types
    """Logs what gunicorn itself has to say."""

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Build nothing: gunicorn makes fifty values of each request, and no logger takes them."""
