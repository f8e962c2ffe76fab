"""The contract: each law catches a plugin that breaks it, and tells it in one line."""

import re
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import marshmallow
import pytest

from bedrock_flask import contract
from bedrock_flask.adapter import Adapter
from bedrock_flask.contract import ADVICE, LAWS, Law, breaches, faults_of
from bedrock_flask.contract.samples import make_body
from bedrock_flask.models import loading
from bedrock_flask.plugin import Billed, Capabilities, Open, Schema, fields, hookimpl, text_of, text_of_answer

Json = dict[str, Any]


class Options(Schema):
    size = fields.Integer(required=True, min=1, max=9, description="How much.")


class Body(Schema):
    prompt = fields.String(required=True, min_length=1, description="What to say.")
    options = fields.Nested(Options, description="How to say it.")


def encode(request: Json) -> Json:
    return {"prompt": "\n".join(text_of(message["content"]) for message in request["messages"])}


def decode(reply: Json) -> Json:
    response: Json = {"output": {"message": {"role": "assistant", "content": [{"text": reply["t"]}]}}}
    if "stop" in reply:
        response |= {"stopReason": "end_turn", "usage": {"inputTokens": 2, "outputTokens": 3}}
    return response


GOOD = Adapter(
    name="rhyme",
    body=Body,
    speaks={"rhyme": "InvokeModel"},
    models={"acme.rhyme-*": Capabilities()},
    encode=encode,
    decode=decode,
    sample={"prompt": "orange", "options": {"size": 3}},
    reply={"t": "none", "stop": 1},
    chunks=[{"t": "no"}, {"t": "ne"}, {"t": "", "stop": 1}],
)


# A format that is read and written; `write_chunks` is missing.
WRITING: Any = {
    "read_request": lambda body: {"messages": [{"role": "user", "content": [{"text": body["prompt"]}]}]},
    "write_reply": lambda response: {"t": text_of_answer(response), "stop": 1},
}


def test_a_good_adapter_keeps_every_law() -> None:
    assert list(breaches(GOOD, LAWS + ADVICE)) == []


def having(**changed: fields.Field) -> Adapter:
    """The good adapter with some fields of its options changed; the sample has none."""
    options: Any = type("Options", (Schema,), changed)
    kind: Any = type("Body", (Body,), {"options": fields.Nested(options, description="How to say it.")})
    return replace(GOOD, body=kind, sample={"prompt": "orange"})


class Unbounded(fields.Integer):
    def check(self, value: Any) -> None:
        if not self.accepts_type(value):
            raise marshmallow.ValidationError("no")


class Enforcing(fields.Integer):
    def check(self, value: Any) -> None:
        if value > self.metadata["x-unverified-maximum"]:
            raise marshmallow.ValidationError("no")


class Coercing(fields.Integer):
    def check(self, value: Any) -> None:
        pass


class Untold(fields.Integer):
    def json_schema(self, convert: Callable[[Any], Json]) -> Json:
        return {"type": "integer"}


class Forgiving(Options):
    @marshmallow.pre_load
    def fill(self, data: Json, **_: Any) -> Json:
        return {"size": 1, **data}


class Deaf(Options):
    @marshmallow.pre_load
    def drop(self, data: Json, **_: Any) -> Json:
        return {name: value for name, value in data.items() if value is not None} | {"size": 1}


class Dropping(Options):
    class Meta:
        unknown = marshmallow.EXCLUDE


def nesting(schema: type[Schema]) -> Adapter:
    kind: Any = type("Body", (Body,), {"options": fields.Nested(schema, description="How to say it.")})
    return replace(GOOD, body=kind)


def mutating(value: Json) -> Json:
    value.clear()
    return {"prompt": "x"}


def counting(reply: Json) -> Json:
    usage = {"usage": {"inputTokens": 2, "outputTokens": len(reply["t"])}}
    return decode(reply) | (usage if "stop" in reply else {})


def lacking(reply: Json) -> Json:
    return {"stopReason": "end_turn", "output": {"message": {"content": [{"text": reply.get("t", "")}]}}}


def saying(**members: Any) -> Callable[[Json], Json]:
    return lambda reply: decode(reply) | members


def miscounting(reply: Json) -> Json:
    return decode(reply) | {"usage": {"inputTokens": 2 if reply["t"] == "none" else 9}}


def encode_words_alone(request: Json) -> Json:
    return {"prompt": "\n".join(block["text"] for message in request["messages"] for block in message["content"])}


