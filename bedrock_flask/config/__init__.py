"""Configuration: the settings and the types of their values. The names below need no library."""

PREFIX = "BEDROCK_FLASK_"
# Read by the processes that load this file, before they read the settings.
ENV_FILE = f"{PREFIX}ENV_FILE"
# A setting of `bedrock-flask emulate`, which may share its environment with the gateway.
EMULATOR_SECRETS = f"{PREFIX}EMULATOR_SECRETS"
