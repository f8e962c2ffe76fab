"""`bedrock-flask plugins` lists plugins and their sources; `check` reports each fault on one line."""

import builtins
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bedrock_flask.commands import plugins as commands
from bedrock_flask.commands.new_plugin import render_plugin
from bedrock_flask.commands.plugins import plugins
from bedrock_flask.errors import PluginError, StartupError
from bedrock_flask.models.loading import load_registry

WRONG = render_plugin("wrong", "chat").replace('"role": each["role"], ', "")


def invoke(*arguments: object) -> Any:
    return CliRunner().invoke(plugins, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rhyme.py").write_text(render_plugin("rhyme", "chat"))
    return tmp_path


def test_it_lists_each_plugin_with_its_adapters_patterns_and_source(folder: Path) -> None:
    result = invoke("--plugins-dir", folder)
    assert result.exit_code == 0
    head, *rows = result.output.splitlines()
    assert head.split() == ["plugin", "adapter", "models", "source"]
    assert ["rhyme", "rhyme", "acme.rhyme-*", str(folder / "rhyme.py")] in [row.split() for row in rows]
    assert ["titan_embed", "titan-embed", "amazon.titan-embed-text-v2*", "built", "in", "(titan_embed.py)"] in [
        row.split() for row in rows
    ]
    columns = [head.index(name) for name in ("adapter", "models", "source")]
    assert all(row[column - 1] == " " for row in rows for column in columns if len(row) > column)


def test_it_lists_as_json_too(folder: Path) -> None:
    (folder / "broken.py").write_text("raise SystemExit('now')")
    result = invoke("--json", "--plugins-dir", folder)
    document = json.loads(result.stdout)
    [rhyme] = [plugin for plugin in document["plugins"] if plugin["name"] == "rhyme"]
    assert rhyme["source"] == str(folder / "rhyme.py")
    assert rhyme["adapters"][0] | {"description": ""} == {
        "name": "rhyme",
        "description": "",
        "model": "acme.rhyme-v1:0",
        "models": ["acme.rhyme-*"],
        "speaks": {"rhyme": "InvokeModel"},
    }
    assert document["broken"] == [
        {
            "name": "broken",
            "source": str(folder / "broken.py"),
            "faults": ["SystemExit: now (line 1: raise SystemExit('now'))"],
        }
    ]
    assert result.exit_code == 1
    assert result.stderr.startswith("bedrock-flask: plugin 'broken' from ")


def test_check_tells_all_faults_of_all_plugins_in_one_line_each(folder: Path) -> None:
    (folder / "a.py").write_text("def broken(:")
    (folder / "b.py").write_text(render_plugin("b", "chat").replace('name="b"', 'name="No", default=3'))
    (folder / "z.py").write_text(render_plugin("rhyme", "embed"))
    result = invoke("check", "--plugins-dir", folder)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert [line.partition(" from ")[0] for line in lines] == ["plugin 'a'", *["plugin 'b'"] * 2, "plugin 'z'"]
    assert all(str(folder) in line for line in lines)


def test_check_says_ok_of_what_is_not_built_in(folder: Path) -> None:
    result = invoke("check", "--plugins-dir", folder)
    assert (result.exit_code, result.output) == (0, "ok: rhyme\n")
    names = invoke("check").output.strip().removeprefix("ok: ").split(", ")
    assert sorted(names) == sorted(load_registry().adapters)


def test_the_folder_may_be_named_before_check_as_well(folder: Path) -> None:
    assert invoke("--plugins-dir", folder, "check").output == "ok: rhyme\n"


def test_a_file_is_checked_wherever_it_lies_and_not_twice(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    elsewhere = folder / "elsewhere" / "verse.py"
    elsewhere.write_text(render_plugin("verse", "image"))
    assert invoke("check", elsewhere).output == "ok: verse\n"
    assert invoke("check", "--plugins-dir", folder, folder / "rhyme.py", elsewhere).output == "ok: rhyme, verse\n"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = invoke("check", tmp_path / "none.py")
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert isinstance(invoke("check", "--plugins-dir", tmp_path / "none").exception, PluginError)


def test_the_contract_finds_what_loading_does_not(folder: Path) -> None:
    file = folder / "wrong.py"
    file.write_text(WRONG)
    assert invoke("check", file).output == "ok: wrong\n"
    result = invoke("check", "--contract", "--plugins-dir", folder)
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == (
        f"plugin 'wrong' from {file}: adapter 'wrong': "
        "encode makes a body that does not fit: turns[0].role: is required"
    )


def test_a_broken_plugin_does_not_keep_the_others_from_the_contract(folder: Path) -> None:
    (folder / "a.py").write_text("raise SystemExit")
    (folder / "wrong.py").write_text(WRONG)
    lines = invoke("check", "--contract", "--plugins-dir", folder).output.splitlines()
    assert lines[0].startswith("plugin 'a' from ")
    assert any("encode makes a body" in line for line in lines)


STUCK = {
    "a loop": "while True:\n    pass\n",
    "a loop that catches": "while True:\n  try:\n    while True: pass\n  except Exception:\n    pass\n",
    "what cannot be interrupted": "import collections, itertools\ncollections.deque(itertools.repeat(0), maxlen=0)\n",
}


@pytest.mark.parametrize("name", STUCK)
def test_code_that_does_not_come_back_is_told_and_does_not_hang(tmp_path: Path, name: str) -> None:
    (tmp_path / "stuck.py").write_text(STUCK[name])
    (tmp_path / "wrong.py").write_text("raise SystemExit")
    impatient = "import sys; from bedrock_flask.commands import plugins as p; p.TIME_LIMIT = 1; p.plugins(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", impatient, "check", "--plugins-dir", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    if "loop" in name:
        stuck, wrong = done.stdout.splitlines()
        assert "stuck.py: TimeLimitExceeded: it has not returned after 1 seconds (line " in stuck
        assert "wrong.py: SystemExit" in wrong
    else:
        assert re.search(r'File ".*stuck\.py", line \d', done.stderr)


def test_so_is_code_that_only_a_law_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIME_LIMIT", 2)
    text = render_plugin("rhyme", "chat").replace(
        "def encode(", "def encode(*_):\n    while True: pass\n\ndef _encode("
    )
    (folder / "rhyme.py").write_text(text)
    [line] = invoke("check", "--contract", folder / "rhyme.py").output.splitlines()
    assert line.partition("whether ")[2].startswith(
        "'encode makes a body': TimeLimitExceeded: it has not returned after 2 s"
    )
    assert line.endswith(": while True: pass)")


def test_the_alarm_of_others_goes_on(folder: Path) -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rang.append(number))
    left = signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        invoke("check", folder / "rhyme.py")
        time.sleep(0.1)
        assert rang == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *left)


def test_advice_is_no_fault(folder: Path) -> None:
    text = (folder / "rhyme.py").read_text()
    (folder / "rhyme.py").write_text(text.replace(', description="The author."', ""))
    result = invoke("check", "--contract", "--plugins-dir", folder)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        f"advice: plugin 'rhyme' from {folder / 'rhyme.py'}: adapter 'rhyme': turns[0].role has no description",
        "ok: rhyme (the whole contract)",
    ]


def test_without_jsonschema_the_contract_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "jsonschema":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    for name in [name for name in sys.modules if name.startswith("bedrock_flask.contract")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    result = invoke("check", "--contract", "--plugins-dir", folder)
    assert isinstance(result.exception, StartupError)
    assert str(result.exception) == "the contract needs jsonschema: pip install 'bedrock-flask[contract]'"
