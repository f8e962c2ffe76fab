"""Logs: one JSON object a line on standard output, never a body and never a credential."""

import logging
from typing import Any

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def config(level: str) -> dict[str, Any]:
    """The logging configuration (of `logging.config.dictConfig`) for the gateway and for gunicorn alike."""
    ours = {"level": level.upper(), "handlers": ["out"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": FORMAT,
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
            }
        },
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stdout"}},
        "root": {"level": "WARNING", "handlers": ["out"]},
        "loggers": {
            "bedrock_flask": ours,
            "gunicorn.error": ours,
            # The gateway's own line says more than gunicorn's.
            "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
        },
    }


def is_configured() -> bool:
    """Whether somebody has said already where the gateway's log goes."""
    return logging.getLogger("bedrock_flask").hasHandlers()
