"""What is spent of budgets, over the admin API."""

import time

from bedrock_flask.admin.route import AdminRequest, Answer
from bedrock_flask.governance.store.views import describe_spending


def show_spending(request: AdminRequest) -> Answer:
    """What is spent of the budgets of the team in the address, or of its key."""
    scope = f"key:{request.key}" if "name" in request.labels else f"team:{request.labels['team']}"
    now = int(time.time() * 1000)
    found = request.directory.list_spending(scope, now)
    return Answer({"budgets": [describe_spending(*row, now) for row in found]})
