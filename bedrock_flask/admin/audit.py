"""The audit log over the admin API."""

from bedrock_flask.admin.pages import answer_page
from bedrock_flask.admin.route import AdminRequest, Answer
from bedrock_flask.governance.store.audit import AuditQuery, read_audit
from bedrock_flask.governance.store.views import describe_audit


def list_audit(request: AdminRequest) -> Answer:
    """The changes of what the operator may see, the newest first."""
    wanted = {name: value for name, value in request.query.items() if name != "limit"}
    within = request.list_visible()
    return answer_page(
        request,
        "rows",
        lambda most: read_audit(request.directory.connection, AuditQuery(**wanted, within=within, most=most)),
        lambda rows: [*map(describe_audit, rows)],
    )
