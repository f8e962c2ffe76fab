"""A conversation as the one text that a model with a `prompt` takes, and back.

The texts of a conversation come from callers. What the model would read in them as a mark of its template, such as the
end of a turn, is broken by a space, so that no text can speak in the name of another role.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bedrock_flask.converse import Json, Request, text_of


@dataclass(frozen=True, kw_only=True)
class PromptTemplate:
    """How the prompts of a family are written.

    turns   the text before and after each turn, by its role: `system`, `user`, `assistant`; a role of which nothing is
            before its turns has all that is between the turns of the others
    marks   a regular expression for what the model must not read in a text
    begin   the text before the first turn
    answer  the text after the last turn, which the model continues
    """

    turns: Mapping[str, tuple[str, str]]
    marks: str
    begin: str = ""
    answer: str = ""

    def write(self, request: Request) -> str:
        """The system prompt and the messages of a Converse request as a prompt; other blocks than texts are left out.

        If the last turn is the model's own, the model continues it.
        """
        turns = [(each["role"], text_of(each["content"])) for each in request["messages"]]
        if "system" in request:
            turns.insert(0, ("system", text_of(request["system"])))
        prompt = self.begin + "".join(self._write_turn(*turn) for turn in turns)
        if turns[-1][0] == "assistant":
            return prompt.removesuffix(self.turns["assistant"][1])
        return prompt + self.answer

    def read(self, prompt: str) -> Request:
        """The Converse request of a prompt; one that is not written by the template is a text of the user's."""
        turns = [turn for turn in self._split(prompt) if turn[1]]
        messages: list[Json] = [{"role": role, "content": [{"text": text}]} for role, text in turns if role != "system"]
        if not any(message["role"] == "user" for message in messages):
            return {"messages": [{"role": "user", "content": [{"text": prompt}]}]}
        system: list[Json] = [{"text": text} for role, text in turns if role == "system"]
        return {"messages": messages, **({"system": system} if system else {})}

    def escape(self, text: str) -> str:
        """The text with each mark in it broken by a space."""
        return self._marks.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    @cached_property
    def _marks(self) -> re.Pattern[str]:
        return re.compile(self.marks)

    def _write_turn(self, role: str, text: str) -> str:
        before, after = self.turns[role]
        return f"{before}{self.escape(text)}{after}"

    def _split(self, prompt: str) -> Iterator[tuple[str, str]]:
        """The roles and texts of a prompt, in its order."""
        rest = prompt.rstrip().removeprefix(self.begin).removesuffix(self.answer.rstrip())
        roles = {before.rstrip(): role for role, (before, _) in self.turns.items() if before.strip()}
        between = next((role for role, (before, _) in self.turns.items() if not before.strip()), "")
        ends = {after.strip() for _, after in self.turns.values()} - {""}
        role = between
        for part in _make_splitter([*roles, *ends]).split(rest):
            if part in roles:
                role = roles[part]
            elif part in ends:
                role = between
            elif role:
                yield role, part.strip()


def _make_splitter(texts: Iterable[str]) -> re.Pattern[str]:
    """What splits a prompt at any of the texts, the longest first; a word counts only where a line begins."""
    alternatives = (
        f"^{re.escape(text)}" if text[0].isalpha() else re.escape(text) for text in sorted(texts, key=len, reverse=True)
    )
    return re.compile(f"({'|'.join(alternatives)})", re.MULTILINE)
