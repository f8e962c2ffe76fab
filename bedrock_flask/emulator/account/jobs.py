"""The asynchronous calls of the emulated account: each runs in its own thread, and can be looked up until the end."""

import logging
import secrets
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bedrock_flask.converse import Json
from bedrock_flask.emulator.calls.errors import EmulatedError

LOG = logging.getLogger("bedrock_flask.emulator")

IN_PROGRESS, COMPLETED, FAILED = "InProgress", "Completed", "Failed"
STATUSES = (IN_PROGRESS, COMPLETED, FAILED)
MAX_RUNNING = 20

_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(frozen=True, kw_only=True)
class AsyncJob:
    """One asynchronous call: `digest` is a hash of its parameters, `folder` has the files of its output."""

    id: str
    arn: str
    model_arn: str
    token: str
    digest: str
    output: Json
    folder: Path
    submitted: datetime
    modified: datetime
    ended: datetime | None = None
    status: str = IN_PROGRESS
    failure: str = ""


class AsyncJobs:
    """All asynchronous calls, oldest first; `folder` is used in place of S3, None if there is none."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._jobs: dict[str, AsyncJob] = {}

    def start(
        self, token: str, digest: str, make: Callable[[str], AsyncJob], work: Callable[[], Mapping[str, bytes]]
    ) -> AsyncJob:
        """Start a new job, or return the one that this token has started; an EmulatedError if its parameters differ.

        `work` returns the files of the output by their names.
        """
        with self._lock:
            earlier = next((job for job in self._jobs.values() if token and job.token == token), None)
            if earlier is not None:
                if earlier.digest != digest:
                    raise EmulatedError(
                        "ConflictException", "The clientRequestToken was used before with other parameters."
                    )
                return earlier
            if sum(job.status == IN_PROGRESS for job in self._jobs.values()) >= MAX_RUNNING:
                raise EmulatedError(
                    "ServiceQuotaExceededException", f"{MAX_RUNNING} asynchronous invocations are in progress."
                )
            job = make("".join(secrets.choice(_ALPHABET) for _ in range(12)))
            self._jobs[job.id] = job
        threading.Thread(target=self._run, args=(job, work), name=f"job-{job.id}", daemon=True).start()
        return job

    def get(self, identifier: str) -> AsyncJob | None:
        """The job with that id."""
        with self._lock:
            return self._jobs.get(identifier)

    def list_jobs(self) -> list[AsyncJob]:
        """All jobs, oldest first."""
        with self._lock:
            return list(self._jobs.values())

    def _run(self, job: AsyncJob, work: Callable[[], Mapping[str, bytes]]) -> None:
        try:
            for name, content in work().items():
                _write(job.folder / name, content)
        except EmulatedError as error:
            self._end(job, FAILED, error.message)
        except Exception as error:
            LOG.exception("the asynchronous invocation %s failed", job.id)
            self._end(job, FAILED, f"The emulator failed: {type(error).__name__}: {error}")
        else:
            self._end(job, COMPLETED)

    def _end(self, job: AsyncJob, status: str, failure: str = "") -> None:
        now = datetime.now(UTC)
        with self._lock:
            self._jobs[job.id] = replace(job, status=status, failure=failure, modified=now, ended=now)


def _write(path: Path, output: bytes) -> None:
    """Write a file so that readers see all of it or nothing."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(output)
    part.replace(path)
