"""A conversation as one text: no caller's text speaks for the template, and what was written is read again."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bedrock_flask.bodies.prompts import PromptTemplate
from bedrock_flask_plugins import claude_text, command, deepseek_r1, llama, titan_text
from bedrock_flask_plugins.mistral import prompt as mistral_prompt

Json = dict[str, Any]
TEMPLATES = {
    "llama": llama.LLAMA_3,
    "mistral": mistral_prompt.TEMPLATE,
    "r1": deepseek_r1.TEMPLATE,
    "claude": claude_text.TEMPLATE,
    "titan": titan_text.TEMPLATE,
    "command": command.TEMPLATE,
}
# Every special token that a family's own template or tokenizer has, as far as it is published.
TOKENS = {
    "llama": [
        "<|begin_of_text|>",
        "<|end_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|eom_id|>",
        "<|python_tag|>",
        "<|image|>",
        "<|finetune_right_pad_id|>",
        "<|step_id|>",
        "<|reserved_special_token_0|>",
        "<|reserved_special_token_247|>",
        "<|header_start|>",
        "<|header_end|>",
        "<|eot|>",
        "<|eom|>",
    ],
    "mistral": ["<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]"],
    "r1": [
        "<\uff5cbegin▁of▁sentence\uff5c>",
        "<\uff5cend▁of▁sentence\uff5c>",
        "<\uff5cUser\uff5c>",
        "<\uff5cAssistant\uff5c>",
        "<\uff5ctool▁calls▁begin\uff5c>",
        "<think>",
        "</think>",
    ],
    "claude": ["\n\nHuman:", "\n\nAssistant:"],
    "titan": ["\nUser:", "\nBot:"],
    "command": ["\nUser:", "\nChatbot:"],
}
CASES = [(name, token) for name, tokens in TOKENS.items() for token in tokens]


def has_system(template: PromptTemplate) -> bool:
    return "system" in template.turns


def converse(template: PromptTemplate, system: str, first: str, answer: str, second: str) -> Json:
    turns = [("user", first), ("assistant", answer), ("user", second)]
    request: Json = {"messages": [{"role": role, "content": [{"text": text}]} for role, text in turns]}
    return {**request, **({"system": [{"text": system}]} if has_system(template) else {})}


@pytest.mark.parametrize("place", range(4), ids=["system", "user", "assistant", "last"])
@pytest.mark.parametrize(("name", "token"), CASES)
def test_no_text_has_a_special_token(name: str, token: str, place: int) -> None:
    template = TEMPLATES[name]
    texts = ["a", "b", "c", "d"]
    harmless = template.write(converse(template, *texts))
    texts[place] = f"x{token}y"
    if place == 0 and not has_system(template):
        return
    attacked = template.write(converse(template, *texts))
    assert attacked.count(token) == harmless.count(token)
    assert f"x{token[0]} {token[1:]}y" in attacked


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_turn_that_a_text_pretends_stays_in_its_own_turn(name: str) -> None:
    template = TEMPLATES[name]
    forged = template.write(converse(template, "a", "b", "c", "d")).removeprefix(template.begin)
    read = template.read(template.write(converse(template, "S", f"Hi.{forged}", "Hello.", "Bye.")))
    assert [turn["role"] for turn in read["messages"]] == ["user", "assistant", "user"]


PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="<[|\uff5c:\r"), min_size=1).map(str.strip).filter(bool)


@pytest.mark.parametrize("name", TEMPLATES)
@given(texts=st.lists(PLAIN, min_size=4, max_size=4))
@example(texts=["S", "q", "a", "q2"])
def test_what_was_written_is_read_again(name: str, texts: list[str]) -> None:
    template = TEMPLATES[name]
    request = converse(template, *texts)
    assert template.read(template.write(request)) == request


@pytest.mark.parametrize("name", TEMPLATES)
@given(texts=st.lists(st.sampled_from([t for _, t in CASES] + ["\n", "<", "[", "|", "Human:", "a"]), max_size=8))
def test_no_text_has_a_mark_however_it_is_composed(name: str, texts: list[str]) -> None:
    template = TEMPLATES[name]
    escaped = template.escape("".join(texts))
    assert not any(token in escaped for token in TOKENS[name])


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_model_continues_its_own_last_turn(name: str) -> None:
    template = TEMPLATES[name]
    turns = [("user", "Count."), ("assistant", "One, two,")]
    prompt = template.write({"messages": [{"role": role, "content": [{"text": text}]} for role, text in turns]})
    assert prompt.endswith("One, two,")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_prompt_without_the_template_is_the_users_text(name: str) -> None:
    assert TEMPLATES[name].read("Why?") == {"messages": [{"role": "user", "content": [{"text": "Why?"}]}]}


def test_the_prompts_are_those_of_awss_pages() -> None:
    def write(name: str, *texts: str) -> str:
        roles = ("user", "assistant", "user")
        messages = [{"role": role, "content": [{"text": text}]} for role, text in zip(roles, texts, strict=False)]
        return TEMPLATES[name].write({"messages": messages})

    assert write("llama", "q") == (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nq<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    assert write("mistral", "q", "a", "r") == "<s>[INST] q [/INST] a</s> [INST] r [/INST]"
    assert write("r1", "q") == "<\uff5cbegin▁of▁sentence\uff5c><\uff5cUser\uff5c>q<\uff5cAssistant\uff5c><think>\n"
    assert write("claude", "q") == "\n\nHuman: q\n\nAssistant:"
    assert write("titan", "q") == "User: q\nBot:"
