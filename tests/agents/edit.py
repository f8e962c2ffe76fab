"""The scripted edit: eight turns, what each calls in an agent's own tools, and the files that must come of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# Quotes, tabs, backslashes, what shells and templates expand, CJK, an emoji, and line ends of Unicode.
HARD = (
    "\"double\" 'single' `back`\ttab \\n \\\\ ${HOME} $(id) %s {{x}} <b>&amp;</b>"
    " 漢字 かな 😀 é one\u2028two\u2029three"
)
NOTES = f"# Notes\n\n{HARD}\n\nstate: draft\n"
FINAL = NOTES.replace("state: draft", 'state: "final" 完了')
CHECK = """import json, pathlib

data = json.loads(pathlib.Path("data.json").read_text("utf-8"))
assert data["n"] == 7, data
print("check-passed", data["words"][1])
"""
DATA = json.dumps({"n": 7, "words": ["eins", 'zwei \t"drei"', "漢字 😀"]}, ensure_ascii=False, indent=1) + "\n"
FILES = {"notes.txt": FINAL, "check.py": CHECK, "data.json": DATA}
COMMIT = (
    "git add -A && git -c user.name=an-agent -c user.email=agent@example.invalid commit -q -m 'Edit of eight turns'"
    " && echo committed"
)
PROMPT = "Edit this repository as planned, step by step."
LAST = "All eight turns are done. 完了"


@dataclass(frozen=True)
class Tools:
    """How an agent's tools do each thing: a function from its arguments to the tool's name and input."""

    shell: Callable[[str], tuple[str, Json]]
    write: Callable[[str, str], tuple[str, Json]]
    read: Callable[[str], tuple[str, Json]]
    edit: Callable[[str, str, str], tuple[str, Json]]


def script(tools: Tools, folder: Path, *, thinks: bool) -> list[Json]:
    """The eight answers, as Converse responses."""
    path = {name: str(folder / name) for name in FILES}
    turns = [
        [tools.shell("git status --short; echo ready")],
        [tools.write(path["notes.txt"], NOTES)],
        [tools.read(path["notes.txt"])],
        [tools.edit(path["notes.txt"], "state: draft", 'state: "final" 完了')],
        [tools.write(path["check.py"], CHECK), tools.write(path["data.json"], DATA)],
        [tools.shell("python3 check.py")],
        [tools.shell(COMMIT)],
    ]
    answers = [_answer(number, calls, thinks=thinks and number == 3) for number, calls in enumerate(turns)]
    return [*answers, {**_answer(7, [], thinks=False), "stopReason": "end_turn"}]


def _answer(number: int, calls: list[tuple[str, Json]], *, thinks: bool) -> Json:
    thought = {"reasoningText": {"text": f"Thought {number}: {HARD}", "signature": "c2lnbmF0dXJlIG9mIHRoZSB0aG91Z2h0"}}
    content: list[Json] = [{"reasoningContent": thought}] if thinks else []
    content.append({"text": f"Step {number + 1}. {HARD}" if calls else LAST})
    content += [
        {"toolUse": {"toolUseId": f"tooluse_step{number}call{index}", "name": name, "input": given}}
        for index, (name, given) in enumerate(calls)
    ]
    usage = {"inputTokens": 100 + number, "outputTokens": 10 + number, "totalTokens": 110 + 2 * number}
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use",
        "usage": usage,
        "metrics": {"latencyMs": 1},
    }


def _quote(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def _write_by_shell(path: str, text: str) -> str:
    return f"cat > {_quote(path)} <<'END-OF-FILE'\n{text}END-OF-FILE\necho written"


def _edit_by_shell(path: str, old: str, new: str) -> str:
    program = f"import pathlib; p = pathlib.Path({path!r}); t = p.read_text('utf-8'); assert t.count({old!r}) == 1; "
    return f"python3 - <<'END-OF-FILE'\n{program}p.write_text(t.replace({old!r}, {new!r}), 'utf-8')\nEND-OF-FILE"


def _claude_shell(command: str) -> tuple[str, Json]:
    return "Bash", {"command": command, "description": "A step"}


CLAUDE = Tools(
    shell=_claude_shell,
    write=lambda path, text: ("Write", {"file_path": path, "content": text}),
    read=lambda path: ("Read", {"file_path": path}),
    edit=lambda path, old, new: ("Edit", {"file_path": path, "old_string": old, "new_string": new}),
)
OPENCODE = Tools(
    shell=lambda command: ("bash", {"command": command, "description": "A step"}),
    write=lambda path, text: ("write", {"filePath": path, "content": text}),
    read=lambda path: ("read", {"filePath": path}),
    edit=lambda path, old, new: ("edit", {"filePath": path, "oldString": old, "newString": new}),
)
QWEN = Tools(
    shell=lambda command: ("run_shell_command", {"command": command, "is_background": False}),
    write=lambda path, text: ("write_file", {"file_path": path, "content": text}),
    read=lambda path: ("read_file", {"file_path": path}),
    edit=lambda path, old, new: ("edit", {"file_path": path, "old_string": old, "new_string": new}),
)
# For a model that it does not know, Codex has a shell and nothing else that changes files.
CODEX = Tools(
    shell=lambda command: ("exec_command", {"cmd": command}),
    write=lambda path, text: ("exec_command", {"cmd": _write_by_shell(path, text)}),
    read=lambda path: ("exec_command", {"cmd": f"cat {_quote(path)}"}),
    edit=lambda path, old, new: ("exec_command", {"cmd": _edit_by_shell(path, old, new)}),
)
TOOLS: Mapping[str, Tools] = {"claude": CLAUDE, "codex": CODEX, "opencode": OPENCODE, "qwen": QWEN}
