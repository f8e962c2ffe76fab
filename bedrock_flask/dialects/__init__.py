"""The APIs that clients speak: one module each, with a record called `DIALECT`. Nothing else lists them."""

import importlib
import pkgutil

from bedrock_flask.dialect import Dialect


def load_dialects() -> tuple[Dialect, ...]:
    """The dialect of each module in this folder, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").DIALECT for name in names)
