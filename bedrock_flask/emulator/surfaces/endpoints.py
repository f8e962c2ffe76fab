"""Which of AWS's two endpoints a request is for: the emulator has one address for both, and some of their paths agree.

The first of these that is there decides:

1. the path: `/bedrock-mantle/…` is bedrock-mantle, and so is `/v1/…`, which bedrock-runtime does not have;
2. the host: `bedrock-mantle.us-east-1.api.aws`, `bedrock-runtime.us-east-1.amazonaws.com`, `bedrock-mantle.localhost`;
3. the service that the request is signed for: bedrock-mantle is signed for as `bedrock-mantle`;
4. bedrock-runtime.

Sources: "Endpoints supported by Amazon Bedrock" (AWS user guide); the packages `openai` 3.57 and `anthropic` 2.12,
whose clients sign for these services.
"""

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import MANTLE
from bedrock_flask.emulator.environ import MANTLE_PREFIX

_HOSTS = {MANTLE: MANTLE, RUNTIME: RUNTIME, f"{RUNTIME}-fips": RUNTIME}


def find_endpoint(path: str, host: str, service: str) -> str:
    """The endpoint of a request, given its path, its `Host` and the service of its signature."""
    if path.startswith((f"{MANTLE_PREFIX}/", "/v1/")):
        return MANTLE
    return _HOSTS.get(host.partition(".")[0].lower(), MANTLE if service == MANTLE else RUNTIME)
