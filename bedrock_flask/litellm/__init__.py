"""What LiteLLM's configuration and keys are here: read into plans, with all that has no counterpart listed."""
