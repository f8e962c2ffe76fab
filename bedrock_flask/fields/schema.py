"""Schemas: JSON objects with known members, closed or open."""

import difflib
from collections import defaultdict
from collections.abc import Collection
from functools import cache
from itertools import islice
from typing import Any

import marshmallow
from marshmallow import INCLUDE, RAISE, ValidationError
from marshmallow.schema import SchemaMeta

UNKNOWN = "is not a known field"


class UnknownMessage(str):
    """A message about something that the schema does not know, which `validate = "warn"` lets pass."""


class NewValueMessage(str):
    """A message about a value that is not one of those that a field lists, which `validate = "warn"` lets pass too."""


class _SchemaType(SchemaMeta):
    """Makes the class of a schema: forty families have some hundred of them, and a start makes them all.

    marshmallow looks through every attribute of a class for hooks. A class that only declares fields has those of its
    base.
    """

    def resolve_hooks(cls) -> dict[str, list[tuple[str, bool, dict[str, Any]]]]:
        """The hooks of the class, by their kind."""
        inherited = getattr(cls.__base__, "_hooks", None)
        if len(cls.__bases__) > 1 or inherited is None or any(map(_has_hook, vars(cls).values())):
            return super().resolve_hooks()
        return defaultdict(list, {kind: [*hooks] for kind, hooks in inherited.items()})


def _has_hook(attribute: object) -> bool:
    return hasattr(attribute, "__marshmallow_hook__")


class Schema(marshmallow.Schema, metaclass=_SchemaType):
    """A JSON object with known members; any other member is refused by name."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": UnknownMessage(UNKNOWN), "type": "must be an object"}  # noqa: RUF012

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any) -> None:
        """Add the nearest known name to each unknown one."""
        known = [field.data_key or name for name, field in self.fields.items()]
        messages = error.messages
        # Only the first 20: finding the nearest name for each of a million would take minutes.
        for name, found in islice(messages.items(), 20) if isinstance(messages, dict) else ():
            if isinstance(found, list) and found and isinstance(found[0], UnknownMessage) and name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                messages[name] = [UnknownMessage(f"{found[0]}; did you mean '{near[0]}'?")] if near else found


class Open(Schema):
    """A JSON object whose other members pass as they are: for blocks that AWS extends often."""

    class Meta:
        unknown = INCLUDE


class Extensible(Open):
    """An open JSON object whose misspelt members are refused: those that resemble a known one that is absent.

    The JSON Schema of the object does not say so.
    """

    @marshmallow.validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_names(self, data: Any, original: Any, **kwargs: Any) -> None:
        """Raise ValidationError for each misspelt member."""
        known = tuple(field.data_key or name for name, field in self.fields.items())
        misspelt = [name for name in original if name not in known and find_misspelt(name, known, original)]
        if misspelt:
            raise ValidationError({name: [self.error_messages["unknown"]] for name in misspelt})


def find_misspelt(name: str, known: tuple[str, ...], members: Collection[str]) -> str:
    """The known member that an unknown name resembles, if the object does not have it as well; empty if there is none.

    Names resemble each other if one letter is wrong, missing, additional or in the wrong place, whatever their case.
    """
    if len(name) > _LONGEST_NAME:
        return ""
    index = _index_spellings(known)
    found = (near for spelling in _list_spellings(name) for near in index.get(spelling, ()))
    return next((near for near in found if near not in members), "")


# Of a name, and of a known member: a longer name is not misspelt, and in a shorter member any letter may be another.
_LONGEST_NAME, _SHORTEST_MEMBER = 40, 4


@cache
def _index_spellings(known: tuple[str, ...]) -> dict[str, list[str]]:
    """The known members by each of their spellings."""
    index = defaultdict(list)
    for name in known:
        for spelling in _list_spellings(name) if len(name) >= _SHORTEST_MEMBER else ():
            index[spelling].append(name)
    return dict(index)


def _list_spellings(name: str) -> list[str]:
    """The name in plain letters, whole and without each of them: two names share one if a single letter differs."""
    plain = name.replace("_", "").lower()
    return [plain, *(plain[:place] + plain[place + 1 :] for place in range(len(plain)))]
