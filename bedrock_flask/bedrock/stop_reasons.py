"""Why Converse says that a model stopped: the values of `stopReason`.

Source: the enum StopReason in botocore's service model of bedrock-runtime; a test compares them.
"""

STOP_REASONS = (
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "guardrail_intervened",
    "content_filtered",
    "malformed_model_output",
    "malformed_tool_use",
    "model_context_window_exceeded",
)
