"""The asynchronous calls of the emulated account: each runs in a thread of its own and is kept to be asked for."""

import logging
import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.refusals import Refusal

LOG = logging.getLogger("bedrock_flask.emulator")

IN_PROGRESS, COMPLETED, FAILED = "InProgress", "Completed", "Failed"
STATUSES = (IN_PROGRESS, COMPLETED, FAILED)
MOST_AT_ONCE = 20

_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, kw_only=True)
class Job:
    """One asynchronous call; `digest` tells what was asked for, `path` where its output goes."""

    id: str
    arn: str
    model_arn: str
    token: str
    digest: str
    output: Json
    path: Path
    submitted: datetime
    modified: datetime
    ended: datetime | None = None
    status: str = IN_PROGRESS
    failure: str = ""


class Jobs:
    """All of them, oldest first; `folder` stands in place of S3, None where there is none."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, token: str, digest: str, make: Callable[[str], Job], work: Callable[[], bytes]) -> Job:
        """Begin a new one, or give the one that this token has begun; a Refusal where the token has begun another."""
        with self._lock:
            known = next((job for job in self._jobs.values() if token and job.token == token), None)
            if known is not None:
                if known.digest != digest:
                    raise Refusal("ConflictException", "The clientRequestToken was used before with other parameters.")
                return known
            if sum(job.status == IN_PROGRESS for job in self._jobs.values()) >= MOST_AT_ONCE:
                raise Refusal(
                    "ServiceQuotaExceededException", f"{MOST_AT_ONCE} asynchronous invocations are in progress."
                )
            job = make("".join(secrets.choice(_ALPHABET) for _ in range(12)))
            self._jobs[job.id] = job
        threading.Thread(target=self._run, args=(job, work), name=f"job-{job.id}", daemon=True).start()
        return job

    def get(self, identifier: str) -> Job | None:
        """The one with that id."""
        with self._lock:
            return self._jobs.get(identifier)

    def listed(self) -> list[Job]:
        """All."""
        with self._lock:
            return list(self._jobs.values())

    def _run(self, job: Job, work: Callable[[], bytes]) -> None:
        try:
            _write(job.path, work())
        except Refusal as refusal:
            self._end(job, FAILED, refusal.message)
        except Exception as error:
            LOG.exception("the asynchronous invocation %s failed", job.id)
            self._end(job, FAILED, f"The emulator failed: {type(error).__name__}: {error}")
        else:
            self._end(job, COMPLETED)

    def _end(self, job: Job, status: str, failure: str = "") -> None:
        now = datetime.now(UTC)
        with self._lock:
            self._jobs[job.id] = replace(job, status=status, failure=failure, modified=now, ended=now)


def _write(path: Path, output: bytes) -> None:
    """Write a file that others see whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(output)
    part.replace(path)
