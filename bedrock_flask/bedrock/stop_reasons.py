"""Why Converse says that a model stopped: the values of `stopReason`.

Source: the enum StopReason in botocore's service model of bedrock-runtime; a test compares them.
"""

END_TURN = "end_turn"
TOOL_USE = "tool_use"
MAX_TOKENS = "max_tokens"
STOP_SEQUENCE = "stop_sequence"
GUARDRAIL_INTERVENED = "guardrail_intervened"
CONTENT_FILTERED = "content_filtered"
MALFORMED_MODEL_OUTPUT = "malformed_model_output"
MALFORMED_TOOL_USE = "malformed_tool_use"
MODEL_CONTEXT_WINDOW_EXCEEDED = "model_context_window_exceeded"

STOP_REASONS = (
    END_TURN,
    TOOL_USE,
    MAX_TOKENS,
    STOP_SEQUENCE,
    GUARDRAIL_INTERVENED,
    CONTENT_FILTERED,
    MALFORMED_MODEL_OUTPUT,
    MALFORMED_TOOL_USE,
    MODEL_CONTEXT_WINDOW_EXCEEDED,
)
