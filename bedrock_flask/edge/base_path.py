"""The base path: the gateway below a path prefix, for a proxy that passes whole paths on."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from bedrock_flask.state import state_of

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_base_path(app: Flask) -> Flask:
    """Routes are served below the base path as well as at the root, where probes look."""
    if base := state_of(app).settings.base_path:
        app.wsgi_app = mount_below(base, app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app


def mount_below(base: str, application: Application) -> Application:
    """The application under a path, which WSGI calls its SCRIPT_NAME."""

    def strip_base(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if path == base or path.startswith(f"{base}/"):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + base
            environ["PATH_INFO"] = path[len(base) :]
        return application(environ, start_response)

    return strip_base
