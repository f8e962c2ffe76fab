"""Bodies of the families with a prompt, or a body of their own, and how they can be wrong."""

from typing import Any

Json = dict[str, Any]
LLAMA_PROMPT = "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
CLAUDE_PROMPT = "\n\nHuman: Hi\n\nAssistant:"
TOOL = {"name": "price", "description": "Looks up.", "parameter_definitions": {"id": {"type": "str", "required": True}}}
RESULT = {"call": {"name": "price", "parameters": {"id": "7"}}, "outputs": [{"text": "12"}]}

# Bodies in the forms that AWS's pages and samples show.
BODIES: list[tuple[str, Json]] = [
    ("llama", {"prompt": LLAMA_PROMPT, "max_gen_len": 512, "temperature": 0.5}),
    ("llama", {"prompt": LLAMA_PROMPT, "max_gen_len": 128, "temperature": 0.1, "top_p": 0.9}),
    ("llama", {"prompt": "What is in it? <|image|>", "images": ["iVBORw0KGgo="]}),
    ("llama", {"prompt": "Hi", "max_gen_len": 8192}),
    ("mistral-instruct", {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 400, "temperature": 0.7, "top_p": 0.7}),
    ("mistral-instruct", {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 200, "top_k": 50, "stop": []}),
    # aws-samples/mistral-on-aws has programs for Mistral Large (24.07) with a prompt.
    ("mistral-large", {"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 128, "temperature": 0.0, "top_k": 2}),
    (
        "deepseek-r1",
        {
            "prompt": "<\uff5cbegin▁of▁sentence\uff5c><\uff5cUser\uff5c>Hi<\uff5cAssistant\uff5c><think>\n",
            "max_tokens": 512,
        },
    ),
    ("deepseek-r1", {"prompt": "Hi", "temperature": 0.5, "top_p": 0.9, "max_tokens": 32768, "stop": ["x"] * 10}),
    ("titan-text", {"inputText": "User: Hi\nBot:"}),
    (
        "titan-text",
        {
            "inputText": "Hi",
            "textGenerationConfig": {"maxTokenCount": 3072, "stopSequences": [], "temperature": 0, "topP": 0.9},
        },
    ),
    ("claude-text", {"prompt": CLAUDE_PROMPT, "max_tokens_to_sample": 4000, "temperature": 0.1, "top_p": 0.9}),
    ("claude-text", {"prompt": "Human: Hi\n\nAssistant:", "max_tokens_to_sample": 200, "temperature": 0.5}),
    (
        "claude-text",
        {
            "prompt": f"You are terse.{CLAUDE_PROMPT} Sure,",
            "max_tokens_to_sample": 200,
            "top_k": 250,
            "stop_sequences": ["\n\nHuman:"],
            "anthropic_version": "bedrock-2023-05-31",
        },
    ),
    ("command-r", {"message": "Hi", "max_tokens": 200, "temperature": 0.6, "p": 0.5, "k": 0}),
    (
        "command-r",
        {
            "message": "Hi",
            "chat_history": [{"role": "USER", "message": "Who?"}, {"role": "CHATBOT", "message": "Newton."}],
            "documents": [{"title": "Tall penguins", "snippet": "Emperor penguins are the tallest."}],
            "tools": [TOOL],
            "tool_results": [RESULT],
            "preamble": "Be terse.",
            "prompt_truncation": "AUTO_PRESERVE_ORDER",
            "stop_sequences": ["END"],
            "return_prompt": False,
            "raw_prompting": False,
            "seed": 3,
        },
    ),
    (
        "command",
        {
            "prompt": "Hi",
            "max_tokens": 400,
            "temperature": 0.75,
            "p": 0.01,
            "k": 0,
            "stop_sequences": [],
            "return_likelihoods": "NONE",
            "num_generations": 1,
            "logit_bias": {"3": -9.5},
            "truncate": "END",
            "stream": True,
        },
    ),
]

# A member that makes the first body of a family wrong, and the path of the fault.
ALTERED: list[tuple[str, Json, str]] = [
    ("llama", {"max_gen_length": 64}, "max_gen_length"),
    ("llama", {"max_gen_len": 0}, "max_gen_len"),
    ("llama", {"max_gen_len": "512"}, "max_gen_len"),
    ("llama", {"temperature": 1.1}, "temperature"),
    ("llama", {"top_p": -0.1}, "top_p"),
    ("llama", {"images": "iVBORw0KGgo="}, "images"),
    ("llama", {"images": [1]}, "images[0]"),
    ("llama", {"prompt": ["Hi"]}, "prompt"),
    ("llama", {"max_tokens": 64}, "max_tokens"),
    ("mistral-instruct", {"max_token": 64}, "max_token"),
    ("mistral-instruct", {"max_tokens": 8193}, "max_tokens"),
    ("mistral-instruct", {"top_k": 0}, "top_k"),
    ("mistral-instruct", {"top_k": 201}, "top_k"),
    ("mistral-large", {"top_k": 201}, "top_k"),
    ("mistral-instruct", {"stop": "END"}, "stop"),
    ("mistral-instruct", {"stop": ["x"] * 11}, "stop"),
    ("mistral-instruct", {"temperature": 2}, "temperature"),
    ("deepseek-r1", {"max_tokens": 32769}, "max_tokens"),
    ("deepseek-r1", {"max_tokens": 0}, "max_tokens"),
    ("deepseek-r1", {"stop": ["x"] * 11}, "stop"),
    ("deepseek-r1", {"temperature": 1.5}, "temperature"),
    ("deepseek-r1", {"top_p": -0.1}, "top_p"),
    ("deepseek-r1", {"messages": []}, "messages"),
    ("titan-text", {"textGenerationConfig": {"maxTokenCount": 8193}}, "textGenerationConfig.maxTokenCount"),
    ("titan-text", {"textGenerationConfig": {"maxTokens": 5}}, "textGenerationConfig.maxTokens"),
    ("titan-text", {"textGenerationConfig": {"topP": 1.1}}, "textGenerationConfig.topP"),
    ("titan-text", {"textGenerationConfig": {"topP": 0}}, "textGenerationConfig.topP"),
    ("titan-text", {"textGenerationConfig": {"stopSequences": ["a", 1]}}, "textGenerationConfig.stopSequences[1]"),
    ("titan-text", {"textGenerationConfig": []}, "textGenerationConfig"),
    ("titan-text", {"inputText": None}, "inputText"),
    ("claude-text", {"max_tokens": 64}, "max_tokens"),
    ("claude-text", {"max_tokens_to_sample": 1.5}, "max_tokens_to_sample"),
    ("claude-text", {"max_tokens_to_sample": 4097}, "max_tokens_to_sample"),
    ("claude-text", {"top_k": 501}, "top_k"),
    ("claude-text", {"temperature": 1.01}, "temperature"),
    ("claude-text", {"stop_sequences": "x"}, "stop_sequences"),
    ("claude-text", {"prompt": "Hi"}, "prompt"),
    ("claude-text", {"prompt": "\n\nAssistant: a\n\nHuman: b"}, "prompt"),
    ("command-r", {"p": 1}, "p"),
    ("command-r", {"k": 501}, "k"),
    ("command-r", {"prompt_truncation": "AUTO"}, "prompt_truncation"),
    ("command-r", {"chat_history": [{"role": "user", "message": "x"}]}, "chat_history[0].role"),
    ("command-r", {"tools": [{"name": "x"}]}, "tools[0].description"),
    (
        "command-r",
        {"tools": [{**TOOL, "parameter_definitions": {"id": {"kind": "str", "type": "str"}}}]},
        "tools[0].parameter_definitions.id.kind",
    ),
    ("command-r", {"tool_results": [{"call": RESULT["call"]}]}, "tool_results[0].outputs"),
    ("command-r", {"prompt": "x"}, "prompt"),
    ("command", {"temperature": 5.1}, "temperature"),
    ("command", {"num_generations": 6}, "num_generations"),
    ("command", {"logit_bias": {"3": 11}}, "logit_bias.3"),
    ("command", {"return_likelihoods": "generation"}, "return_likelihoods"),
    ("command", {"message": "x"}, "message"),
]
