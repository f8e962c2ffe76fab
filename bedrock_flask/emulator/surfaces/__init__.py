"""AWS's surfaces in the formats of OpenAI and Anthropic, on its two endpoints: bedrock-runtime and bedrock-mantle."""
