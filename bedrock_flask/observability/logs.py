"""Logs: one JSON object a line on standard output, never a body and never a credential."""

import logging
from traceback import extract_tb
from typing import Any

FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def make_config(level: str) -> dict[str, Any]:
    """The gateway's logging configuration, for `logging.config.dictConfig`."""
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
        "loggers": {"bedrock_flask": _to_out(level)},
    }


def make_gunicorn_config(level: str) -> dict[str, Any]:
    """The same, with gunicorn's own lines and everybody's warnings beside the gateway's."""
    made = make_config(level)
    made["root"] = {"level": "WARNING", "handlers": ["out"]}
    made["loggers"] |= {
        "gunicorn.error": _to_out(level),
        # The gateway's own line says more.
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    }
    return made


def format_frames(error: BaseException) -> str:
    """An error's type and where it came from; not its text, which may quote a body."""
    return " < ".join(
        [type(error).__name__, *(f"{f.filename}:{f.lineno}" for f in reversed(extract_tb(error.__traceback__)))]
    )


def is_configured() -> bool:
    """Whether somebody has said already where the gateway's log goes."""
    return logging.getLogger("bedrock_flask").hasHandlers()


def _to_out(level: str) -> dict[str, Any]:
    return {"level": level.upper(), "handlers": ["out"], "propagate": False}
