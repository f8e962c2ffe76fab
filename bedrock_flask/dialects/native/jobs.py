"""Asynchronous jobs of a model: started, listed and looked up by Bedrock's StartAsyncInvoke and its relatives.

A job's output lies in S3, and its id is the ARN that Bedrock gives it. Source: the service model of bedrock-runtime in
botocore.
"""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from bedrock_flask import headers
from bedrock_flask.bedrock import s3
from bedrock_flask.bedrock.operations import ASYNC
from bedrock_flask.converse import Json, map_shape_errors
from bedrock_flask.dialect import Route
from bedrock_flask.dialects.native.query import read_members
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.idempotency import KEY_PATTERN, MOST_KEY, read_idempotency_key
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import (
    FieldError,
    InvalidBody,
    JobNotFound,
    NotAsynchronous,
    UpstreamProtocolError,
    redact_account_arns,
)
from bedrock_flask.fields import Integer, List, Nested, Object, Schema, String
from bedrock_flask.fields import find_faults as find_schema_faults
from bedrock_flask.json_schema import to_json_schema
from bedrock_flask.models.registry import GENERIC
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.job_owners import (
    TOKEN,
    is_own,
    mark_token,
    reject_foreign,
    show_own_token,
)
from bedrock_flask.pipeline.request import (
    make_account_call,
    parse_json,
    reject_safeguards,
    report_unknown,
    resolve_async_model,
    send,
)
from bedrock_flask.pipeline.response import add_gateway_headers, record_headers
from bedrock_flask.protocol import envelope
from bedrock_flask.translation.async_invokes import find_faults, is_async, write_body
from bedrock_flask.wires.completeness import ACCOUNT

_TIME = "A time in ISO 8601 format; without an offset it is in UTC."
# The gateway's names of Bedrock's statuses. A job whose start was accepted is submitted until it is looked up.
_STATUSES = {"InProgress": "in_progress", "Completed": "completed", "Failed": "failed"}
SUBMITTED = "submitted"
_ORDERS = {"asc": "Ascending", "desc": "Descending"}
_S3_NAMES = {"s3_uri": "s3Uri", "kms_key_id": "kmsKeyId", "bucket_owner": "bucketOwner"}


class Output(Schema):
    """Where Bedrock writes the output, with the permissions of the gateway."""

    s3_uri = String(
        min_length=1,
        max_length=1024,
        pattern=s3.URI,
        description="`s3://bucket/prefix`; each job has a folder below it. Default: BEDROCK_FLASK_JOBS_S3_URI.",
    )
    kms_key_id = String(min_length=1, max_length=2048, description="The KMS key that encrypts the output.")
    bucket_owner = String(pattern=r"^[0-9]{12}$", description="The account that owns the bucket.")


class JobBody(Schema):
    """The body of `POST /v1/models/{model}/jobs`."""

    input = Object(required=True, description="The model's own body.")
    output = Nested(Output, description="Where the output is written.")
    client_request_token = String(
        min_length=1,
        max_length=MOST_KEY,
        pattern=KEY_PATTERN,
        description="Names this request: repeated with the same body it gives the same job. Also as `Idempotency-Key`.",
    )
    tags = Object(String(max_length=256), max_items=200, description="Tags of the job, each with its value.")


class JobOutput(Schema):
    """Where the output of a job is."""

    s3_uri = String(required=True, description="What the request, or the setting, names.")
    folder = String(required=True, description="The folder of this job below it, which has the files.")
    kms_key_id = String(description="The KMS key that encrypts it.")
    bucket_owner = String(description="The account that owns the bucket.")


class Job(Schema):
    """An asynchronous job."""

    id = String(required=True, description="The ARN of the invocation.")
    object = String(required=True, one_of=("job",), description="What this is.")
    model = String(required=True, description="The model's name in the request.")
    model_arn = String(allow_none=True, description="The ARN of the model on Bedrock; null until it is looked up.")
    status = String(
        required=True, one_of=(SUBMITTED, *_STATUSES.values()), description="`submitted` until it is looked up."
    )
    failure_message = String(allow_none=True, description="Why it has failed, in Bedrock's words.")
    client_request_token = String(allow_none=True, description="The token that it was started with.")
    submitted_at = String(allow_none=True, description="When it was submitted.")
    modified_at = String(allow_none=True, description="When it was last modified.")
    ended_at = String(allow_none=True, description="When it ended.")
    output = Nested(JobOutput, allow_none=True, description="Where the output is.")


