"""Which inference profiles can be called from a region.

Source: "Supported Regions and models for inference profiles" (AWS user guide), November 2026.
"""

from collections.abc import Iterator

_GOVERNMENT = "us-gov"
# The narrowest geography first, with the beginnings of the names of its regions.
_REGIONS = (
    ("ca", ("ca-",)),
    ("us", ("us-", "ca-")),
    ("eu", ("eu-", "il-central-1")),
    ("jp", ("ap-northeast-1", "ap-northeast-3")),
    ("au", ("ap-southeast-2", "ap-southeast-4", "ap-southeast-6")),
    ("in", ("ap-south-1", "ap-south-2")),
    ("apac", ("ap-",)),
)
# The prefixes of all profiles but the global ones.
GEOGRAPHIES = (*(geography for geography, _ in _REGIONS), _GOVERNMENT)
_PREFIXES = frozenset({*GEOGRAPHIES, "global"})


def drop_geography(model: str) -> str:
    """The id of the model that an inference profile calls; any other id is returned unchanged."""
    prefix, _, rest = model.partition(".")
    return rest if prefix in _PREFIXES else model


def list_region_geographies(region: str) -> tuple[str, ...]:
    """The geographies that a region is in, the continent of its name included; empty if it is not known."""
    named = [geography for geography in find_geographies(region) if geography != "global"]
    return tuple(dict.fromkeys((*named, region.partition("-")[0]))) if region else ()


def find_geographies(region: str) -> Iterator[str]:
    """The prefixes of the profiles that a region can call, the narrowest first; `global` alone if it is not known."""
    if region.startswith(f"{_GOVERNMENT}-"):
        yield _GOVERNMENT
        return
    yield from (geography for geography, regions in _REGIONS if region.startswith(regions))
    yield "global"
