"""Teams over the admin API."""

from bedrock_flask.admin.pages import answer_page
from bedrock_flask.admin.route import AdminRequest, Answer
from bedrock_flask.admin.rules import change_rules
from bedrock_flask.governance.store import views


def list_teams(request: AdminRequest) -> Answer:
    """The teams that the operator may see."""
    after, within = request.query.get("after", ""), request.list_visible()
    return answer_page(
        request,
        "teams",
        lambda most: request.directory.list_teams(after, most, within),
        lambda rows: [*map(views.describe_team, rows)],
    )


def create_team(request: AdminRequest) -> Answer:
    """Create a team with its rules."""
    directory, body = request.directory, request.body
    name = body["team"]
    directory.create_team(name, body.get("parent") or "")
    change_rules(request, f"team:{name}", views.describe_team(directory.find_team(name)), body)
    return _answer(request, name, 201)


def show_team(request: AdminRequest) -> Answer:
    """One team."""
    return _answer(request, request.labels["team"])


def change_team(request: AdminRequest) -> Answer:
    """Change the rules of a team."""
    name = request.labels["team"]
    current = views.describe_team(request.directory.find_team(name))
    request.check_match(current)
    change_rules(request, f"team:{name}", current, request.body)
    return _answer(request, name)


def revoke_team(request: AdminRequest) -> Answer:
    """Revoke a team."""
    name = request.labels["team"]
    request.check_match(views.describe_team(request.directory.find_team(name)))
    request.directory.revoke_team(name)
    return _answer(request, name)


def _answer(request: AdminRequest, name: str, status: int = 200) -> Answer:
    document = views.describe_team(request.directory.find_team(name))
    return Answer(document, status, has_tag=True, location=f"/admin/v1/teams/{name}" if status == 201 else "")
