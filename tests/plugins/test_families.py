"""The families that come with the gateway: what is special to each."""

import textwrap
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.models.loading import find_conflicts, load_registry
from bedrock_flask.wires import find_wire

Json = dict[str, Any]
REGISTRY = load_registry()
CLAUDE, NOVA, TITAN, GENERIC = (REGISTRY.adapters[name] for name in ("claude", "nova", "titan-embed", "converse"))


def paths(adapter: Any, body: Json) -> list[str]:
    return [fault.path for fault in adapter.find_faults(body)]


def nova(*content: Json, **members: Any) -> Json:
    return {"messages": [{"role": "user", "content": list(content) or [{"text": "Hi"}]}], **members}


class Engine:
    def converse(self, request: Json) -> Any:
        raise NotImplementedError

    def embed(self, text: str, dimensions: int) -> list[float]:
        return [0.5, -0.5] * (dimensions // 2)

    def count(self, text: str) -> int:
        return len(text.split())


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", "claude"),
        ("us.anthropic.claude-opus-4-6-v1", "claude"),
        ("global.anthropic.claude-fable-5-1", "claude"),
        ("amazon.nova-micro-v1:0", "nova"),
        ("eu.amazon.nova-2-lite-v1:0", "nova"),
        ("amazon.titan-embed-text-v2:0", "titan-embed"),
        ("amazon.titan-text-express-v1", "titan-text"),
        ("deepseek.v3.2", "deepseek"),
        ("acme.verse-1", "converse"),
        ("arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1", "converse"),
    ],
)
def test_an_id_goes_to_its_family_and_any_other_to_the_generic_one(model: str, name: str) -> None:
    assert REGISTRY.pick(model)[0].name == name


@pytest.mark.parametrize(
    ("model", "abilities"),
    [
        ("anthropic.claude-3-sonnet-20240229-v1:0", {"tools", "system", "images", "documents"}),
        ("anthropic.claude-3-5-sonnet-20240620-v1:0", {"tools", "system", "images", "documents"}),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", {"tools", "system", "images", "documents", "cache"}),
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", {"tools", "system", "images", "documents", "cache", "reasoning"}),
        ("anthropic.claude-haiku-5-5", {"tools", "system", "images", "documents", "cache", "reasoning"}),
        ("amazon.nova-micro-v1:0", {"tools", "system", "cache"}),
        ("amazon.nova-pro-v1:0", {"tools", "system", "cache", "images", "documents", "video"}),
        ("amazon.nova-2-lite-v1:0", {"tools", "system", "cache", "images", "documents", "video", "reasoning"}),
        ("amazon.titan-embed-text-v2:0", set()),
    ],
)
def test_abilities_are_data_of_the_pattern(model: str, abilities: set[str]) -> None:
    found = REGISTRY.pick(model)[1]
    names = ("tools", "system", "cache", "images", "documents", "video", "audio", "reasoning")
    assert {name for name in names if getattr(found, name)} == abilities


def test_titan_neither_streams_nor_speaks_converse() -> None:
    capabilities = REGISTRY.pick(TITAN.model)[1]
    assert (capabilities.output, capabilities.streaming) == ("embedding", False)
    assert "converse" not in TITAN.speaks


def test_claude_rules_run_with_its_schema() -> None:
    body = dict(CLAUDE.sample) | {"max_tokens": 1024, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert paths(CLAUDE, body) == ["thinking.budget_tokens"]


def test_bedrocks_own_guardrail_member_is_no_fault() -> None:
    assert paths(CLAUDE, dict(CLAUDE.sample) | {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x"}}) == []


def test_nova_takes_the_documented_request() -> None:
    body = nova(schemaVersion="messages-v1", inferenceConfig={"maxTokens": 50})
    assert paths(NOVA, body) == []


def test_nova_has_its_cache_point_inside_a_text_block_and_never_alone() -> None:
    point = {"cachePoint": {"type": "default"}}
    assert paths(NOVA, nova({"text": "x", **point}, system=[{"text": "S", **point}])) == []
    assert paths(NOVA, nova({"text": "x"}, point)) == ["messages[0].content[1]"]
    assert paths(NOVA, nova(system=[{"text": "S"}, point])) == ["system[1]"]


def test_nova_opens_with_the_user() -> None:
    assert paths(NOVA, {"messages": []}) == ["messages"]
    assert paths(NOVA, {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}) == ["messages[0].role"]


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"maxTokens": 64_000, "temperature": 0, "topP": 0, "topK": 128, "stopSequences": ["x"]}, None),
        ({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}, None),
        ({"max_new_tokens": 5, "top_p": 0.9, "top_k": 5}, None),
        ({"maxTokens": 0}, "inferenceConfig.maxTokens"),
        ({"maxTokens": "64"}, "inferenceConfig.maxTokens"),
        ({"temperature": -0.1}, "inferenceConfig.temperature"),
        ({"topP": 1.1}, "inferenceConfig.topP"),
        ({"topK": -1}, "inferenceConfig.topK"),
        ({"topK": 129}, "inferenceConfig.topK"),
        ({"reasoningConfig": {"type": "auto"}}, "inferenceConfig.reasoningConfig.type"),
        ({"reasoningConfig": {"maxReasoningEffort": "max"}}, "inferenceConfig.reasoningConfig.maxReasoningEffort"),
    ],
)
def test_novas_inference_config(config: Json, path: str | None) -> None:
    assert paths(NOVA, nova(inferenceConfig=config)) == ([path] if path else [])


