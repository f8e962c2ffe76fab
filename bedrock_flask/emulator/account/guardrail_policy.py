"""What a guardrail of the emulator objects to: words that are given to it, and e-mail addresses, which it hides."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from bedrock_flask.converse import Json

# Held by any text that a test wants to be blocked, whatever other words the emulator was given.
BLOCKED = "[[blocked]]"

_EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}", re.ASCII)
_HIDDEN = "{EMAIL}"
_UNIT = 1000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found in some texts, and how they read with the e-mail addresses hidden."""

    texts: tuple[str, ...]
    words: tuple[str, ...]
    emails: tuple[str, ...]

    @property
    def blocked(self) -> bool:
        """Whether nothing of the texts may pass."""
        return bool(self.words)

    @property
    def intervened(self) -> bool:
        """Whether the texts may not pass as they are."""
        return bool(self.words or self.emails)

    @property
    def masked(self) -> tuple[str, ...]:
        """The texts without the e-mail addresses."""
        return tuple(_EMAIL.sub(_HIDDEN, text) for text in self.texts)

    @property
    def reason(self) -> str:
        """Why it intervened, or that it did not, in the words of `actionReason`."""
        return "Guardrail blocked." if self.blocked else "Guardrail masked." if self.intervened else "No action."

    def usage(self) -> Json:
        """The text units that were checked, by policy."""
        units = text_units(self.texts)
        return {
            "topicPolicyUnits": 0,
            "contentPolicyUnits": 0,
            "wordPolicyUnits": units,
            "sensitiveInformationPolicyUnits": units,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
        }

    def coverage(self) -> Json:
        """The characters that were checked."""
        characters = sum(map(len, self.texts))
        return {"textCharacters": {"guarded": characters, "total": characters}}

    def assessment(self) -> Json:
        """What was found, in the shape of `GuardrailAssessment`."""
        words = [{"match": word, "action": "BLOCKED", "detected": True} for word in self.words]
        emails = [{"match": email, "type": "EMAIL", "action": "ANONYMIZED", "detected": True} for email in self.emails]
        metrics = {"guardrailProcessingLatency": 1, "usage": self.usage(), "guardrailCoverage": self.coverage()}
        return {
            **({"wordPolicy": {"customWords": words, "managedWordLists": []}} if words else {}),
            **({"sensitiveInformationPolicy": {"piiEntities": emails, "regexes": []}} if emails else {}),
            "invocationMetrics": metrics,
        }


@dataclass(frozen=True)
class Rule:
    """The rule of every guardrail: the words that it blocks, whatever their case."""

    words: tuple[str, ...] = ()

    def judge(self, texts: Sequence[str]) -> Verdict:
        """What is to be said against some texts."""
        said = "\n".join(texts).casefold()
        return Verdict(
            texts=tuple(texts),
            words=tuple(word for word in (BLOCKED, *self.words) if word.casefold() in said),
            emails=tuple(dict.fromkeys(match[0] for text in texts for match in _EMAIL.finditer(text))),
        )


def emails_in(text: str) -> list[tuple[int, int]]:
    """Where the e-mail addresses of a text begin and end."""
    return [match.span() for match in _EMAIL.finditer(text)]


def text_units(texts: Sequence[str]) -> int:
    """What AWS bills a check by: a thousand characters begun."""
    return ceil(sum(map(len, texts)) / _UNIT)
