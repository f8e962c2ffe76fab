"""Configuration: settings and what they are made of. The names below cost no import of a library."""

PREFIX = "BEDROCK_FLASK_"
# Read by the processes that load the file, before there are settings.
ENV_FILE = f"{PREFIX}ENV_FILE"
# Of `bedrock-flask emulate`, which may share its environment with the gateway.
EMULATOR_SECRETS = f"{PREFIX}EMULATOR_SECRETS"
