"""gunicorn as a library, for what is not the gateway: the emulator and the admin API."""

from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with these options only: it reads no file, environment variable or command line."""

    def __init__(self, options: dict[str, Any], make_app: Callable[[], Any]) -> None:
        self.options, self.make_app = options, make_app
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return self.make_app()
