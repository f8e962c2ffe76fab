"""Logs: one JSON object per line on standard output, never with a body or a credential."""

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
        "handlers": {
            "out": {
                "class": "bedrock_flask.observability.log_line.LineHandler",
                "formatter": "json",
                "stream": "ext://sys.stdout",
            }
        },
        "loggers": {"bedrock_flask": _make_logger(level)},
    }


def make_gunicorn_config(level: str) -> dict[str, Any]:
    """The same, plus gunicorn's own lines and the warnings of all other loggers."""
    config = make_config(level)
    config["root"] = {"level": "WARNING", "handlers": ["out"]}
    config["loggers"] |= {
        "gunicorn.error": _make_logger(level),
        # The gateway logs its own line for each request.
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    }
    return config


def format_frames(error: BaseException) -> str:
    """An error's type and stack frames, without its text, which may quote a body."""
    return " < ".join(
        [type(error).__name__, *(f"{f.filename}:{f.lineno}" for f in reversed(extract_tb(error.__traceback__)))]
    )


def is_configured() -> bool:
    """Whether the host application has configured the gateway's logger already."""
    return logging.getLogger("bedrock_flask").hasHandlers()


def _make_logger(level: str) -> dict[str, Any]:
    return {"level": level.upper(), "handlers": ["out"], "propagate": False}
