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
    register(replace(chat.LARGE_ADAPTER, also=prompt.ADAPTER))
    register(replace(prompt.ADAPTER, also=replace(chat.LARGE_ADAPTER, sample=_SAMPLE)))
