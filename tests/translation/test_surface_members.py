"""What a model refuses of a body in OpenAI's formats is named, and nothing else is touched."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.translation.surface_members import Edits, edit_members

GPT = Capabilities(
    reasoning=True, sampling="none", stop_sequences=False, least_tokens=16, efforts=("none", "low", "high")
)
ANY = Capabilities()


@pytest.mark.parametrize(
    ("wire", "body", "edits"),
    [
        ("openai_chat", {}, Edits()),
        ("openai_chat", {"temperature": 0.3, "stop": "x"}, Edits(("temperature", "stop"), {}, ("temperature", "stop"))),
        # A default changes nothing, and with the effort `none` sampling is taken.
        ("openai_chat", {"temperature": 1}, Edits((), {}, ("temperature",))),
        ("openai_chat", {"temperature": 0.3, "reasoning_effort": "none"}, Edits()),
        ("openai_chat", {"max_tokens": 64}, Edits((), {"max_completion_tokens": 64}, ("max_tokens",))),
        (
            "openai_chat",
            {"max_tokens": 5},
            Edits((), {"max_completion_tokens": 16}, ("max_tokens",), ("max_tokens",)),
        ),
        ("openai_chat", {"max_completion_tokens": 64}, Edits()),
        (
            "openai_chat",
            {"reasoning_effort": "xhigh"},
            Edits((), {"reasoning_effort": "high"}, (), ("reasoning_effort",)),
        ),
        (
            "openai_responses",
            {"reasoning": {"effort": "minimal", "summary": "auto"}, "max_output_tokens": 3, "top_p": 0.5},
            Edits(
                ("top_p",),
                {"reasoning": {"effort": "low", "summary": "auto"}, "max_output_tokens": 16},
                ("top_p",),
                ("reasoning.effort", "max_output_tokens"),
            ),
        ),
    ],
)
def test_it_is_named_changed_or_left(wire: str, body: Any, edits: Edits) -> None:
    assert edit_members(wire, body, GPT) == edits


def test_a_model_of_which_nothing_is_known_gets_all() -> None:
    body = {"temperature": 0.3, "top_p": 0.1, "stop": ["x"], "reasoning_effort": "minimal"}
    assert edit_members("openai_chat", body, ANY) == Edits()
