"""StartAsyncInvoke, GetAsyncInvoke and ListAsyncInvokes, with a folder of this machine in place of S3.

`s3://bucket/prefix` is `FOLDER/bucket/prefix/<invocation id>/output.json`. Source: botocore's service model of
bedrock-runtime; where the output lies is read in AWS's samples.
"""

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bedrock_flask import fields
from bedrock_flask.converse import Json
from bedrock_flask.emulator.account.catalogue import ACCOUNT
from bedrock_flask.emulator.account.jobs import STATUSES, Job
from bedrock_flask.emulator.calls import paging
from bedrock_flask.emulator.calls.delivery import Answer, whole
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.calls.refusals import Refusal, invalid
from bedrock_flask.emulator.calls.request import Asked, checked, encoded, parsed
from bedrock_flask.emulator.operations import inference

_S3_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][.a-z0-9-]{1,61}[a-z0-9])(?P<prefix>/.*)?", re.DOTALL)
_ARN = re.compile(r"arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:async-invoke/(?P<id>[a-z0-9]{12})")
_OUTPUT = "output.json"


class _S3(fields.Schema):
    s3Uri = fields.String(required=True, min_length=1, max_length=1024)
    kmsKeyId = fields.String(min_length=1, max_length=2048)
    bucketOwner = fields.String(pattern="^[0-9]{12}$")


class _Tag(fields.Schema):
    key = fields.String(required=True, min_length=1, max_length=128)
    value = fields.String(required=True, max_length=256)


class _Body(fields.Schema):
    clientRequestToken = fields.String(min_length=1, max_length=256, pattern="^[!-~]*$")
    modelId = fields.String(required=True, min_length=1, max_length=256)
    modelInput = fields.Object(required=True)
    outputDataConfig = fields.OneKey({"s3OutputDataConfig": fields.Nested(_S3)}, required=True)
    tags = fields.List(fields.Nested(_Tag), max_items=200)


_SCHEMA = _Body()


class _Nobody(Presence):
    """No caller waits: only the server may stop."""

    def left(self) -> bool:
        return self.stopping()


def start_async_invoke(asked: Asked) -> Answer:
    """StartAsyncInvoke: what can be refused is refused at once, the model's answer is made in the background."""
    told = checked(_SCHEMA, parsed(asked.body))
    model, body = told["modelId"], encoded(told["modelInput"])
    folder = _folder(asked, told["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
    engine = asked.account.replies.answering(model)
    presence = _Nobody(None, asked.presence.stopping)
    # Headers are those of this call, not of the model's.
    call = replace(asked, operation="InvokeModel", model=model, body=body, engine=engine, presence=presence, headers={})
    inference.native(call)

    def make(identifier: str) -> Job:
        now = datetime.now(UTC)
        return Job(
            id=identifier,
            arn=f"arn:aws:bedrock:{asked.region}:{ACCOUNT}:async-invoke/{identifier}",
            model_arn=_model_arn(asked, model),
            token=told.get("clientRequestToken", ""),
            digest=_digest(told),
            output=told["outputDataConfig"],
            path=_made(folder / identifier) / _OUTPUT,
            submitted=now,
            modified=now,
        )

    job = asked.account.jobs.start(told.get("clientRequestToken", ""), _digest(told), make, lambda: _work(call))
    return whole(encoded({"invocationArn": job.arn}))


def get_async_invoke(asked: Asked) -> Answer:
    """GetAsyncInvoke."""
    arn = _ARN.fullmatch(asked.labels["invocationArn"])
    job = asked.account.jobs.get(arn["id"]) if arn else None
    if job is None:
        raise invalid("The provided invocation ARN is invalid or does not exist.")
    return whole(encoded(_told(job)))


def list_async_invokes(asked: Asked) -> Answer:
    """ListAsyncInvokes: filtered, the newest first unless the order says otherwise, in pages."""
    query = asked.query
    status = paging.one_of(query, "statusEquals", STATUSES)
    paging.one_of(query, "sortBy", ("SubmissionTime",))
    oldest_first = paging.one_of(query, "sortOrder", ("Ascending", "Descending")) == "Ascending"
    after, before = _time(query.get("submitTimeAfter")), _time(query.get("submitTimeBefore"))
    found = [
        job
        for job in asked.account.jobs.listed()
        if (status is None or job.status == status)
        and (after is None or job.submitted > after)
        and (before is None or job.submitted < before)
    ]
    page, token = paging.page(found if oldest_first else found[::-1], query, lambda job: job.id)
    return whole(encoded({"asyncInvokeSummaries": [_told(job) for job in page], **token}))


def _work(call: Asked) -> bytes:
    call.presence.announce()
    try:
        return b"".join(inference.invoke(call).parts)
    except CallerLeft:
        raise Refusal("InternalServerException", "The emulator was stopped.") from None


def _told(job: Job) -> Json:
    told = {
        "invocationArn": job.arn,
        "modelArn": job.model_arn,
        "clientRequestToken": job.token,
        "status": job.status,
        "failureMessage": job.failure[:2048],
        "submitTime": _iso(job.submitted),
        "lastModifiedTime": _iso(job.modified),
        "endTime": _iso(job.ended) if job.ended else "",
        "outputDataConfig": job.output,
    }
    return {name: value for name, value in told.items() if value}


def _folder(asked: Asked, uri: str) -> Path:
    """The folder for an address of S3, below the one that stands in its place."""
    root = asked.account.jobs.folder
    if root is None:
        raise invalid("The emulator has no folder in place of S3: start it with --async-dir FOLDER.")
    found = _S3_URI.fullmatch(uri)
    if found is None:
        raise invalid("Value at 'outputDataConfig.s3OutputDataConfig.s3Uri' is no s3://bucket/prefix.")
    segments = [segment for segment in (found["prefix"] or "").split("/") if segment]
    folder = root.joinpath(found["bucket"], *segments)
    if any(segment in (".", "..") or "\0" in segment for segment in segments):
        raise invalid("The prefix of an s3Uri may hold no '.' or '..' here, where it is a folder.")
    # A link that lies below the folder may lead out of it.
    if not folder.resolve().is_relative_to(root.resolve()):
        raise invalid("The s3Uri leads out of the folder that stands in place of S3.")
    return folder


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise invalid(f"The output cannot be written: {error.strerror}.") from None
    return folder


def _model_arn(asked: Asked, model: str) -> str:
    behind = asked.account.catalogue.behind(model)
    return behind if behind.startswith("arn:") else f"arn:aws:bedrock:{asked.region}::foundation-model/{behind}"


def _digest(told: Json) -> str:
    return hashlib.sha256(encoded({name: told[name] for name in sorted(told)})).hexdigest()


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("A time to filter by must be in ISO 8601 format.") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
