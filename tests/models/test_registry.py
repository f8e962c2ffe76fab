"""The plugin registry: one door, and every fault in one line that names the plugin and its source."""

import importlib
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from bedrock_flask import fields
from bedrock_flask.bedrock.model_ids import matches, patterns_overlap
from bedrock_flask.dialects import load_dialects
from bedrock_flask.errors import PluginError
from bedrock_flask.models import loading
from bedrock_flask.models.checks import check_adapter
from bedrock_flask.models.registry import sort_claims
from bedrock_flask.models.resolver import Models
from bedrock_flask.openapi import build_document

GOOD = """
    from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl

    class {name}Body(Schema):
        prompt = fields.String(required=True)

    @hookimpl
    def register_adapters(register):
        register(Adapter(
            name="{name}", body={name}Body, speaks={{"{name}": "InvokeModel"}},
            models={{"{pattern}": Capabilities()}}, sample={{"prompt": "hi"}},
        ))
"""

Drop = Callable[..., Path]


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    """Drop a file into a plugins folder."""

    def write(text: str, file: str = "rhyme.py", folder: str = "", **parts: str) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / file
        path.write_text(textwrap.dedent(text).format(**parts) if parts else textwrap.dedent(text))
        return path.parent

    return write


def refusal(folder: Path) -> str:
    """The message that refuses the plugins of a folder, loaded alone: the built-in ones would only cost time."""
    with pytest.raises(PluginError) as refused:
        loading.load_plugins(loading.find_dropped_in(folder))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def unmet(cases: Iterable[tuple[str, str]]) -> list[str]:
    """Of pairs of a message and a text that should be in it, those where it is not."""
    return [f"{expected!r} is not in {message!r}" for message, expected in cases if expected not in message]


