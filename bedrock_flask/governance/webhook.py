"""A webhook: a document is posted to the address of the settings, signed as Standard Webhooks describes.

Source: Standard Webhooks, specification 1.0: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
"""

import base64
import hmac
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from bedrock_flask.config.webhook import WebhookURL

LOG = logging.getLogger("bedrock_flask.webhook")
# Seconds for a connection, and of silence before the head of the response.
_TIMEOUTS = (3.0, 10.0)


@dataclass(frozen=True)
class Webhook:
    """Where documents are posted, and the bytes that sign them."""

    url: WebhookURL
    secret: bytes = field(repr=False)

    def post(self, message_id: str, document: Mapping[str, Any]) -> bool:
        """Post a document, and return whether the receiver has accepted it: only a status of 2xx says so."""
        body = json.dumps(document).encode()
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "user-agent": "bedrock-flask",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign(self.secret, message_id, timestamp, body),
        }
        try:
            # A redirect would take the document elsewhere. The body of the response is not read.
            with requests.post(
                self.url.text,
                body,
                headers=headers,
                timeout=_TIMEOUTS,
                allow_redirects=False,
                stream=True,
                auth=_add_nothing,
            ) as response:
                outcome = str(response.status_code)
        except requests.RequestException as error:
            # Its text may have the address.
            outcome = type(error).__name__
        is_accepted = outcome.startswith("2")
        if not is_accepted:
            LOG.warning("the webhook at %s has not taken a message: %s", self.url.describe(), outcome)
        return is_accepted


def sign(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The header of the signature."""
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


def _add_nothing(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from adding credentials of a `.netrc`."""
    return request
