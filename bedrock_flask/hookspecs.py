"""The hooks: everything that a plugin can take part in."""

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

    Fires once for each plugin while the process starts, before any request is served.

    :param register: call it with each adapter
    """