def test_the_built_in_plugins_are_found_without_a_list() -> None:
    loaded = loading.load_registry()
    folder = Path(loading.__file__).parents[2] / "plugins"
    files = {path.name for path in folder.glob("[a-z]*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    assert {loaded.sources[name] for name in loaded.adapters} == {f"built in ({file})" for file in files}


def test_the_built_in_adapters_pass_the_checks_that_a_start_skips() -> None:
    registry = loading.load_plugins(loading.find_built_in())
    assert [fault for adapter in registry.adapters.values() for fault in check_adapter(adapter)] == []


def test_a_dropped_in_file_is_enough(drop: Drop) -> None:
    folder = drop(GOOD, name="rhyme", pattern="acme.rhyme-*")
    loaded = loading.load_registry(folder)
    adapter, _ = loaded.pick("acme.rhyme-v2:0")
    assert adapter.name == "rhyme"
    assert loaded.sources["rhyme"] == str(folder / "rhyme.py")


def test_files_that_begin_with_an_underscore_are_not_plugins(drop: Drop) -> None:
    loading.load_registry(drop("raise RuntimeError", "_notes.py"))


def test_a_dropped_in_file_may_have_the_name_of_a_known_module(drop: Drop) -> None:
    loading.load_registry(drop(GOOD, "json.py", name="rhyme", pattern="acme.rhyme-*"))
    import json

    assert json.loads("1") == 1


def test_an_installed_package_comes_through_the_same_door(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = drop(GOOD, "acme_rhyme.py", name="rhyme", pattern="acme.rhyme-*")
    monkeypatch.syspath_prepend(str(folder))
    package = folder / "acme_rhyme-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rhyme\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[bedrock_flask]\nrhyme = acme_rhyme\n")
    importlib.invalidate_caches()
    loaded = loading.load_registry()
    assert loaded.sources["rhyme"] == "package acme-rhyme (acme_rhyme)"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    assert str(tmp_path / "none") in refusal(tmp_path / "none")


def test_a_name_that_is_taken_is_an_error_that_names_both(drop: Drop) -> None:
    drop(GOOD, "a.py", name="rhyme", pattern="acme.a-*")
    folder = drop(GOOD, "b.py", name="rhyme", pattern="acme.b-*")
    message = refusal(folder)
    assert str(folder / "a.py") in message
    assert f"plugin 'b' from {folder / 'b.py'}" in message


def test_overlapping_patterns_of_equal_length_are_an_error_that_names_both(drop: Drop) -> None:
    drop(GOOD, "a.py", name="one", pattern="acme.rhyme-*")
    folder = drop(GOOD, "b.py", name="two", pattern="acme.*hyme-x")
    message = refusal(folder)
    assert str(folder / "a.py") in message
    assert "acme.*hyme-x" in message


def test_claims_are_sorted_by_length_and_name_and_the_generic_ones_come_last() -> None:
    adapters = loading.load_registry().adapters
    claims = sort_claims(adapters)
    assert claims == sort_claims(dict(reversed(adapters.items())))
    patterns = [claim.pattern for claim in claims if not claim.is_generic]
    assert patterns == sorted(sorted(patterns), key=len, reverse=True)
    assert len(patterns) > 30
    generic = [claim.pattern for claim in claims[len(patterns) :]]
    assert generic == sorted(sorted(generic), key=len, reverse=True)
    assert generic[-1] == "*"


@pytest.mark.parametrize("name", ["llama", "mine"])
@pytest.mark.parametrize("pattern", ["meta.*", "meta.llama3-1-*"])
def test_what_ships_with_the_gateway_gives_way_to_a_plugin_of_the_operators(
    drop: Drop, name: str, pattern: str
) -> None:
    registry = loading.load_registry(drop(GOOD, name=name, pattern=pattern))
    adapter, _ = registry.pick("us.meta.llama3-1-8b-instruct-v1:0")
    assert (adapter.name, "rhyme.py" in registry.sources[name]) == (name, True)
    assert [plugin.name for plugin in registry.loaded if name in plugin.adapters] == ["rhyme"]


def test_a_longer_pattern_wins_over_a_shorter_one(drop: Drop) -> None:
    drop(GOOD, "a.py", name="wide", pattern="acme.*")
    folder = drop(GOOD, "b.py", name="narrow", pattern="acme.rhyme-*")
    loaded = loading.load_registry(folder)
    assert loaded.pick("acme.rhyme-1")[0].name == "narrow"
    assert loaded.pick("acme.other-1")[0].name == "wide"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1", "it registers nothing"),
        ("import no_such_module_at_all", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("api_version = 2\n", "api_version 2"),
        (
            "from bedrock_flask.plugin import hookimpl\n@hookimpl\ndef register_adapter(register): pass\n",
            "there is no hook 'register_adapter'; did you mean 'register_adapters'?",
        ),
        (
            "from bedrock_flask.plugin import hookimpl\n@hookimpl\ndef register_adapters(register): register('nova')\n",
            "register() takes an Adapter, not str",
        ),
        (
            "from bedrock_flask.plugin import hookimpl\n@hookimpl\ndef register_adapters(registre): pass\n",
            "the hook 'register_adapters' has no argument 'registre': it is called register_adapters(register)",
        ),
        (
            "from bedrock_flask.plugin import Adapter, hookimpl\n"
            "@hookimpl\ndef register_adapters(register): register(Adapter(name='x'))\n",
            "TypeError",
        ),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_told_in_one_line_with_its_source(drop: Drop, text: str, fault: str) -> None:
    folder = drop(text)
    message = refusal(folder)
    assert message.startswith(f"plugin 'rhyme' from {folder / 'rhyme.py'}: ")
    assert fault in message


INVALID: list[tuple[tuple[str, str], str]] = [
    (('name="{name}"', 'name="No Name"'), "the name 'No Name' is not valid: use a-z, 0-9, '-' and '_'"),
    (('{{"{pattern}": Capabilities()}}', "{{}}"), "models must map patterns of Bedrock ids to Capabilities"),
    (
        ('{{"{pattern}": Capabilities()}}', '{{"{pattern}": True}}'),
        "'acme.rhyme-*' must map to Capabilities",
    ),
    (("body={name}Body", "body=dict"), "body must be a subclass of bedrock_flask.plugin.Schema"),
    (
        ('"InvokeModel"', '"Invoke"'),
        "speaks names the operation 'Invoke': use InvokeModel or Converse or StartAsyncInvoke",
    ),
    (('sample={{"prompt": "hi"}}', 'sample="hi"'), "sample must be a JSON object"),
    (
        ('sample={{"prompt": "hi"}}', 'sample={{"prompt": "hi"}}, decode=lambda reply: reply'),
        "decode needs a reply",
    ),
]


def test_an_adapter_that_does_not_hold_is_refused(drop: Drop) -> None:
    refusals = [
        (refusal(drop(GOOD.replace(*changed), name="rhyme", pattern="acme.rhyme-*")), fault)
        for changed, fault in INVALID
    ]
    assert unmet(refusals) == []


OWN = """
    from bedrock_flask.plugin import Adapter, Capabilities, Open, Schema, fields, hookimpl

    class Body(Schema):
        prompt = fields.String(required=True)
        {field}

    def decode(reply):
        return {{"output": {{"message": {{"content": [{{"text": reply["t"]}}]}}}}, "stopReason": reply.get("stop")}}

    @hookimpl
    def register_adapters(register):
        register(Adapter(**{{
            "name": "own", "body": Body, "speaks": {{"own": "InvokeModel"}}, "models": {{"acme.own-*": Capabilities()}},
            "sample": {{"prompt": "hi"}}, "decode": decode, "reply": {{"t": "x", "stop": "end_turn"}}, {member}
        }}))
"""


MISTAKES: list[tuple[str, str, str]] = [
    ("", '"sample": {"prompt": 3}', "its sample does not fit its own body: prompt: must be a string"),
    ("", '"sample": {"prompt": "x", "z": 1}', "its sample does not fit its own body: z: is not a known field"),
    (
        "",
        '"also": Adapter(name="own", body=Body, speaks={"own": "InvokeModel"}, models={"acme.own-*": Capabilities()}, '
        "sample={})",
        "in also: its sample does not fit its own body: prompt: is required",
    ),
    (
        "",
        '"also": Adapter(name="b", body=Body, speaks={"own": "InvokeModel"}, models={"acme.own-*": Capabilities()}, '
        'sample={"prompt": "x"})',
        "also must have the same name and models",
    ),
    ("", '"default": "acme.other-1"', "its default 'acme.other-1' matches none of its patterns"),
    (
        "",
        '"rules": [lambda body: 1 / 0]',
        "its rule '<lambda>', given its sample, raises ZeroDivisionError: division by zero (line",
    ),
    (
        "",
        '"rules": [lambda body: None]',
        "its rule '<lambda>' returns None (line 15): return (path, message) pairs",
    ),
    (
        "",
        '"rules": [lambda body: "no"]',
        "its rule '<lambda>' returns ['n', 'o'] (line 15): return (path, mess",
    ),
    ("", '"rules": ["a"]', "its rule 'a' is not a function"),
    ("", '"decode": lambda reply: reply["no"]', "its decode, given its reply, raises KeyError: 'no' (line 15: "),
    (
        "",
        '"chunks": [{"t": ""}, {"u": ""}]',
        "its decode, given chunk 2 of 2, raises KeyError: 't' (line 9: ",
    ),
    ("", '"decode": {}', "its decode is not a function"),
    ("", '"encode": 3', "its encode is not a function"),
    ("", '"speaks": {"nova": "InvokeModel"}', "its reply is not valid in the format 'nova', which the gateway"),
    ("", '"decode": lambda reply: None', "its decode finds no answer in its reply"),
    ("", '"chunks": [{"t": "a"}, {"t": "b"}]', "the last of its chunks decodes without a stopReason"),
    ("", '"chunks": {"t": "a"}', "chunks must be a list of JSON objects"),
    (
        "",
        '"speaks": {"own": "Converse"}',
        "the wire 'own' cannot use Converse",
    ),
    ("", '"models": ["acme.own-*"]', "models must map patterns of Bedrock ids to Capabilities"),
    ("", '"models": {"acme own-*": Capabilities()}', "the pattern 'acme own-*' cannot match a Bedrock id"),
    ("n = fields.List(fields.String)", "", "List takes a field: List(String()) (line"),
    ("n = fields.Nested(dict)", "", "Nested takes a Schema"),
    (
        "n = fields.Nested(Schema())",
        "",
        "not Nested(Style())), or a function that returns one (line 6: n =",
    ),
    ("n = fields.Nested(lambda: dict)", "", "Nested takes a Schema"),
    ('n = fields.Integer(min="1")', "", "bounds must be numbers, but min is '1' (line 6: n = fields.Integer(min="),
    (
        "n = fields.Integer(min=5, max=1)",
        "",
        "the lower bound is greater than the upper bound: 5 and 1 (line 6: n =",
    ),
    ('n = fields.String(one_of="abc")', "", "one_of takes a list"),
    ('n = fields.String(pattern="(")', "", "(line"),
    ("n = fields.Integer(requird=True)", "", "'requird' (line"),
    ('n = fields.Number(max=float("nan"))', "", "bounds must be numbers, but max is nan (line"),
    (
        'n = fields.Number(unverified_max=float("inf"))',
        "",
        "bounds must be numbers, but unverified_max is inf (line",
    ),
    ("n = fields.Integer(description=3)", "", "description must be a string (line"),
    ("n = fields.Number(one_of=[1, 2j])", "", "its schema is not JSON"),
    (
        "",
        '"models": {"acme.own-*": Capabilities(tools="yes")}',
        "the capability 'tools' must be true or false, not 'yes'",
    ),
    (
        "",
        '"models": {"acme.own-*": Capabilities(output=None)}',
        "the capability 'output' must be a string, not None",
    ),
    (
        "",
        '"models": {"acme.own-*": Capabilities(output="txt")}',
        "the capability 'output' must be one of ('text', 'emb",
    ),
    ("", '"description": {"a", "b"}', "description must be a string"),
    ("", '"default": 3', "default must be a string"),
    ("", '"reply": {"t": {1, 2}, "stop": "x"}', "its reply is not JSON: Object of type set"),
    ("", '"chunks": [{"t": float("nan"), "stop": "x"}]', "its chunks is not JSON: Out of range float"),
]


def test_a_mistake_stops_the_start_and_not_a_call(drop: Drop) -> None:
    # A folder each, since the lines of a file are read once.
    refusals = [
        (refusal(drop(OWN, folder=str(number), field=field, member=member)), fault)
        for number, (field, member, fault) in enumerate(MISTAKES)
    ]
    assert unmet(refusals) == []


def test_every_fault_of_every_plugin_is_found_and_hides_no_other(drop: Drop) -> None:
    drop(OWN, "a.py", field="", member='"name": "No", "body": dict, "default": 3')
    drop("raise SystemExit('now')", "b.py")
    folder = drop(GOOD, "c.py", name="rhyme", pattern="acme.rhyme-*")
    drop(GOOD, "d.py", name="rhyme", pattern="acme.other-*")
    loaded = loading.load_registry(folder, lenient=True)
    faults = {broken.name: broken.faults for broken in loaded.broken}
    assert [fault.partition(" (line")[0] for fault in faults["a"]] == [
        "adapter 'No': the name 'No' is not valid: use a-z, 0-9, '-' and '_'",
        "adapter 'No': default must be a string",
        "adapter 'No': body must be a subclass of bedrock_flask.plugin.Schema",
    ]
    assert faults["b"] == ("SystemExit: now (line 1: raise SystemExit('now'))",)
    assert faults["d"] == (f"the adapter 'rhyme' is already registered by {folder / 'c.py'}",)
    assert loaded.pick("acme.rhyme-v1:0")[0].name == "rhyme"
    assert loaded.sources["rhyme"] == str(folder / "c.py")


def test_the_line_is_told_by_whatever_path_the_folder_is_named(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = drop(OWN, field="", member='"decode": lambda reply: reply["no"]')
    monkeypatch.chdir(folder.parent)
    for named in (folder, Path(folder.name), Path(folder.name) / ".." / folder.name):
        assert "KeyError: 'no' (line 15: " in refusal(named)


def test_the_line_of_an_installed_package_is_told_too(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = drop(OWN, "acme_lines.py", field="", member='"decode": lambda reply: reply["no"]')
    monkeypatch.syspath_prepend(str(folder))
    package = folder / "acme_lines-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-lines\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[bedrock_flask]\nlines = acme_lines\n")
    importlib.invalidate_caches()
    [broken] = loading.load_registry(lenient=True).broken
    assert "KeyError: 'no' (line 15: " in broken.lines()[0]


@pytest.mark.parametrize("taken", ["from marshmallow import fields", "from marshmallow.fields import String"])
def test_fields_of_marshmallow_are_named_for_what_they_are(drop: Drop, taken: str) -> None:
    kind = "fields.String" if taken.endswith("fields") else "String"
    message = refusal(drop(f"{taken}\nx = {kind}(required=True, one_of=('a',))\n"))
    assert message.endswith("; it is a field of marshmallow's: take fields from bedrock_flask.plugin")
    ours = refusal(drop("from bedrock_flask.plugin import fields\nx = fields.String(one_off=('a',))\n"))
    assert "'one_off' (line 2: " in ours
    assert "marshmallow's" not in ours


def test_a_count_of_one_is_told_in_the_singular() -> None:
    class Body(fields.Schema):
        a = fields.List(fields.String(), min_items=1)
        b = fields.String(min_length=2, max_length=3)
        c = fields.Object(max_items=1)

    found = fields.find_faults(Body(), {"a": [], "b": "", "c": {"x": 1, "y": 2}})
    assert [fault.message for fault in found] == [
        "must have at least 1 item",
        "must have at least 2 characters",
        "must have at most 1 member",
    ]


def test_a_plugin_that_is_left_out_takes_part_in_no_hook(drop: Drop) -> None:
    loaded = loading.load_registry(drop(OWN, field="", member='"sample": {}'), lenient=True)
    assert len(loaded.broken) == 1
    assert len(loaded.hooks.get_plugins()) == len(loaded.loaded)


def test_an_entry_point_that_names_no_module_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "acme_rhyme-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rhyme\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[bedrock_flask]\nrhyme = :nothing\n")
    importlib.invalidate_caches()
    [broken] = loading.load_registry(lenient=True).broken
    assert broken.lines() == [
        "plugin 'rhyme' from package acme-rhyme (:nothing): its entry point 'rhyme = :nothing' names no module"
    ]


ADAPTERS = {
    "amazon.nova-lite-v1:0": "nova",
    "us.amazon.nova-lite-v1:0": "nova",
    "brandnew.amazon.nova-lite-v1:0": "nova",
    "us-gov.anthropic.claude-opus-4-6-v1": "claude",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0": "nova",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0": "nova",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123": "converse",
    "zai.glm-4.6": "glm",
    "acme.verse-1": "converse",
    "amazon.titan-embed-text-v2:0": "titan-embed",
}


def test_an_id_picks_its_adapter_with_or_without_a_profile() -> None:
    loaded = loading.load_registry()
    assert {model: loaded.pick(model)[0].name for model in ADAPTERS} == ADAPTERS


OVERLAPS = [
    ("a*", "*b", True),
    ("a.b", "a.b", True),
    ("a.b*", "a.c*", False),
    ("*", "", True),
    ("a*c*e", "ab*de", True),
    ("a*c", "b*c", False),
    ("ab*", "*", True),
    ("*ab", "*b", True),
    ("*ab", "*cb", False),
    ("a*b*c", "ac", False),
    ("a*", "a", True),
]


def test_patterns_overlap_when_some_id_fits_both() -> None:
    found = [(left, right, patterns_overlap(left, right)) for left, right, _ in OVERLAPS]
    assert found == OVERLAPS
    assert [(left, right, patterns_overlap(right, left)) for left, right, _ in OVERLAPS] == OVERLAPS


def test_a_star_stands_for_anything_and_nothing_else_is_special() -> None:
    assert matches("a.b-*", "a.b-1.2:0")
    assert not matches("a.b-*", "axb-1")
    assert matches("a[1]*", "a[1]")


@pytest.mark.timeout(20)
def test_a_pattern_of_many_stars_takes_no_longer() -> None:
    assert not matches("a*" * 5000 + "b", "a" * 20_000)
    assert matches("a*" * 5000, "a" * 20_000)
    assert patterns_overlap("*a" * 5000, "b*" * 5000) is True
    assert patterns_overlap("*a" * 5000 + "c", "*a" * 5000 + "b") is False


def test_each_part_of_a_pattern_stands_apart_and_in_order() -> None:
    assert matches("a*bc*c", "a-bc-c")
    assert not matches("a*bc*c", "a-bc")
    assert not matches("a*b*c", "acb")
    assert not matches("ab*ba", "aba")


CLASHING = """
    from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl

    class NovaBody(Schema):
        {field} = fields.String(required=True)

    class Batch(Schema):
        items = fields.List(fields.Nested(NovaBody))

    @hookimpl
    def register_adapters(register):
        one, speaks = Capabilities(), {{"own": "InvokeModel"}}
        register(Adapter(
            name="{field}s", body=Batch, speaks=speaks, models={{"acme.{field}s-*": one}}, sample={{"items": []}}
        ))
        register(Adapter(
            name="{field}", body=NovaBody, speaks=speaks, models={{"acme.{field}.*": one}}, sample={{"{field}": "x"}}
        ))
"""


@pytest.mark.filterwarnings("ignore:Multiple schemas resolved")
def test_schemas_of_like_names_stand_side_by_side_in_openapi(drop: Drop) -> None:
    files = {"a": "nova.py", "b": "my plugin.py", "c": "\u00e9.py"}
    for field, file in files.items():
        folder = drop(CLASHING, file, field=field)
    document = build_document(Models(loading.load_registry(folder)), load_dialects(), needs_key=False)
    validate(document)
    for field in files:
        request = document["paths"][f"/v1/models/{field}/invoke"]["post"]["requestBody"]
        schema = request["content"]["application/json"]["schema"]
        properties = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
        assert list(properties) == [field]
