"""Amazon Titan Text Embeddings v2: one text in, one vector out."""

from collections.abc import Callable

from bedrock_flask.plugin import Adapter, Capabilities, Engine, Json, KnownModel, Schema, fields, hookimpl, text_of

DIMENSIONS = (256, 512, 1024)


class TitanEmbedBody(Schema):
    """An embedding request."""

    inputText = fields.String(required=True, description="The text; one per call.")
    dimensions = fields.Integer(one_of=DIMENSIONS, description="The number of dimensions; default 1024.")
    normalize = fields.Boolean(description="Whether the vector is normalised; default true.")
    embeddingTypes = fields.List(
        fields.String(one_of=("float", "binary")), description="The types of the vector's numbers; default float."
    )


def encode(request: Json) -> Json:
    """Encode a Converse request: the texts of its messages, joined, and the additional fields unchanged."""
    text = "\n".join(text_of(message["content"]) for message in request["messages"])
    return {"inputText": text, **request.get("additionalModelRequestFields", {})}


def decode(reply: Json) -> Json:
    """Decode Titan's reply; `embedding` is missing if only binary was requested."""
    vector = reply["embedding"] if "embedding" in reply else reply["embeddingsByType"]["binary"]
    return {"embeddings": [vector], "usage": {"inputTokens": reply["inputTextTokenCount"]}}


def emulate(body: Json, engine: Engine) -> Json:
    """Compute Titan's reply with the engine's vector."""
    vector = engine.embed(body["inputText"], body.get("dimensions", 1024))
    forms = {"float": vector, "binary": [int(number > 0) for number in vector]}
    by_type = {kind: forms[kind] for kind in body.get("embeddingTypes") or ["float"]}
    plain = {"embedding": vector} if "float" in by_type else {}
    return {**plain, "embeddingsByType": by_type, "inputTextTokenCount": engine.count(body["inputText"])}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="titan-embed",
            description="Amazon Titan Text Embeddings v2: vectors of 256, 512 or 1024 numbers, as floats or bits.",
            body=TitanEmbedBody,
            speaks={"titan_embed": "InvokeModel"},
            models={"amazon.titan-embed-text-v2*": Capabilities(output="embedding", streaming=False)},
            default="amazon.titan-embed-text-v2:0",
            is_common=True,
            known_models={"amazon.titan-embed-text-v2:0": KnownModel(name="Titan Text Embeddings V2")},
            encode=encode,
            decode=decode,
            emulate=emulate,
            extras={"dimensions": "additionalModelRequestFields.dimensions"},
            sample={"inputText": "A gateway is a door between two roads.", "dimensions": 256, "normalize": True},
        )
    )
