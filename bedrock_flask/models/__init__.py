"""What a model's name in a request can mean: plugins, the models file, and Bedrock ids."""

from bedrock_flask.config.settings import Settings, find_region
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file import read_models_file
from bedrock_flask.models.registry import Registry
from bedrock_flask.models.resolver import Models

__all__ = ["load"]


def load(settings: Settings, registry: Registry | None = None) -> Models:
    """Load the plugins, unless a registry of them is given, and the models file that the settings name.

    Raises PluginError for a broken plugin, unless `settings.lenient`, and ModelsFileError for an invalid models file.
    """
    if registry is None:
        registry = load_registry(settings.plugins_dir, lenient=settings.lenient)
    aliases = read_models_file(settings.models_file, registry)
    return Models(registry, aliases, settings.models, find_region(settings), enabled=frozenset(settings.surfaces))
