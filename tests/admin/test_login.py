"""People log in to the admin API with a real OpenID provider: their groups there are their roles."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from bedrock_flask.admin.app import create_admin
from bedrock_flask.admin.login.login_file import read_login_file
from bedrock_flask.admin.login.provider import Provider as LoginProvider
from bedrock_flask.admin.login.sessions import Sessions
from bedrock_flask.admin.login.views import Login
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import IssuerUnavailable, LoginFileError
from bedrock_flask.governance.operator import Operator
from tests.admin.operators import Administered, start_admin
from tests.doubles import PATIENCE, free_port
from tests.identity_provider import CLIENT_SECRET, Person, Provider, run_provider

SESSION, PENDING = "__Host-bedrock-flask", "__Host-bedrock-flask-login"
LOGIN_FILE = """
issuer = "{issuer}"
client_id = "admin"
client_secret_file = "{folder}/secret"
url = "http://127.0.0.1:{port}"
name = "email"
groups_claim = ["realm", "groups"]

[groups]
platform = ["admin"]
finance = ["auditor"]
"research leads" = ["owner@research"]
"""


@dataclass
class Browser:
    """A browser: it keeps the cookies of the admin API, and one person uses it."""

    admin: Administered
    person: str = "alice"
    cookies: dict[str, str] = field(default_factory=dict)
    set_cookies: list[str] = field(default_factory=list)

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> requests.Response:
        """The answer to a request with the cookies, which are taken over; redirects are not followed."""
        own = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        url = path if "://" in path else self.admin.server.url + path
        response = requests.request(
            method, url, json=body, headers={**own, **headers}, allow_redirects=False, timeout=PATIENCE
        )
        self.set_cookies = response.raw.headers.getlist("set-cookie")
        for name, value in response.cookies.items():
            self.cookies[name] = value
        for line in self.set_cookies:
            if "Max-Age=0" in line:
                self.cookies.pop(line.partition("=")[0], None)
        return response

    def begin(self) -> str:
        """Begin to log in: the address of the provider."""
        response = self.ask("/admin/v1/login")
        assert response.status_code == 303, response.text
        return response.headers["location"]

    def consent(self, address: str) -> str:
        """Log in at the provider: the address to come back to."""
        response = requests.get(address, cookies={"person": self.person}, allow_redirects=False, timeout=PATIENCE)
        assert response.status_code == 302, response.text
        return response.headers["location"]

    def log_in(self) -> requests.Response:
        """The whole way."""
        return self.ask(self.consent(self.begin()))


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with run_provider() as running:
        yield running


@pytest.fixture(scope="module")
def admin(
    plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory, provider: Provider
) -> Iterator[Administered]:
    folder, port = tmp_path_factory.mktemp("login"), free_port()
    (folder / "secret").write_text(f"{CLIENT_SECRET}\n")
    (folder / "login.toml").write_text(LOGIN_FILE.format(issuer=provider.url, folder=folder, port=port))
    provider.clients["admin"] = {"redirect_uri": f"http://127.0.0.1:{port}/admin/v1/callback"}
    own = {"BEDROCK_FLASK_ADMIN_LOGIN_FILE": f"{folder}/login.toml"}
    with start_admin(plain_environ, f"sqlite:///{folder}/gateway.db", folder, port, **own) as started:
        yield started


@pytest.fixture
def browser(admin: Administered, provider: Provider) -> Browser:
    """The browser of Alice, who is of the platform team."""
    provider.people["alice"] = Person("u-1", {"email": "alice@example.com", "realm": {"groups": ["platform", "x"]}})
    provider.people["u-1"] = provider.people["alice"]
    return Browser(admin)


def await_status(browser: Browser, status: int, path: str = "/admin/v1/me") -> float:
    """The seconds until an address answers so."""
    began = time.monotonic()
    while browser.ask(path).status_code != status:
        assert time.monotonic() - began < PATIENCE
    return time.monotonic() - began


def test_a_person_logs_in_changes_something_and_logs_out(admin: Administered, browser: Browser) -> None:
    response = browser.log_in()
    assert response.json() == {"name": "oidc:alice@example.com", "roles": ["admin"], "teams": []}, response.text
    assert browser.ask("/admin/v1/me").json() == response.json()
    assert browser.ask("/admin/v1/teams", "POST", {"team": "by-alice"}).status_code == 201
    [row] = browser.ask("/admin/v1/audit?object=by-alice").json()["rows"]
    assert row["who"] == "oidc:alice@example.com"
    secret = browser.cookies[SESSION]
    assert browser.ask("/admin/v1/logout", "POST").status_code == 200
    assert SESSION not in browser.cookies
    browser.cookies = {SESSION: secret}
    assert browser.ask("/admin/v1/me").status_code == 401


def test_cookies_are_safe_and_what_is_sent_to_the_provider_is_bound_to_the_browser(
    admin: Administered, browser: Browser
) -> None:
    address = browser.begin()
    [pending] = browser.set_cookies
    assert all(each in pending for each in (PENDING, "Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"))
    assert "Domain" not in pending
    query = {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}
    assert query["code_challenge_method"] == "S256"
    assert (query["response_type"], query["scope"], query["client_id"]) == ("code", "openid", "admin")
    assert len({query["state"], query["nonce"], query["code_challenge"], browser.cookies[PENDING]}) == 4
    assert browser.ask(browser.consent(address)).status_code == 200
    session = next(line for line in browser.set_cookies if line.startswith(f"{SESSION}="))
    assert all(each in session for each in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=3600"))
    assert PENDING not in browser.cookies
    assert browser.cookies[SESSION] not in admin.server.log.read_text()


@pytest.mark.parametrize(
    ("groups", "roles", "teams"), [(["finance"], ["auditor"], []), (["research leads"], [], ["research"])]
)
def test_groups_are_roles(
    provider: Provider, browser: Browser, groups: list[str], roles: list[str], teams: list[str]
) -> None:
    provider.people["alice"].claims["realm"] = {"groups": groups}
    assert browser.log_in().json() == {"name": "oidc:alice@example.com", "roles": roles, "teams": teams}
    assert browser.ask("/admin/v1/teams/other").status_code == (200 if roles else 403)
    assert browser.ask("/admin/v1/teams/research/revoke", "POST").status_code == 403


def test_who_has_no_group_with_a_role_has_no_session(provider: Provider, browser: Browser) -> None:
    for realm in ({"groups": ["others"]}, {"groups": []}, {"groups": {"platform": 1}}, {}, None):
        provider.people["alice"].claims["realm"] = realm
        response = browser.log_in()
        assert (response.status_code, SESSION in browser.cookies) == (403, False), response.text


def test_who_is_offboarded_in_the_directory_is_refused_within_five_seconds(
    provider: Provider, browser: Browser, admin: Administered
) -> None:
    people = {name: Person(f"u-{name}", dict(provider.people["alice"].claims)) for name in ("bob", "carol", "dave")}
    provider.people |= {key: each for name, each in people.items() for key in (name, each.id)}
    leavers = {name: Browser(admin, name) for name in people}
    assert {each.log_in().status_code for each in (browser, *leavers.values())} == {200}
    people["bob"].is_disabled = True
    people["carol"].claims["realm"] = {"groups": []}
    provider.people["u-dave"] = Person("u-other", people["dave"].claims)
    provider.people["alice"].claims["realm"] = {"groups": ["research leads"]}
    assert sum(await_status(each, 401) for each in leavers.values()) < 5
    # Another role holds as soon.
    assert browser.ask("/admin/v1/teams/other").status_code == 403
    # Who was refused does not come back with the old session.
    people["bob"].is_disabled, people["carol"].claims["realm"] = False, {"groups": ["platform"]}
    provider.people["u-dave"] = people["dave"]
    assert {each.ask("/admin/v1/me").status_code for each in leavers.values()} == {401}


def test_a_login_is_completed_only_in_the_browser_that_began_it(browser: Browser, admin: Administered) -> None:
    """An attacker's own code would log a victim in as the attacker; a stolen one is worth nothing elsewhere."""
    back = browser.consent(browser.begin())
    other = Browser(admin)
    for _ in range(2):
        response = other.ask(back)
        assert response.status_code == 401
        assert "not begun in this browser" in response.json()["detail"]
        other.begin()
    # With the state of its own login, the code is bound to the verifier of the other one.
    query = parse_qs(urlsplit(back).query)
    own = parse_qs(urlsplit(other.begin()).query)["state"][0]
    response = other.ask(f"/admin/v1/callback?{urlencode({'code': query['code'][0], 'state': own})}")
    assert (response.status_code, SESSION in other.cookies) == (401, False)


