"""The APIs that clients speak: one module each, with a record called `DIALECT`. No other place has all of them."""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import replace

from bedrock_flask.config.other_gateways import OTHER_GATEWAYS
from bedrock_flask.dialect import Dialect


def load_dialects(paths: Sequence[str] = ()) -> tuple[Dialect, ...]:
    """The dialect of each module in this folder, by the name of the module and in the order of the names.

    `paths` names the other gateways at whose addresses they are served too.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    loaded = (replace(importlib.import_module(f"{__name__}.{name}").DIALECT, name=name) for name in names)
    mounts = [OTHER_GATEWAYS[path].mounts for path in paths]
    return tuple(_mount(dialect, [each[dialect.name] for each in mounts if dialect.name in each]) for dialect in loaded)


def _mount(dialect: Dialect, mounts: Sequence[str]) -> Dialect:
    """The dialect below further paths as well, where its errors are in its words."""
    prefixes = [prefix for mount in mounts for prefix in _list_error_prefixes(dialect, mount)]
    return replace(dialect, further_mounts=tuple(mounts), error_prefixes=(*dialect.error_prefixes, *prefixes))


def _list_error_prefixes(dialect: Dialect, mount: str) -> list[str]:
    own = dialect.mounts[0]
    moved = [f"{mount}{each.removeprefix(own)}" for each in dialect.error_prefixes if each.startswith(own)]
    routes = [f"{mount}{route.path}".partition("<")[0] for route in dialect.routes]
    # A single slash would be the beginning of every address.
    return [prefix for prefix in (*moved, *routes) if prefix != "/"]
