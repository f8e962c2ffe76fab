"""The hooks: the functions of a plugin that the gateway calls."""

from collections.abc import Callable

import pluggy

from bedrock_flask.adapter import Adapter

PROJECT = "bedrock_flask"
API_VERSION = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register_adapters(register: Callable[[Adapter], None]) -> None:
    """Register Bedrock model adapters.

    Called once per plugin while the process starts, before any request is served.

    :param register: call it with each adapter
    """