@pytest.mark.parametrize(
    "query", ["", "code=x", "code=x&state=y", "state=y", "error=access_denied", "code=x&state=%C3%A9"]
)
def test_what_is_no_answer_of_the_provider_is_refused(browser: Browser, query: str) -> None:
    browser.begin()
    assert browser.ask(f"/admin/v1/callback?{query}").status_code == 401
    browser.cookies = {}
    assert browser.ask(f"/admin/v1/callback?{query}").status_code == 401


def test_a_query_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "login.toml").write_text(PLAIN)
    client = create_admin(Settings(admin_login_file=f"{tmp_path}/login.toml")).test_client()
    response = client.get("/admin/v1/callback", environ_overrides={"QUERY_STRING": "code=x&state=\xff"})
    assert response.status_code == 401


def test_an_id_token_is_of_the_login_that_was_begun(provider: Provider, browser: Browser) -> None:
    back = browser.consent(browser.begin())
    provider.codes = {name: replace(code, nonce="another") for name, code in provider.codes.items()}
    response = browser.ask(back)
    assert (response.status_code, response.json()["detail"]) == (401, "The provider's ID token is of another login.")


def test_a_code_is_used_once(browser: Browser) -> None:
    address = browser.begin()
    back, pending = browser.consent(address), dict(browser.cookies)
    assert browser.ask(back).status_code == 200
    browser.cookies = pending
    assert browser.ask(back).status_code == 401