def can(encode: Callable[[Json], Json] = encode, **abilities: bool) -> Adapter:
    """The good adapter, announcing what its encode may not know."""
    return replace(
        GOOD, encode=encode, models={"acme.rhyme-*": Capabilities(), "acme.rhymer-*": Capabilities(**abilities)}
    )


def reading(*names: str) -> Callable[[Json], Json]:
    """An encode that reads one member and does nothing with it."""

    def read(request: Json) -> Json:
        value: Any = request
        for name in names:
            value = value.get(name) or {}
        return encode(request)

    return read


BROKEN: list[tuple[str, Adapter, str]] = [
    ("sample_fits", replace(GOOD, sample={"prompt": 3}), "the sample does not fit: prompt: must be a string"),
    ("missing_field_is_refused", nesting(Forgiving), "options.size is required"),
    ("range_holds", having(n=Unbounded(min=1)), "options.n: 0 is out of range but accepted"),
    ("range_holds", having(n=Unbounded(max=5)), "options.n: 6 is out of range but accepted"),
    ("unverified_bound_refuses_nothing", having(n=Enforcing(unverified_max=9)), "options.n: 10 is refused"),
    ("wrong_type_is_refused", having(n=Coercing()), "options.n: '64' has another JSON type but is accepted"),
    ("wrong_type_is_refused", having(n=marshmallow.fields.Integer()), "options.n is a field of marshmallow's"),
    ("null_is_refused", nesting(Deaf), "options.size: null is accepted"),
    ("unknown_is_refused", nesting(Dropping), "options.no_such_field is unknown"),
    ("schemas_agree", having(n=Untold(max=5)), "but the published JSON Schema accepts it"),
    ("schemas_agree", having(n=fields.String(min_length=-1)), "the published JSON Schema is invalid"),
    ("encode_makes_a_body", replace(GOOD, encode=lambda request: {"prompt": "x"}), "without the user's text"),
    ("encode_makes_a_body", replace(GOOD, encode=lambda request: {}), "does not fit: prompt: is required"),
    ("encode_makes_a_body", replace(GOOD, encode=mutating), "encode changes the request"),
    *(
        ("encode_takes_what_the_model_can", can(**{ability: True}), violation)
        for ability, violation in {
            "system": "encode makes a body without what system=True announces: 'Be terse.' is not in it",
            "images": "without what images=True announces: 'iVBOR",
            "documents": "without what documents=True announces",
            "video": "without what video=True announces",
            "audio": "without what audio=True announces",
            "tools": "without what tools=True announces: 'weather' is not in it",
        }.items()
    ),
    (
        "encode_takes_what_the_model_can",
        can(encode_words_alone, images=True),
        "fails at what images=True announces: KeyError: 'text' (line",
    ),
    ("encode_takes_what_the_model_can", can(encode_words_alone, cache=True), "fails at what cache=True announces"),
    (
        "encode_takes_what_the_model_can",
        can(encode_words_alone, reasoning=True),
        "fails at what reasoning=True announces",
    ),
    (
        "what_encode_reads_is_in_its_body",
        replace(GOOD, encode=reading("inferenceConfig", "temperature")),
        "encode reads inferenceConfig.temperature and leaves it out of the body",
    ),
    (
        "what_encode_reads_is_in_its_body",
        can(reading("toolConfig", "toolChoice"), tools=True),
        "encode reads toolConfig.toolChoice and leaves it out",
    ),
    ("what_encode_reads_is_in_its_body", can(reading("system"), system=True), "encode reads system and leaves it out"),
    (
        "texts_of_a_batch_stay_apart",
        replace(GOOD, models={"acme.rhyme-*": Capabilities(output="embedding", batch=2, streaming=False)}),
        "in which 'Text 1 of a batch.' is not a text of its own",
    ),
    (
        "batch_is_whole",
        replace(
            GOOD,
            models={"acme.rhyme-*": Capabilities(output="embedding", batch=9, streaming=False)},
            emulate=lambda body, engine: {"vectors": [engine.embed(body["prompt"], 8)]},
            decode=lambda reply: {"embeddings": reply["vectors"]},
        ),
        "3 texts get 1 vectors",
    ),
    (
        "request_is_read",
        replace(GOOD, body=Open, speaks={"converse": "Converse"}, sample={"x": 1}),
        "is read as a Converse request that does not fit: messages: is required",
    ),
    ("decode_gives_converse", replace(GOOD, decode=saying(stopReason="DONE")), "the stopReason 'DONE' is not one of"),
    (
        "decode_gives_converse",
        replace(GOOD, decode=saying(usage={"in": 3})),
        "but must have counts by Converse's names",
    ),
    ("decode_gives_converse", replace(GOOD, decode=saying(usage={"input_tokens": 3})), "names: inputTokens, outputT"),
    (
        "decode_gives_converse",
        replace(GOOD, decode=saying(usage={"inputTokens": "3"})),
        "usage is {'inputTokens': '3",
    ),
    (
        "decode_gives_converse",
        replace(GOOD, decode=saying(output={"message": {"content": "x"}})),
        "not a list of blocks",
    ),
    ("decode_gives_converse", replace(GOOD, decode=saying(embeddings=[1.0])), "not a list of lists of numbers"),
    ("decode_gives_converse", replace(GOOD, decode=mutating), "decode changes its reply"),
    ("chunks_equal_the_reply", replace(GOOD, chunks=[{"t": "", "stop": 1}]), "the chunks say '', but the reply"),
    ("chunks_equal_the_reply", replace(GOOD, chunks=[{"t": "none"}]), "end with the stopReasons [], but the reply"),
    (
        "chunks_equal_the_reply",
        replace(GOOD, decode=miscounting),
        "the chunks have the usage {'input_tokens': 9}, but the",
    ),
    (
        "written_answers_are_read",
        replace(GOOD, **WRITING, write_chunks=lambda parts: [{"t": "x"} for _ in parts]),
        "write_chunks writes 'A question of light.', and decode reads 'x",
    ),
    (
        "written_answers_are_read",
        replace(GOOD, **WRITING, write_chunks=lambda parts: [{"t": "A question of light."} for _ in parts]),
        "write_chunks ends with 'max_tokens', and decode reads None",
    ),
    ("answer_is_recognised", replace(GOOD, decode=lacking), "an empty object passes for an answer"),
    ("answer_is_recognised", replace(GOOD, reply={"u": 1}), "no answer is found"),
    ("only_the_last_chunk_ends", replace(GOOD, decode=lacking), "chunk 1 of 3 ends the stream already"),
    ("only_the_last_chunk_ends", replace(GOOD, chunks=[{"t": "x"}]), "chunk 1 of 1 does not end the stream"),
    ("answers_whole", replace(GOOD, reply=None, emulate=lambda body, engine: {}), "upstream_truncated"),
    ("answers_whole", replace(GOOD, reply=None, emulate=lambda body, engine: {"t": 1 / 0}), "ZeroDivisionError"),
    (
        "answers_whole",
        replace(GOOD, count_billed=lambda body, reply: {"image": 1}),
        "count_billed fails for the sample",
    ),
    ("answers_whole", replace(GOOD, count_billed=lambda body, reply: Billed({"pages": 1})), "count_billed fails"),
    ("answers_whole", replace(GOOD, also=replace(GOOD, reply=None, emulate=lambda body, engine: {})), "in also: "),
    ("answers_streamed", replace(GOOD, decode=lacking), "lacks the last of its 3 chunks passes for a whole one"),
    ("answers_streamed", replace(GOOD, decode=lambda chunk: {"x": 1 / 0}), "plugin_error"),
    ("answers_streamed", replace(GOOD, decode=counting), "but the whole answer has"),
    ("every_field_is_described", having(n=fields.Integer()), "options.n has no description"),
    ("decode_is_there", replace(GOOD, decode=None), "there is no decode"),
    ("encode_is_there", replace(GOOD, encode=None), "clients of OpenAI's and Anthropic's APIs cannot reach the model"),
    ("chunks_are_there", replace(GOOD, chunks=None), "it streams and has no chunks"),
    ("usage_is_reported", replace(GOOD, decode=saying(usage=None)), "decode returns no usage for its reply"),
]


