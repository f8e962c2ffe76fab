"""The tokens that a call may take, estimated before it is made: by the bytes of its body, without parsing it.

Four bytes are a token, as in `translation/estimate_tokens.py`, and a file in base64 is an image of 1,600 tokens. The
most tokens of the answer are the largest number that a member of that meaning has anywhere in the body, so that a
caller cannot hide it behind a smaller one.
"""

import re
import string

from bedrock_flask.call import Call

BYTES_PER_TOKEN, FILE_TOKENS = 4, 1600
# Tokens of an answer whose request sets no limit: most models allow more, and few answers need it.
DEFAULT_ANSWER = 4096
# A file in base64 is a string of at least this length, which has only these characters.
_LEAST_FILE = 2000
_BASE64 = string.ascii_letters.encode() + string.digits.encode() + b"+/="
# The members of all formats: of Converse and Nova, Claude, OpenAI, Titan, Llama.
_MOST_TOKENS = re.compile(
    rb'"(?:max_tokens|maxTokens|max_completion_tokens|max_output_tokens|max_tokens_to_sample|maxTokenCount|max_gen_len)"'
    rb"[ \t\r\n]*:[ \t\r\n]*([0-9]{1,9})(?![0-9.eE])"
)


def estimate_tokens(call: Call) -> int:
    """The tokens of a call and of its longest answer; none where AWS bills nothing."""
    if not call.billed_as:
        return 0
    return estimate_input(call.body) + find_most_tokens(call)


def estimate_input(body: bytes) -> int:
    """The tokens of a body."""
    strings = body.split(b'"') if len(body) > _LEAST_FILE else ()
    files = [len(each) for each in strings if len(each) >= _LEAST_FILE and _is_file(each)]
    return -(-(len(body) - sum(files)) // BYTES_PER_TOKEN) + FILE_TOKENS * len(files)


def find_most_tokens(call: Call) -> int:
    """The most tokens of the answer: what the body allows, or else what is usual."""
    if given := _MOST_TOKENS.findall(call.body):
        return max(map(int, given))
    is_text = any(each.output == "text" for each in call.adapter.models.values())
    return DEFAULT_ANSWER if is_text else 0


def _is_file(text: bytes) -> bool:
    """Whether a string is a file in base64, alone or within a `data:` URI."""
    data = text.partition(b";base64,")[2] if text.startswith(b"data:") else text
    return not data.translate(None, _BASE64)