def test_a_page_of_another_site_changes_nothing_with_the_session(browser: Browser, admin: Administered) -> None:
    assert browser.log_in().status_code == 200
    # A page of this machine on another port has the cookie too: a port is not part of a site.
    for origin in ("https://evil.example.com", "http://127.0.0.1:3000", "null"):
        response = browser.ask("/admin/v1/teams/other/revoke", "POST", origin=origin)
        assert response.status_code == 403, response.text
    assert browser.ask("/admin/v1/teams/other").json()["revoked"] is None
    assert browser.ask("/admin/v1/teams", "POST", {"team": "own-page"}, origin=admin.server.url).status_code == 201


def test_the_address_of_the_login_file_is_no_foreign_one(tmp_path: Path) -> None:
    (tmp_path / "login.toml").write_text(PLAIN)
    login = Login(read_login_file(f"{tmp_path}/login.toml"))
    own, page = {"HTTP_HOST": "admin.example.com"}, {"HTTP_ORIGIN": "https://admin.example.com"}
    behind_proxy = {"HTTP_HOST": "127.0.0.1:8900"}
    assert all(map(login.is_own, (own, own | page, behind_proxy, behind_proxy | page)))
    evil = {"HTTP_HOST": "evil.example.com"}
    other_page = {"HTTP_ORIGIN": "https://evil.example.com"}
    plain_page = {"HTTP_ORIGIN": "http://admin.example.com"}
    assert not any(map(login.is_own, (evil, evil | page, own | other_page, own | plain_page, {})))


