"""The engines of the emulator: what answers in a model's place."""

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from bedrock_flask.emulator.engines import scripted, smollm

Engine = smollm.SmolLM | scripted.Scripted


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


ENGINES: Mapping[str, Callable[[], Engine]] = MappingProxyType(
    {
        smollm.SmolLM.name: lambda: smollm.choose(_say),
        scripted.Scripted.name: scripted.Scripted,
    }
)
DEFAULT = smollm.SmolLM.name


def choose(name: str) -> Engine:
    """The engine of that name, ready to answer; where the model cannot run, the scripted one, and a line on stderr."""
    return ENGINES[name]()