@pytest.mark.parametrize(("name", "adapter", "violation"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_law_catches_the_plugin_that_breaks_it(name: str, adapter: Adapter, violation: str) -> None:
    law: Law = getattr(contract, name)
    violations = list(breaches(adapter, (law,)))
    assert any(violation in line for line in violations), violations
    assert all(line.startswith("adapter 'rhyme': ") and "\n" not in line for line in violations)


def test_each_law_is_broken_by_some_plugin_here() -> None:
    assert {name for name, _, _ in BROKEN} == {law.__name__ for law in LAWS + ADVICE}


def test_of_many_breaches_of_one_kind_the_first_are_told_and_the_rest_counted() -> None:
    wrong = {f"n{number}": Coercing() for number in range(5)}
    violations = list(breaches(having(**wrong), (contract.wrong_type_is_refused,)))
    assert len(violations) == 11
    assert violations[-1] == "adapter 'rhyme': 20 more of this kind (wrong type is refused)"


def test_a_law_that_a_plugin_makes_fail_is_a_breach_and_the_others_are_tried() -> None:
    def exits(request: Json) -> Json:
        raise SystemExit("two\nlines")

    [violation] = breaches(replace(GOOD, encode=exits))
    assert violation.startswith(
        "adapter 'rhyme': while testing whether 'encode makes a body': SystemExit: two lines (line "
    )


def test_one_mistake_of_encode_is_told_once() -> None:
    class Turn(Schema):
        who = fields.String(required=True)

    class Turns(Schema):
        turns = fields.List(fields.Nested(Turn), required=True)
        text = fields.String()

    def misspelling(request: Json) -> Json:
        return {"turns": [{"whom": each["role"]} for each in request["messages"]], "text": encode(request)["prompt"]}

    adapter = replace(GOOD, body=Turns, sample={"turns": []}, encode=misspelling)
    assert [line.partition("fit: ")[2] for line in breaches(adapter, (contract.encode_makes_a_body,))] == [
        "turns[0].who: is required",
        "turns[0].whom: is not a known field; did you mean 'who'?",
    ]


def test_what_is_not_there_to_be_tried_is_told_as_advice_and_what_needs_no_tokens_is_not() -> None:
    bare = replace(GOOD, encode=None, decode=None, reply=None, chunks=None)
    assert [line.partition(": ")[2].partition(":")[0] for line in breaches(bare, ADVICE)] == [
        "there is no decode",
        "there is no encode",
    ]
    painting = replace(
        GOOD,
        models={"acme.rhyme-*": Capabilities(output="image", streaming=False)},
        chunks=None,
        decode=saying(usage=None),
    )
    assert list(breaches(painting, ADVICE)) == []


def test_the_bodies_that_are_compared_are_both_right_and_wrong() -> None:
    for adapter in loading.load_registry().adapters.values():
        chance = Random(0)
        bodies = [make_body(adapter.schema, chance) for _ in range(100)]
        right = sum(not fields.find_faults(adapter.schema, each) for each in bodies)
        assert right >= 50, (adapter.name, right)


def test_a_module_is_checked_as_it_would_be_loaded() -> None:
    module: Any = types.ModuleType("acme_rhyme")
    module.register_adapters = hookimpl(lambda register: register(GOOD))
    assert faults_of(module) == []
    module.register_adapters = hookimpl(lambda register: register(replace(GOOD, name="converse")))
    [fault] = faults_of(module)
    assert fault == (
        "plugin 'acme_rhyme' from acme_rhyme: the adapter 'converse' is already registered by built in (converse.py)"
    )
    module.register_adapters = hookimpl(lambda register: register(replace(GOOD, encode=lambda request: {})))
    assert any("encode makes a body that does not fit" in line for line in faults_of(module))


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    before = dict(contract.calls.os.environ)
    assert list(breaches(GOOD, (contract.answers_whole, contract.answers_streamed))) == []
    assert dict(contract.calls.os.environ) == before


def test_the_page_lists_every_law_as_it_is_told(repository: Path) -> None:
    page = (repository / "docs/reference/plugins.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page.partition("## The contract")[2], re.MULTILINE)
    assert rows[: len(LAWS + ADVICE)] == [(law.__name__, law.__doc__) for law in LAWS + ADVICE]


def test_the_page_explains_messages_that_there_are(repository: Path) -> None:
    page = (repository / "docs/reference/plugins.md").read_text().partition("## What a message means")[2]
    source = "".join(path.read_text() for path in (repository / "bedrock_flask").rglob("*.py"))
    messages = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert len(messages) > 15
    assert [message for message in messages if message not in source] == []


def test_whoever_is_told_of_the_contract_is_told_what_it_needs(repository: Path) -> None:
    pages = [repository / "README.md", *(repository / "docs").rglob("*.md")]
    texts = {page: page.read_text() for page in pages if "check --contract" in page.read_text()}
    assert texts
    assert [str(page) for page, text in texts.items() if "[contract]" not in text] == []