def test_the_provider_is_trusted_by_the_certificates_of_the_system_or_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("system", "own"):
        (tmp_path / name).touch()
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/system")
    for line, name in (("", "system"), (f'ca_file = "{tmp_path}/own"\n', "own")):
        (tmp_path / "login.toml").write_text(PLAIN.replace("[groups]", f"{line}[groups]"))
        client = LoginProvider(read_login_file(f"{tmp_path}/login.toml"))._open()
        assert client.verify == f"{tmp_path}/{name}"


def test_a_session_that_is_not_known_is_none(browser: Browser, admin: Administered) -> None:
    for secret in ("x", "", "a" * 5000, "\u00e9"):
        browser.cookies = {SESSION: secret}
        assert browser.ask("/admin/v1/me").status_code in (401, 431)
    # Keys are valid beside the login.
    assert admin.send("GET", "me").status_code == 200


def test_while_the_provider_is_away_nobody_is_logged_out(
    provider: Provider, browser: Browser, admin: Administered
) -> None:
    leaver = Browser(admin)
    assert (browser.log_in().status_code, leaver.log_in().status_code) == (200, 200)
    secret = leaver.cookies[SESSION]
    with provider.out_of_service():
        assert await_status(browser, 503) < 5
        # But who wants to be logged out is.
        assert leaver.ask("/admin/v1/logout", "POST", origin="https://evil.example.com").status_code == 403
        assert leaver.ask("/admin/v1/logout", "POST").status_code == 200
        leaver.cookies = {SESSION: secret}
        assert leaver.ask("/admin/v1/me").status_code == 401
        assert browser.ask("/admin/v1/me").json()["code"] == "issuer_unavailable"
        assert admin.send("GET", "me").status_code == 200
    await_status(browser, 200)


def test_a_provider_that_does_not_answer_holds_up_no_operator_with_a_key(
    provider: Provider, browser: Browser, admin: Administered
) -> None:
    assert browser.log_in().status_code == 200
    with provider.held():
        assert await_status(browser, 503) < 8
        began = time.monotonic()
        assert admin.send("GET", "me").status_code == 200
        assert time.monotonic() - began < 1
    await_status(browser, 200)


# --- without a server -------------------------------------------------------------------------------------------------


@dataclass
class Directory:
    """What a provider says, how often it was asked, how long it takes to answer, and a clock."""

    claims: Any = field(default_factory=lambda: {"sub": "u", "groups": ["platform"]})
    now: float = 1000.0
    asked: int = 0
    seconds: float = 0

    def read(self, access: str) -> Any:
        self.asked += 1
        self.now += self.seconds
        if self.claims is IssuerUnavailable:
            raise IssuerUnavailable("login")
        return self.claims

    def open(self) -> Sessions:
        return Sessions(
            self.read, lambda claims: Operator("oidc:u") if claims["groups"] else None, 60, lambda: self.now
        )


def begin(sessions: Sessions) -> str:
    begun = sessions.begin("u", "token")
    assert begun is not None
    return begun[0]


def test_the_provider_is_asked_every_two_seconds_and_a_session_ends() -> None:
    directory = Directory()
    sessions = directory.open()
    secret = begin(sessions)
    for _ in range(10):
        directory.now += 0.5
        assert sessions.find(secret) == Operator("oidc:u")
    assert directory.asked == 3
    directory.now = 1060
    assert sessions.find(secret) is None


def test_a_provider_that_is_away_is_tried_once_a_second() -> None:
    directory = Directory()
    sessions = directory.open()
    secret = begin(sessions)
    directory.claims = IssuerUnavailable
    directory.now += 2
    for _ in range(10):
        with pytest.raises(IssuerUnavailable):
            sessions.find(secret)
    assert directory.asked == 2


