"""Which inference profiles can be called from a region, and the prefixes of their ids.

Source: "Supported Regions and models for inference profiles" (AWS user guide), November 2026.
"""

from collections.abc import Iterator
from functools import lru_cache

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
# The prefix of the profiles that leave no choice of a geography.
GLOBAL = "global"
# What the id of a profile may begin with.
PREFIXES = (*(geography for geography, _ in _REGIONS), _GOVERNMENT, GLOBAL)
# ARNs that end with the id of a model, or of AWS's profile of it.
_OF_AWS = (":foundation-model/", ":inference-profile/")


# Callers choose the names of models, so the number of those that are kept is bounded.
@lru_cache(maxsize=1024)
def split_profile(model: str) -> tuple[str, str]:
    """The prefix of AWS's inference profile, or an empty text, and the id of the model; other ARNs stay whole."""
    name = model.rpartition("/")[2] if any(kind in model for kind in _OF_AWS) else model
    prefix, _, rest = name.partition(".")
    return (prefix, rest) if prefix in PREFIXES and "." in rest else ("", name)


def list_region_geographies(region: str) -> tuple[str, ...]:
    """The geographies that a region is in, the continent of its name included; empty if it is not known."""
    named = [geography for geography in find_geographies(region) if geography != GLOBAL]
    return tuple(dict.fromkeys((*named, region.partition("-")[0]))) if region else ()


def find_geographies(region: str) -> Iterator[str]:
    """The prefixes of the profiles that a region can call, the narrowest first; `global` alone if it is not known."""
    if region.startswith(f"{_GOVERNMENT}-"):
        yield _GOVERNMENT
        return
    yield from (geography for geography, regions in _REGIONS if region.startswith(regions))
    yield GLOBAL
