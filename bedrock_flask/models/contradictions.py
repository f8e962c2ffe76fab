"""What contradicts itself in a models file: names that lead to names, and members of which only one can be true."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bedrock_flask.bedrock.model_ids import find_arn_region, is_application_profile
from bedrock_flask.models.registry import Registry

if TYPE_CHECKING:
    from bedrock_flask.models.models_file import Alias

# ARNs that contain the id of their model.
_NAMING = (":inference-profile/", ":foundation-model/")


def find_contradictions(alias: "Alias", aliases: Mapping[str, "Alias"], registry: Registry) -> Iterator[str]:
    """Each contradiction in an alias, in words; `aliases` are all of the file."""
    yield from _check_names(alias, aliases, registry)
    yield from _check_region(alias)
    yield from _check_profile(alias, registry)
    yield from _check_successor(alias, aliases, registry)


def _check_names(alias: "Alias", aliases: Mapping[str, "Alias"], registry: Registry) -> Iterator[str]:
    for member, value in (("id", alias.id), ("profile", alias.profile)):
        if value in aliases and (member == "id" or value != alias.id):
            path = _follow(alias.name, value, aliases)
            words = (
                f"the names lead in a loop, {' → '.join(path)}" if path[-1] in path[:-1] else "which is another alias"
            )
            yield f"{member}: names '{value}': {words}; give the Bedrock id, a profile or an ARN"
        elif member == "id" and value in registry.adapters:
            model = registry.adapters[value].model
            yield f"id: names the adapter '{value}'; give a Bedrock id, such as '{model}'"


def _follow(name: str, value: str, aliases: Mapping[str, "Alias"]) -> list[str]:
    """The names that follow each other from an alias, up to the first that is not an alias, or has come before."""
    path = [name, value]
    while path[-1] in aliases and path[-1] not in path[:-1]:
        path.append(aliases[path[-1]].id)
    return path


def _check_region(alias: "Alias") -> Iterator[str]:
    # The profile of an application is left to Bedrock: its ARN is also what lists of profiles show.
    region = "" if is_application_profile(alias.model) else find_arn_region(alias.model)
    if alias.region and region and alias.region != region:
        yield f"region: is '{alias.region}', but the ARN that is called is of '{region}'"


def _check_profile(alias: "Alias", registry: Registry) -> Iterator[str]:
    """A profile whose id names its model must be one of the model that `id` names."""
    if not alias.profile or alias.profile == alias.id:
        return
    own, called = (_find_model(registry, each) for each in (alias.id, alias.profile))
    if own and called and own != called:
        yield f"profile: is of the model '{called}', but id names '{own}'"


def _check_successor(alias: "Alias", aliases: Mapping[str, "Alias"], registry: Registry) -> Iterator[str]:
    """A successor must be a name, and must not lead back to the alias."""
    if not alias.successor:
        if alias.successor_from is not None:
            yield "successor_from: needs a successor"
        return
    path = [alias.name, alias.successor]
    while path[-1] in aliases and path[-1] not in path[:-1] and aliases[path[-1]].successor:
        path.append(aliases[path[-1]].successor)
    if path[-1] == alias.name:
        yield f"successor: the names lead in a loop, {' → '.join(path)}"
    named = {*aliases, *registry.provider_names, *(name for name in registry.adapters if name != registry.generic.name)}
    if alias.successor not in named and "." not in alias.successor:
        yield f"successor: '{alias.successor}' is not an alias, an adapter or a Bedrock id"


def _find_model(registry: Registry, name: str) -> str:
    """The model's own id, as far as a name contains it; otherwise empty."""
    if name.startswith("arn:") and not any(kind in name for kind in _NAMING):
        return ""
    model = registry.strip_profile_prefix(name.rpartition("/")[2])
    return model if model.partition(".")[0] in registry.providers else ""
