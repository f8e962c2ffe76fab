"""The addresses of other gateways, for clients that move here: the setting PATHS switches them on, by these names."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class OtherGateway:
    """Where another gateway serves what this one serves too.

    mounts    the path below which each dialect, by its name, is found
    liveness  the addresses of its probe that the process answers
    readiness the addresses of its probe that calls are accepted
    """

    mounts: Mapping[str, str]
    liveness: tuple[str, ...] = ()
    readiness: tuple[str, ...] = ()


OTHER_GATEWAYS: Mapping[str, OtherGateway] = MappingProxyType(
    {
        "litellm": OtherGateway(
            mounts={
                "bedrock": "/bedrock",
                "native": "",
                "openai_chat": "",
                "openai_embeddings": "",
                "openai_images": "",
                "openai_responses": "",
            },
            liveness=("/health/liveliness", "/health/liveness"),
            readiness=("/health/readiness",),
        ),
        "access-gateway": OtherGateway(
            mounts={"native": "/api/v1", "openai_chat": "/api/v1", "openai_embeddings": "/api/v1"},
            liveness=("/health",),
        ),
    }
)
