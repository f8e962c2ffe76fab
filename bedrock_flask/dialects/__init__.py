"""The APIs that clients speak: one module each, with a record called `DIALECT`. Nothing else lists them."""

import importlib
import pkgutil
from dataclasses import replace

from bedrock_flask.dialect import Dialect


def load_dialects() -> tuple[Dialect, ...]:
    """The dialect of each module in this folder, by the name of the module and in the order of the names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(replace(importlib.import_module(f"{__name__}.{name}").DIALECT, name=name) for name in names)
