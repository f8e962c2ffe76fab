"""The keys of an issuer are read over HTTP: from where its discovery document says, or from where the operator says.

No redirect is followed, and a bearer token goes only to the address that the operator has written beside it.
"""

import json
import re
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib import request

from bedrock_flask.config.file_fields import is_secure_url
from bedrock_flask.governance.workloads.issuers_file import Issuer
from bedrock_flask.governance.workloads.signing_keys import SigningKeys, parse_keys

DISCOVERY = "/.well-known/openid-configuration"
# Seconds without a byte, and for a whole answer; bytes of one.
_SILENCE, _SECONDS, _MOST_BYTES = 3.0, 5.0, 512 * 1024
_PIECE = 65536


class _NoRedirects(request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any) -> None:
        """Follow none: the answer is an error."""


def read_keys(issuer: Issuer) -> SigningKeys:
    """The keys that an issuer publishes now; OSError, HTTPException or ValueError if they cannot be read."""
    if issuer.jwks_uri:
        return parse_keys(_get(issuer.jwks_uri, issuer, _authorise(issuer)))
    return parse_keys(_get(_find_address(issuer), issuer, {}))


def discover(issuer: Issuer) -> Mapping[str, Any]:
    """What an issuer says of itself."""
    document = json.loads(_get(issuer.url.rstrip("/") + DISCOVERY, issuer, {}))
    if not isinstance(document, dict) or document.get("issuer") != issuer.url:
        raise ValueError("its discovery document is that of another issuer")
    return document


def _find_address(issuer: Issuer) -> str:
    found = discover(issuer).get("jwks_uri")
    if not isinstance(found, str) or not is_secure_url(found) or _is_secure(issuer.url) > _is_secure(found):
        raise ValueError("its discovery document has no https address of its keys")
    return found


def _is_secure(url: str) -> bool:
    return url.startswith("https:")


def _authorise(issuer: Issuer) -> Mapping[str, str]:
    """The header with the operator's token, which Kubernetes renews in its file."""
    if not issuer.token_file:
        return {}
    token = Path(issuer.token_file).read_text("ascii").strip()
    if not re.fullmatch(r"[!-~]+", token):
        # The library would have it in the words of its error, and they are logged.
        raise ValueError("its token_file does not have one token")
    return {"authorization": f"Bearer {token}"}


def _get(url: str, issuer: Issuer, headers: Mapping[str, str]) -> bytes:
    context = ssl.create_default_context(cafile=issuer.ca_file or None)
    opener = request.build_opener(request.HTTPSHandler(context=context), _NoRedirects)
    own = {"accept": "application/json", "user-agent": "bedrock-flask"}
    until, data = time.monotonic() + _SECONDS, bytearray()
    with opener.open(request.Request(url, headers={**own, **headers}), timeout=_SILENCE) as response:  # noqa: S310 - https
        while piece := response.read1(_PIECE):
            data += piece
            if len(data) > _MOST_BYTES:
                raise ValueError(f"its document is larger than {_MOST_BYTES} bytes")
            if time.monotonic() > until:
                raise TimeoutError(f"its document does not come within {_SECONDS:g} seconds")
    return bytes(data)
