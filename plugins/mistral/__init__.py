"""Mistral AI's models: those of today take messages, and those of 2024 a prompt or messages.

Mistral Large (24.07) takes a prompt too: aws-samples/mistral-on-aws has programs with its answers. The cards of the
models with a prompt, and "Mistral AI chat completion" of Mistral Large, have messages (AWS user guide, 2026).
"""

from collections.abc import Callable
from dataclasses import replace

from bedrock_flask.plugin import Adapter, hookimpl
from bedrock_flask_plugins.mistral import chat, prompt

# Mistral 7B and Mixtral take no instructions.
_SAMPLE = {"messages": [{"role": "user", "content": "What is 2+2?"}], "max_tokens": 64, "temperature": 0.5}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(chat.ADAPTER)
    register(_take_both(chat.LARGE_ADAPTER, prompt.ADAPTER))
    register(_take_both(prompt.ADAPTER, replace(chat.LARGE_ADAPTER, sample=_SAMPLE)))


def _take_both(adapter: Adapter, second: Adapter) -> Adapter:
    """An adapter whose models also take the body of another one."""
    return replace(adapter, also=replace(second, name=adapter.name, models=adapter.models, default=adapter.default))