def test_nova_has_none_of_the_members_that_only_converse_has() -> None:
    assert paths(NOVA, nova(guardrailConfig={})) == ["guardrailConfig"]


@pytest.mark.parametrize("body", [{"promptVariables": {}}, {"promptVariables": {"city": {"text": "Paris"}}}])
def test_a_managed_prompt_brings_its_own_messages(body: Json) -> None:
    assert paths(GENERIC, body) == []


def test_any_other_generic_request_needs_messages() -> None:
    assert paths(GENERIC, {}) == ["messages"]
    assert paths(GENERIC, {"messages": []}) == []


@pytest.mark.parametrize("dimensions", [256, 512, 1024, 1024.0])
def test_titan_embeds_with_the_dimensions_asked_for(dimensions: float) -> None:
    assert TITAN.emulate is not None
    assert paths(TITAN, {"inputText": "a b", "dimensions": dimensions}) == []
    reply = TITAN.emulate({"inputText": "a b", "dimensions": int(dimensions)}, Engine())
    assert len(reply["embedding"]) == dimensions
    assert reply["embeddingsByType"] == {"float": reply["embedding"]}
    assert reply["inputTextTokenCount"] == 2


@pytest.mark.parametrize(
    ("member", "value"),
    [("dimensions", 300), ("dimensions", "256"), ("normalize", "yes"), ("embeddingTypes", ["int8"]), ("inputText", 5)],
)
def test_titan_refuses_what_it_cannot_do(member: str, value: Any) -> None:
    [path] = paths(TITAN, {"inputText": "x", member: value})
    assert path.startswith(member)


def test_titan_gives_bits_alone_where_only_bits_are_asked_for() -> None:
    assert TITAN.emulate is not None
    assert TITAN.decode is not None
    bits = TITAN.emulate({"inputText": "a b", "dimensions": 256, "embeddingTypes": ["binary"]}, Engine())
    assert "embedding" not in bits
    assert bits["embeddingsByType"] == {"binary": [1, 0] * 128}
    assert TITAN.decode(bits) == {"embeddings": [[1, 0] * 128], "usage": {"inputTokens": 2}}
    both = TITAN.emulate({"inputText": "a", "embeddingTypes": ["float", "binary"]}, Engine())
    assert sorted(both["embeddingsByType"]) == ["binary", "float"]
    assert len(both["embedding"]) == 1024


def test_titan_encodes_a_converse_request() -> None:
    assert TITAN.encode is not None
    request = {
        "messages": [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]}],
        "additionalModelRequestFields": {"dimensions": 256},
    }
    assert TITAN.encode(request) == {"inputText": "a\nb", "dimensions": 256}


@pytest.mark.parametrize(
    "reply", [{}, {"message": "no"}, {"embedding": [0.1]}, {"embedding": [], "inputTextTokenCount": 1}]
)
def test_a_cut_titan_reply_is_not_complete(reply: Json) -> None:
    assert not find_wire(TITAN).is_complete(reply)


def test_a_plugin_in_the_manner_of_the_guide_subclasses_the_shared_body(tmp_path: Path) -> None:
    (tmp_path / "bossa.py").write_text(
        textwrap.dedent(
            '''
            """Bossa: a model with a native body close to Converse."""

            from bedrock_flask.plugin import Adapter, Capabilities, Schema, converse_body, fields, hookimpl


            class InferenceConfig(Schema):
                maxTokens = fields.Integer(min=1, description="Most tokens to write.")
                temperature = fields.Number(above=0, max=1)


            class BossaBody(converse_body.Body):
                inferenceConfig = fields.Nested(InferenceConfig)


            @hookimpl
            def register_adapters(register):
                register(Adapter(
                    name="bossa", body=BossaBody, speaks={"nova": "InvokeModel", "converse": "Converse"},
                    models={"acme.bossa-*": Capabilities(tools=True)},
                    sample={"messages": [{"role": "user", "content": [{"text": "hi"}]}]},
                ))
            '''
        )
    )
    bossa = load_registry(tmp_path).adapters["bossa"]
    assert paths(bossa, dict(bossa.sample)) == []
    assert paths(bossa, {}) == ["messages"]
    assert paths(bossa, nova(inferenceConfig={"temperature": 0, "stopSequences": []})) == [
        "inferenceConfig.temperature",
        "inferenceConfig.stopSequences",
    ]


def test_no_two_built_in_families_have_a_name_or_an_id_in_common() -> None:
    before: dict[str, Adapter] = {}
    for name, adapter in REGISTRY.adapters.items():
        assert find_conflicts([adapter], before, REGISTRY.sources) == []
        before[name] = adapter