class JobList(Schema):
    """A page of jobs. It may have fewer than asked for, even none, and yet a next page: Bedrock lists all models'."""

    object = String(required=True, one_of=("list",), description="What this is.")
    data = List(Nested(Job), required=True, description="The jobs of this model.")
    next_cursor = String(required=True, allow_none=True, description="The `cursor` of the next page; null at the end.")


class Query(Schema):
    """The query of `GET /v1/models/{model}/jobs`."""

    status = String(one_of=tuple(_STATUSES.values()), description="Only jobs with this status.")
    submitted_after = String(description=f"Only jobs that were submitted later. {_TIME}")
    submitted_before = String(description=f"Only jobs that were submitted earlier. {_TIME}")
    order = String(one_of=tuple(_ORDERS), description="By the time of submission; default `desc`, the newest first.")
    limit = Integer(min=1, max=1000, description="The most jobs of a page.")
    cursor = String(min_length=1, max_length=2048, description="The `next_cursor` of the page before.")


BODY, QUERY = JobBody(), Query()


def start_job(exchange: Exchange, name: str) -> Response:
    """Start a job: the model's own body is checked, and sent character for character."""
    model = _resolve(exchange, name)
    reject_safeguards(exchange)
    data = read_body(exchange)
    body = parse_json(data)
    faults = find_schema_faults(BODY, body)
    if faults:
        raise InvalidBody(faults)
    refused, passing = find_faults(model, body["input"], "input")
    output = _choose_output(exchange, body)
    token = _choose_token(exchange, body)
    if refused:
        raise InvalidBody(refused)
    members = {
        TOKEN: mark_token(exchange, token),
        "outputDataConfig": {"s3OutputDataConfig": {_S3_NAMES[name]: value for name, value in output.items()}},
        **({"tags": [{"key": key, "value": value} for key, value in body["tags"].items()]} if body.get("tags") else {}),
    }
    report_unknown(exchange, passing)
    text = envelope.extract_member(data.decode(), "input")
    call = make_account_call(exchange, ASYNC, ACCOUNT[ASYNC].name, write_body(model.id, text, members), model=model)
    arn = send(exchange, call).document["invocationArn"]
    described = _describe_job(exchange, model, {"invocationArn": arn, **members})
    response = make_json_response(described, status=202)
    response.headers["location"] = f"/v1/models/{quote(model.name, safe=':')}/jobs/{arn}"
    return _complete(exchange, response, model)


def list_jobs(exchange: Exchange, name: str) -> Response:
    """List the jobs of a model that the caller may see."""
    model = _resolve(exchange, name)
    query = _read_query(exchange)
    call = make_account_call(exchange, "ListAsyncInvokes", ACCOUNT["ListAsyncInvokes"].name, query=query, model=model)
    page = send(exchange, call).document
    with map_shape_errors():
        jobs = [
            _describe_job(exchange, model, each)
            for each in page["asyncInvokeSummaries"]
            if _is_of(model, each) and is_own(exchange, each)
        ]
    document = {"object": "list", "data": jobs, "next_cursor": page.get("nextToken")}
    return _complete(exchange, make_json_response(document), model)


def show_job(exchange: Exchange, name: str, job: str) -> Response:
    """Look up a job by its id."""
    model = _resolve(exchange, name)
    if not _ARN.fullmatch(job):
        raise JobNotFound(f"'{job[:200]}' is not the id of a job: it is the ARN that starting one returns.")
    labels = {"invocationArn": job}
    wire = ACCOUNT["GetAsyncInvoke"].name
    call = make_account_call(exchange, "GetAsyncInvoke", wire, labels=labels, arn=job, model=model)
    found = send(exchange, call).document
    reject_foreign(exchange, found)
    if not _is_of(model, found):
        raise JobNotFound(f"The job '{job}' is not one of '{model.name}'.")
    with map_shape_errors():
        described = _describe_job(exchange, model, found)
    return _complete(exchange, make_json_response(described), model)


def show_schema(exchange: Exchange, name: str) -> Response:
    """The JSON Schema (2020-12) of the body that starts a job, whose `input` is the model's own."""
    adapter = _resolve(exchange, name).adapter
    own = {} if GENERIC in adapter.models else {"input": adapter.schema}
    return make_json_response(to_json_schema(BODY, own), content_type="application/schema+json")


_ARN = re.compile(r"arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:async-invoke/[a-z0-9]{12}")


