"""The engines of the emulator: what answers in a model's place."""

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from bedrock_flask.emulator.engines import scripted, smollm

AnyEngine = smollm.SmolLM | scripted.ScriptedEngine


def _print_to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


ENGINES: Mapping[str, Callable[[], AnyEngine]] = MappingProxyType(
    {
        smollm.SmolLM.name: lambda: smollm.load_or_fall_back(_print_to_stderr),
        scripted.ScriptedEngine.name: scripted.ScriptedEngine,
    }
)


def choose_engine(name: str) -> AnyEngine:
    """The engine of that name, ready to answer; if the model cannot run, the scripted one and a line on stderr."""
    return ENGINES[name]()
