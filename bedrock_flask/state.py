"""What hangs on the app: one frozen record under `app.extensions["bedrock_flask"]`."""

from dataclasses import dataclass, replace
from typing import Any

from flask import Flask

from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.models.resolver import Models

KEY = "bedrock_flask"


def _unset(call: Call) -> Reply | Stream:
    raise RuntimeError("the app has no transport")


@dataclass(frozen=True)
class State:
    """Settings, the models that can be named, and the handler that calls Bedrock."""

    settings: Settings
    models: Models
    handler: Handler = _unset


def state_of(app: Flask) -> State:
    """The app's state."""
    state: State = app.extensions[KEY]
    return state


def with_state(app: Flask, **changes: Any) -> Flask:
    """The app with some of its state replaced, while it is being composed."""
    app.extensions[KEY] = replace(state_of(app), **changes)
    return app
