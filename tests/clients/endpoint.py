"""What a client needs to call the gateway of these tests."""

from dataclasses import dataclass
from typing import Any

from tests.doubles import Gateway


@dataclass(frozen=True)
class Endpoint:
    """A gateway for clients, and what a client needs to call it."""

    url: str
    server: Gateway
    key: str
    pair: tuple[str, str]

    def boto3(self, url: str = "", secret: str = "", attempts: int = 1) -> Any:
        """An unmodified client of AWS's SDK, with the key pair of the gateway's key."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "bedrock-runtime",
            endpoint_url=url or self.url,
            region_name="eu-west-1",
            aws_access_key_id=self.pair[0],
            aws_secret_access_key=secret or self.pair[1],
            config=Config(retries={"total_max_attempts": attempts}, read_timeout=20),
        )
