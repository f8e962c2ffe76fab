"""The policy of the emulator's guardrails: they block configured words, and mask e-mail addresses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from bedrock_flask.converse import Json

# A text that contains this is blocked, whatever words are configured.
ALWAYS_BLOCKED = "[[blocked]]"

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.ASCII)
_MASK = "{EMAIL}"
_UNIT_CHARACTERS = 1000


@dataclass(frozen=True, kw_only=True)
class GuardrailVerdict:
    """What was found in some texts."""

    texts: tuple[str, ...]
    words: tuple[str, ...]
    emails: tuple[str, ...]

    @property
    def is_blocked(self) -> bool:
        """Whether the texts are blocked as a whole."""
        return bool(self.words)

    @property
    def has_intervened(self) -> bool:
        """Whether the texts are blocked or changed."""
        return bool(self.words or self.emails)

    @property
    def masked_texts(self) -> tuple[str, ...]:
        """The texts with their e-mail addresses masked."""
        return tuple(_EMAIL.sub(_MASK, text) for text in self.texts)

    @property
    def reason(self) -> str:
        """Why the guardrail intervened, or that it did not, as `actionReason`."""
        return "Guardrail blocked." if self.is_blocked else "Guardrail masked." if self.has_intervened else "No action."

    def count_usage(self) -> Json:
        """The text units that were checked, by policy."""
        units = count_text_units(self.texts)
        return {
            "topicPolicyUnits": 0,
            "contentPolicyUnits": 0,
            "wordPolicyUnits": units,
            "sensitiveInformationPolicyUnits": units,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
        }

    def count_coverage(self) -> Json:
        """The characters that were checked."""
        characters = sum(map(len, self.texts))
        return {"textCharacters": {"guarded": characters, "total": characters}}

    def describe(self) -> Json:
        """What was found, in the shape of `GuardrailAssessment`."""
        words = [{"match": word, "action": "BLOCKED", "detected": True} for word in self.words]
        emails = [{"match": email, "type": "EMAIL", "action": "ANONYMIZED", "detected": True} for email in self.emails]
        metrics = {
            "guardrailProcessingLatency": 1,
            "usage": self.count_usage(),
            "guardrailCoverage": self.count_coverage(),
        }
        return {
            **({"wordPolicy": {"customWords": words, "managedWordLists": []}} if words else {}),
            **({"sensitiveInformationPolicy": {"piiEntities": emails, "regexes": []}} if emails else {}),
            "invocationMetrics": metrics,
        }


@dataclass(frozen=True)
class GuardrailPolicy:
    """The policy of every guardrail: the words that it blocks, ignoring case."""

    words: tuple[str, ...] = ()

    def check(self, texts: Sequence[str]) -> GuardrailVerdict:
        """Find the blocked words and the e-mail addresses in some texts."""
        text = "\n".join(texts).casefold()
        return GuardrailVerdict(
            texts=tuple(texts),
            words=tuple(word for word in (ALWAYS_BLOCKED, *self.words) if word.casefold() in text),
            emails=tuple(dict.fromkeys(match[0] for each in texts for match in _EMAIL.finditer(each))),
        )


def find_emails(text: str) -> list[tuple[int, int]]:
    """The offsets at which the e-mail addresses of a text begin and end."""
    return [match.span() for match in _EMAIL.finditer(text)]


def count_text_units(texts: Sequence[str]) -> int:
    """The units in which AWS bills a check: every started thousand characters."""
    return ceil(sum(map(len, texts)) / _UNIT_CHARACTERS)
