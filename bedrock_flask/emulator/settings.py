"""The emulator's settings. pytest imports this module in every project, so it imports nothing heavy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bedrock_flask.emulator.faults.inject import Fault
    from bedrock_flask.emulator.replies.reply import Reply


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """How an emulator is served and what it answers.

    port           the port to bind; 0 for any free one
    engine         what answers: the name of an engine
    plugins_dir    a folder of plugins to load besides those that are installed
    faults         the faults of the first calls
    replies        scripted replies by prompt
    replies_only   whether a prompt that no reply matches is refused
    lenient        whether what Bedrock refuses by the model's capabilities is accepted, and what a schema does not know
    log            the file of the request log
    log_bodies     how many bytes of a body the request log keeps
    secrets        `KEYID:SECRET` pairs; with any, calls must be signed with one of them
    async_dir      a folder in place of S3, for asynchronous calls
    blocked_words  the words that guardrails block
    stop_on_eof    whether the emulator stops when its standard input ends
    """

    host: str = "127.0.0.1"
    port: int = 8001
    engine: str = "smollm"
    plugins_dir: Path | None = None
    faults: Sequence["Fault"] = ()
    replies: Sequence["Reply"] = ()
    replies_only: bool = False
    lenient: bool = False
    log: Path | None = None
    log_bodies: int = 65536
    secrets: Sequence[str] = ()
    async_dir: Path | None = None
    blocked_words: Sequence[str] = ()
    stop_on_eof: bool = False