def test_a_trial_that_takes_long_is_followed_by_none_of_those_who_have_waited() -> None:
    directory = Directory(seconds=3)
    sessions = directory.open()
    secret = begin(sessions)
    directory.claims = IssuerUnavailable
    for _ in range(10):
        with pytest.raises(IssuerUnavailable):
            sessions.find(secret)
    assert directory.asked == 2


def test_sessions_are_bounded() -> None:
    sessions = Directory().open()
    first, *_, last = [begin(sessions) for _ in range(1001)]
    assert sessions.find(first) is None
    assert sessions.find(last)


PLAIN = """
issuer = "https://login.example.com"
client_id = "admin"
url = "https://admin.example.com"

[groups]
platform = ["admin"]
"""


def test_the_page_holds(tmp_path: Path, repository: Path) -> None:
    [text] = re.findall(r"```toml\n(.*?)```", (repository / "docs/how-to/login.md").read_text(), re.S)
    (tmp_path / "login.toml").write_text(text)
    login = read_login_file(f"{tmp_path}/login.toml")
    assert (login.scope, login.name, login.groups_claim, login.max_age) == ("openid", "sub", ("groups",), 3600)
    assert login.groups["research-leads"] == ["owner@research", "owner@lab"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("https://login", "http://login", "issuer: is not an https address"),
        ("https://admin", "http://admin", "url: is not an https address"),
        ('client_id = "admin"', "", "client_id: Missing data"),
        ('["admin"]', '["root"]', "groups.platform.value[0]: is not a role: admin"),
        ('["admin"]', '"admin"', "groups.platform.value: Not a valid list"),
        ("[groups]", "[other]", "groups: Missing data"),
        ("[groups]", 'scope = "profile"\n[groups]', "scope: does not contain openid"),
        ("[groups]", "max_age = 1\n[groups]", "max_age: Must be greater"),
        ("[groups]", "[", "cannot be read"),
    ],
)
def test_a_fault_of_the_login_file_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in PLAIN
    (tmp_path / "login.toml").write_text(PLAIN.replace(old, new, 1))
    with pytest.raises(LoginFileError) as raised:
        read_login_file(f"{tmp_path}/login.toml")
    assert fault in str(raised.value)
    assert "\n" not in str(raised.value)


def test_without_a_login_its_addresses_do_not_exist_and_nothing_is_imported(plain_environ: dict[str, str]) -> None:
    assert not any("login" in rule.rule for rule in create_admin(Settings()).url_map.iter_rules())
    code = (
        "import sys; from bedrock_flask.admin.app import create_admin\n"
        "from bedrock_flask.config.settings import Settings\n"
        "create_admin(Settings()); print([name for name in ('authlib', 'joserfc', 'requests') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=plain_environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.stdout == "[]\n", done.stderr


def test_its_addresses_need_no_key_and_do_nothing_without_a_login(admin: Administered, tmp_path: Path) -> None:
    (tmp_path / "login.toml").write_text(PLAIN)
    with_login = create_admin(Settings(admin_login_file=f"{tmp_path}/login.toml"))
    rules, without = (
        {rule.rule for rule in app.url_map.iter_rules()} for app in (with_login, create_admin(Settings()))
    )
    assert rules - without == {f"/admin/v1/{name}" for name in ("login", "callback", "logout")}
    browser = Browser(admin)
    answers = [("GET", "login", 303), ("GET", "callback", 401), ("POST", "logout", 401), ("GET", "logout", 401)]
    for method, name, status in answers:
        assert browser.ask(f"/admin/v1/{name}", method).status_code == status


def test_without_its_packages_the_admin_api_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "login.toml").write_text(PLAIN)
    code = (
        "import sys; sys.modules['authlib'] = None\n"
        "from bedrock_flask.admin.app import create_admin; from bedrock_flask.config.settings import Settings\n"
        f"create_admin(Settings(admin_login_file='{tmp_path}/login.toml'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "pip install 'bedrock-flask[oidc]'" in done.stderr
