"""What a model's name in a request can mean: plugins, the models file, and Bedrock ids."""

from collections.abc import Mapping

from bedrock_flask.config.settings import Settings, find_region
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file import Alias, read_models_file
from bedrock_flask.models.registry import Registry
from bedrock_flask.models.resolver import Models

__all__ = ["load"]


def load(settings: Settings, registry: Registry | None = None, aliases: Mapping[str, Alias] | None = None) -> Models:
    """Load the plugins and the models file that the settings name, unless a registry or the aliases are given.

    Raises PluginError for a broken plugin, unless `settings.lenient`, and ModelsFileError for an invalid models file.
    """
    if registry is None:
        registry = load_registry(settings.plugins_dir, lenient=settings.lenient)
    if aliases is None:
        aliases = read_models_file(settings.models_file, registry)
    return Models(registry, aliases, settings.models, find_region(settings), enabled=frozenset(settings.surfaces))
