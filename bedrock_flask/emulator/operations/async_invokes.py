"""StartAsyncInvoke, GetAsyncInvoke and ListAsyncInvokes, with a folder of this machine in place of S3.

`s3://bucket/prefix/name` is the file `FOLDER/bucket/prefix/name`. The output of a call lies in a folder of its id: the
files that the model's adapter names, or `output.json`. Sources: botocore's service model of bedrock-runtime; AWS's
samples for the path of the output.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bedrock_flask import fields
from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.converse import Json
from bedrock_flask.emulator.account.account import ACCOUNT_ID
from bedrock_flask.emulator.account.jobs import STATUSES, AsyncJob
from bedrock_flask.emulator.calls import paging
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.calls.request import EmulatorRequest, check_body, encode_json, parse_body
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.emulator.formats import own_format
from bedrock_flask.emulator.formats.wire_format import Tally
from bedrock_flask.emulator.operations import inference
from bedrock_flask.translation.async_invokes import SURFACE

_S3_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][.a-z0-9-]{1,61}[a-z0-9])(?P<prefix>/.*)?", re.DOTALL)
_ARN = re.compile(r"arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:async-invoke/(?P<id>[a-z0-9]{12})")
_OUTPUT_NAME = "output.json"
_NOT_ASYNC = "This action doesn't support the model that you provided."
# The first box of an MP4 file, which names the format, and no pictures.
_VIDEO = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


class _S3Config(fields.Schema):
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
    outputDataConfig = fields.OneKey({"s3OutputDataConfig": fields.Nested(_S3Config)}, required=True)
    tags = fields.List(fields.Nested(_Tag), max_items=200)


_SCHEMA = _Body()


class _BackgroundPresence(Presence):
    """No caller waits: only the server may stop."""

    def has_left(self) -> bool:
        return self.is_stopping()


def start_async_invoke(request: EmulatorRequest) -> EmulatorResponse:
    """StartAsyncInvoke: a bad request is refused at once; the model answers in the background."""
    parameters = check_body(_SCHEMA, parse_body(request.body))
    model, body = parameters["modelId"], encode_json(parameters["modelInput"])
    folder = _find_folder(request, parameters["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
    # Without headers, because they belong to this request and not to the model's.
    invocation = replace(
        request,
        operation="InvokeModel",
        model=model,
        body=body,
        engine=request.account.make_engine(model),
        presence=_BackgroundPresence(None, request.presence.is_stopping),
        headers={},
    )
    run = _prepare_model(invocation, parameters["modelInput"])
    token, digest = parameters.get("clientRequestToken", ""), _hash(parameters)

    def make_job(identifier: str) -> AsyncJob:
        now = datetime.now(UTC)
        return AsyncJob(
            id=identifier,
            arn=f"arn:aws:bedrock:{request.region}:{ACCOUNT_ID}:async-invoke/{identifier}",
            model_arn=_make_model_arn(request, model),
            token=token,
            digest=digest,
            output=parameters["outputDataConfig"],
            folder=_make_folder(folder / identifier),
            submitted=now,
            modified=now,
        )

    job = request.account.jobs.start(token, digest, make_job, run)
    return make_response(encode_json({"invocationArn": job.arn}))


def get_async_invoke(request: EmulatorRequest) -> EmulatorResponse:
    """GetAsyncInvoke."""
    arn = _ARN.fullmatch(request.labels["invocationArn"])
    job = request.account.jobs.get(arn["id"]) if arn else None
    if job is None:
        raise validation_error("The provided invocation ARN is invalid or does not exist.")
    return make_response(encode_json(_describe_job(job)))


def list_async_invokes(request: EmulatorRequest) -> EmulatorResponse:
    """ListAsyncInvokes: filtered, newest first by default, in pages."""
    query = request.query
    status = paging.read_choice(query, "statusEquals", STATUSES)
    paging.read_choice(query, "sortBy", ("SubmissionTime",))
    oldest_first = paging.read_choice(query, "sortOrder", ("Ascending", "Descending")) == "Ascending"
    after, before = _parse_time(query.get("submitTimeAfter")), _parse_time(query.get("submitTimeBefore"))
    found = [
        job
        for job in request.account.jobs.list_jobs()
        if (status is None or job.status == status)
        and (after is None or job.submitted > after)
        and (before is None or job.submitted < before)
    ]
    page, token = paging.paginate(found if oldest_first else found[::-1], query, lambda job: job.id)
    return make_response(encode_json({"asyncInvokeSummaries": [_describe_job(job) for job in page], **token}))


def _prepare_model(invocation: EmulatorRequest, model_input: Json) -> Callable[[], Mapping[str, bytes]]:
    """Check the `modelInput`; return the function that runs the model, and gives the files of its output by name."""
    adapter, capabilities = invocation.find_adapter()
    if SURFACE in capabilities.surfaces or adapter.operation == ASYNC:
        inference.reject_faults(invocation.keep_refused(adapter.find_async_faults(model_input)))
        return lambda: _run_async_model(adapter, invocation, model_input)
    if capabilities.surfaces:
        raise validation_error(_NOT_ASYNC)
    inference.read_native_body(invocation)
    return lambda: {_OUTPUT_NAME: _run_model(invocation)}


def _run_async_model(adapter: Adapter, invocation: EmulatorRequest, model_input: Json) -> Mapping[str, bytes]:
    """What a model writes that is called asynchronously: its own answer as JSON, and a video without pictures."""
    outputs = adapter.async_invoke.outputs if adapter.async_invoke else (_OUTPUT_NAME,)
    own = adapter.async_invoke and adapter.async_invoke.reply
    answering = replace(adapter, reply=own, emulate=None) if own else adapter
    engine, presence = invocation.engine, invocation.presence
    presence.announce()
    try:
        reply = own_format.make_reply(answering, invocation.model, model_input, engine, Tally(), presence)
    except CallerLeft:
        raise EmulatedError("InternalServerException", "The emulator was stopped.") from None
    return {name: _VIDEO if name.endswith(".mp4") else encode_json(reply) for name in outputs}


def _run_model(invocation: EmulatorRequest) -> bytes:
    invocation.presence.announce()
    try:
        return b"".join(inference.invoke(invocation).parts)
    except CallerLeft:
        raise EmulatedError("InternalServerException", "The emulator was stopped.") from None


def _describe_job(job: AsyncJob) -> Json:
    members = {
        "invocationArn": job.arn,
        "modelArn": job.model_arn,
        "clientRequestToken": job.token,
        "status": job.status,
        "failureMessage": job.failure[:2048],
        "submitTime": _format_time(job.submitted),
        "lastModifiedTime": _format_time(job.modified),
        "endTime": _format_time(job.ended) if job.ended else "",
        "outputDataConfig": job.output,
    }
    return {name: value for name, value in members.items() if value}


def _find_folder(request: EmulatorRequest, uri: str) -> Path:
    """The folder for an S3 URI, below the one that is used in place of S3. Raises EmulatedError."""
    root = request.account.jobs.folder
    if root is None:
        raise validation_error("The emulator has no folder in place of S3: start it with --async-dir FOLDER.")
    found = _S3_URI.fullmatch(uri)
    if found is None:
        raise validation_error("Value at 'outputDataConfig.s3OutputDataConfig.s3Uri' is not s3://bucket/prefix.")
    segments = [segment for segment in (found["prefix"] or "").split("/") if segment]
    folder = root.joinpath(found["bucket"], *segments)
    if any(segment in (".", "..") or "\0" in segment for segment in segments):
        raise validation_error("The prefix of an s3Uri must not contain '.' or '..' here, because it is a folder.")
    # A symbolic link below the folder may lead out of it.
    if not folder.resolve().is_relative_to(root.resolve()):
        raise validation_error("The s3Uri leads out of the folder that is used in place of S3.")
    return folder


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise validation_error(f"The output cannot be written: {error.strerror}.") from None
    return folder


def _make_model_arn(request: EmulatorRequest, model: str) -> str:
    resolved = request.account.catalogue.resolve_profile(model)
    return resolved if resolved.startswith("arn:") else f"arn:aws:bedrock:{request.region}::foundation-model/{resolved}"


def _hash(parameters: Json) -> str:
    return hashlib.sha256(encode_json({name: parameters[name] for name in sorted(parameters)})).hexdigest()


def _format_time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parse_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise validation_error("A time to filter by must be in ISO 8601 format.") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
