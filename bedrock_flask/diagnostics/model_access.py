"""Why a model cannot be called, according to what its region offers to the account."""

import difflib
from collections.abc import Collection

from bedrock_flask.bedrock.offers import Offer


def find_problem(offer: Offer, model: str, region: str = "") -> tuple[str, str]:
    """Why a model cannot be called according to the lists, and a hint; empty if it can, or if that is unknown."""
    if offer.is_offered(model) is not False:
        return "", ""
    if model.startswith("arn:") and "inference-profile/" in model:
        return "the inference profile does not exist", ""
    bare = model.rpartition("/")[2]
    if bare not in offer.models:
        names = [*offer.models, *(profile.id for profile in offer.profiles)]
        return "it is not offered in this region", suggest_nearest(bare, names)
    profiles = offer.list_profiles(bare, region)
    hint = f"use one of: {', '.join(profiles)}" if profiles else ""
    return "it can only be called through an inference profile", hint


def suggest_nearest(name: str, names: Collection[str]) -> str:
    """A hint with the names closest to `name`; empty if none is close."""
    near = difflib.get_close_matches(name, names, 3, 0.6)
    return f"nearest: {', '.join(near)}" if near else ""
