"""Stability AI Image Services: thirteen models that each change an image in one way. Profiles of the US serve them."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    DOCUMENTED,
    Adapter,
    Capabilities,
    Engine,
    Json,
    KnownModel,
    Source,
    hookimpl,
    image_body,
    own_fields,
    stability_body,
)
from bedrock_flask_plugins.stability_services.services import SERVICES, Service

PAGE = [Source("AWS user guide, Stability AI Image Services (November 2026)", DOCUMENTED)]


def _make_emulate(service: Service) -> Callable[[Json, Engine], Json]:
    return lambda body, engine: stability_body.make_reply(
        body, service.measure(body), transparent=service.is_transparent
    )


# What `encode` and a mask fill of a body.
_OF_A_REQUEST = ("prompt", "image", "init_image", "style_image", "mask")


def _make_extras(service: Service) -> own_fields.Extras:
    own = own_fields.place_own_of(service.body, besides=_OF_A_REQUEST)
    background = "transparent" if service.is_transparent else "opaque"
    return {
        "n": own_fields.accept_only(1, why="the model makes one image in a call"),
        "background": own_fields.accept_only(background, why=f"the model makes images with {background} backgrounds"),
        **({"size": image_body.place_aspect_ratio(stability_body.RATIOS)} if "aspect_ratio" in own else {}),
        **({"mask": image_body.place_mask(edited=255)} if "mask" in service.body._declared_fields else {}),
        **own,
    }


def _make_adapter(service: Service) -> Adapter:
    model = f"stability.{service.name}-v1:0"
    return Adapter(
        name=service.name,
        description=f"{service.title} by Stability AI: {service.about}.",
        provider="Stability AI",
        body=service.body,
        answer=stability_body.Answer,
        rules=service.rules,
        speaks={"stability": "InvokeModel"},
        models={f"stability.{service.name}-*": Capabilities(output="image", images=True, streaming=False)},
        default=model,
        known_models={model: KnownModel(name=service.title, profiles=("us",), on_demand=False)},
        sources={"images": PAGE, "output": PAGE, "streaming": PAGE},
        extras=_make_extras(service),
        encode=service.encode,
        decode=stability_body.decode,
        emulate=_make_emulate(service),
        count_billed=image_body.count_images,
        sample=dict(service.sample),
    )


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    for service in SERVICES:
        register(_make_adapter(service))