def _resolve(exchange: Exchange, name: str) -> Model:
    model = resolve_async_model(exchange, name)
    if not is_async(model):
        raise NotAsynchronous(
            f"Bedrock does not call '{model.name}' asynchronously; use POST /v1/models/{model.name}/invoke."
        )
    return model


def _choose_output(exchange: Exchange, body: Json) -> Mapping[str, str]:
    """The output that the request names; what it leaves out is the operator's."""
    default = exchange.settings.jobs_s3_uri
    output = {**({"s3_uri": default} if default else {}), **body.get("output", {})}
    if "s3_uri" not in output:
        raise InvalidBody([FieldError("output.s3_uri", "is required, because BEDROCK_FLASK_JOBS_S3_URI is not set")])
    return output


def _choose_token(exchange: Exchange, body: Json) -> str:
    """The caller's token, or a new one: with a token no attempt of the gateway's starts a second job."""
    header, member = read_idempotency_key(exchange), body.get("client_request_token", "")
    if header and member and header != member:
        raise InvalidBody([FieldError("client_request_token", f"is another than that of {headers.IDEMPOTENCY_KEY}")])
    return header or member or str(uuid.uuid4())


def _read_query(exchange: Exchange) -> str:
    """The query of ListAsyncInvokes; raises InvalidBody with the names of the caller's parameters."""
    given = read_members(exchange, QUERY)
    times = {name: _read_time(name, given[name]) for name in _TIMES if name in given}
    query = {
        "statusEquals": next((name for name, own in _STATUSES.items() if own == given.get("status")), ""),
        **{_TIMES[name]: time for name, time in times.items()},
        "sortBy": "SubmissionTime" if "order" in given else "",
        "sortOrder": _ORDERS.get(given.get("order", ""), ""),
        "maxResults": str(given.get("limit", "")),
        "nextToken": given.get("cursor", ""),
    }
    return urlencode({name: value for name, value in query.items() if value}, quote_via=quote, safe="")


_TIMES = {"submitted_after": "submitTimeAfter", "submitted_before": "submitTimeBefore"}


def _read_time(name: str, text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
        in_utc = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidBody([FieldError(name, "must be a time in ISO 8601 format")]) from None
    return in_utc.isoformat().replace("+00:00", "Z")


def _is_of(model: Model, invocation: Json) -> bool:
    """Whether an invocation is one of the model: Bedrock names the model behind a profile, and an ARN by itself."""
    arn = str(invocation.get("modelArn", ""))
    name = arn.rpartition("/")[2]
    ids = [each for each in (model.id, model.base) if each]
    return any(arn == each or name == each.rpartition("/")[2] or each.endswith(f".{name}") for each in ids)


def _describe_job(exchange: Exchange, model: Model, invocation: Json) -> Json:
    """A job as Bedrock's answer describes it; what that does not say is null."""
    invocation = show_own_token(exchange, invocation)
    arn = invocation["invocationArn"]
    if not _ARN.fullmatch(arn):
        raise UpstreamProtocolError("Bedrock's answer has no ARN of an asynchronous invocation.")
    place = invocation.get("outputDataConfig", {}).get("s3OutputDataConfig")
    status = invocation.get("status")
    return {
        "id": arn,
        "object": "job",
        "model": model.name,
        "model_arn": invocation.get("modelArn"),
        "status": SUBMITTED if status is None else _STATUSES.get(status, status),
        "failure_message": redact_account_arns(invocation.get("failureMessage") or "") or None,
        "client_request_token": invocation.get(TOKEN),
        "submitted_at": invocation.get("submitTime"),
        "modified_at": invocation.get("lastModifiedTime"),
        "ended_at": invocation.get("endTime"),
        "output": _describe_output(arn, place) if isinstance(place, dict) and "s3Uri" in place else None,
    }


def _describe_output(arn: str, place: Json) -> Json:
    members = {name: place[of_aws] for name, of_aws in _S3_NAMES.items() if of_aws in place}
    return {**members, "folder": f"{members['s3_uri'].rstrip('/')}/{arn.rpartition('/')[2]}/"}


def _complete(exchange: Exchange, response: Response, model: Model) -> Response:
    response.headers |= record_headers(exchange.record)
    return add_gateway_headers(exchange, response, model)


ROUTES = (
    Route(path="/models/<path:name>/jobs", respond=start_job, reads_idempotency_key=True),
    Route(path="/models/<path:name>/jobs", respond=list_jobs, method="GET"),
    Route(path="/models/<path:name>/jobs/<path:job>", respond=show_job, method="GET"),
    Route(path="/models/<path:name>/jobs/schema", respond=show_schema, method="GET"),
)
