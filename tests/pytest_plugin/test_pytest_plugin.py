"""The pytest plugin: a stranger's project, in an environment that leads elsewhere, tests its Bedrock code offline."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.emulator.environ import make_client_environ
from bedrock_flask.pytest_plugin import EmulatedBedrock

PATIENCE = 90

# What a machine may have set; each of these alone would lead a client away from the emulator, or stop it.
ELSEWHERE = {
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_BEDROCK": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME": "http://127.0.0.1:1",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_REGION": "mars-north-1",
    "AWS_PROFILE": "nobody",
    "AWS_DEFAULT_PROFILE": "nobody",
    "AWS_BEARER_TOKEN_BEDROCK": "a-real-token",
    "AWS_SESSION_TOKEN": "a-real-token",
    "AWS_SECURITY_TOKEN": "a-real-token",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "BEDROCK_FLASK_EMULATOR_SECRETS": "somebody:a-real-secret",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "http_proxy": "http://127.0.0.1:1",
}
# CI and BUILD_NUMBER change what pytest prints: its summary then repeats each message whole.
OURS = re.compile(r"AWS_|PYTEST_|BEDROCK_FLASK_|((HTTP|HTTPS|ALL|NO)_PROXY|CI|BUILD_NUMBER)$", re.IGNORECASE)

ASK = """
    import boto3

    client = boto3.client("bedrock-runtime")

    def ask(client=client):
        messages = [{"role": "user", "content": [{"text": "Hello"}]}]
        reply = client.converse(modelId="amazon.nova-lite-v1:0", messages=messages)
        return reply["output"]["message"]["content"][0]["text"]
"""


# No other plugin of this environment: it would be slower, and no stranger has them.
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
PLUGIN = ("-p", "bedrock_flask.pytest_plugin")


@dataclass(frozen=True)
class Project:
    """A folder with a user's tests."""

    folder: Path
    environ: dict[str, str]

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def pytest(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return self.run("-m", "pytest", *PLUGIN, *options, **ALONE)

    def run(self, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A stranger's folder, and an environment that leads elsewhere."""
    plain = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    return Project(tmp_path, plain | ELSEWHERE | {"HOME": str(tmp_path)})


def green(done: "subprocess.CompletedProcess[str]", count: int) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{count} passed" in done.stdout
    assert "warning" not in done.stdout


def listens(url: str) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
        return True
    return False


def goes(url: str) -> bool:
    until = time.monotonic() + PATIENCE
    while listens(url):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


# --- what is redirected ----------------------------------------------------------------------------------------------


def test_with_the_option_every_client_talks_to_the_emulator_whenever_it_was_made(project: Project) -> None:
    project.write("asking.py", ASK)
    project.write("conftest.py", "import asking\n")
    # The emulator does not read the project's folder: no module of the same name, no settings.
    project.write("flask.py", "raise AssertionError('not this one')\n")
    project.write(".env", "BEDROCK_FLASK_PLUGINS_DIR=/nowhere\n")
    # Nor do the tests read the developer's home.
    project.write(".aws/config", "[default]\nignore_configured_endpoint_urls = true\n")
    project.write(".aws/credentials", "cannot be read")
    project.write(
        "test_all.py",
        """
        import boto3
        from asking import ask, client

        def test_a_client_of_the_conftest():
            assert "Hello" in ask(client)

        def test_a_client_of_now():
            assert "Hello" in ask(boto3.client("bedrock-runtime"))

        def test_both_services_have_their_endpoint(bedrock):
            for service in ("bedrock-runtime", "bedrock"):
                assert boto3.client(service).meta.endpoint_url == bedrock.endpoint_url

        def test_no_credentials_of_the_machine_are_sent(bedrock):
            ask(boto3.client("bedrock-runtime"))
            [request] = bedrock.requests()
            assert "Credential=emulator/" in request.headers["authorization"]
            assert "x-amz-security-token" not in request.headers
        """,
    )
    done = project.pytest("--bedrock")
    green(done, 4)
    url = re.search(r"^bedrock: (http://127\.0\.0\.1:\d+) ", done.stdout, re.MULTILINE)
    assert url
    assert not listens(url[1])


def test_the_fixture_alone_redirects_its_own_test_and_no_other(project: Project) -> None:
    project.write(
        "asking.py",
        ASK.replace("\n    client = boto3", "\n    client = lambda: boto3").replace("client=client", "client"),
    )
    project.write(
        "test_some.py",
        """
        import os
        from asking import ask, client

        def test_before():
            assert os.environ["AWS_PROFILE"] == "nobody"

        def test_with(bedrock):
            assert "Hello" in ask(client())

        def test_after():
            assert os.environ["AWS_PROFILE"] == "nobody"
            assert os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] == "http://127.0.0.1:1"
        """,
    )
    green(project.pytest(), 3)


def test_when_the_session_has_ended_the_environment_is_as_before_and_the_emulator_has_gone(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import os, pathlib

        def test_it(bedrock):
            assert "AWS_PROFILE" not in os.environ
            pathlib.Path("port").write_text(bedrock.endpoint_url.rpartition(":")[2])
        """,
    )
    project.write(
        "run.py",
        """
        import contextlib, os, pathlib, socket, sys, pytest

        before = dict(os.environ)
        assert pytest.main(sys.argv[1:]) == 0
        assert {**os.environ} == before
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(pathlib.Path("port").read_text())))
            raise AssertionError("the emulator is still there")
        """,
    )
    green(project.run("run.py", *PLUGIN, "--bedrock", **ALONE), 1)


def test_no_aws_client_reaches_aws_and_what_is_not_served_is_refused_by_name(project: Project) -> None:
    project.write(
        "test_services.py",
        """
        import socket
        from urllib.parse import urlsplit

        import boto3
        import pytest
        from botocore.exceptions import ClientError

        CALLS = {
            "bedrock-agent-runtime": ("rerank", "bedrock-agent-runtime: POST /rerank", dict(
                queries=[{"type": "TEXT", "textQuery": {"text": "a secret"}}],
                sources=[{"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": "x"}}}],
                rerankingConfiguration={"type": "BEDROCK_RERANKING_MODEL", "bedrockRerankingConfiguration": {
                    "modelConfiguration": {"modelArn": "arn:aws:bedrock:us-east-1::foundation-model/a.b"}}},
            )),
            "bedrock-agent": ("list_agents", "bedrock-agent: POST /agents/", {}),
            "bedrock-data-automation-runtime": (
                "get_data_automation_status", "bedrock-data-automation-runtime: ", dict(
                    invocationArn="arn:aws:bedrock:us-east-1:123456789012:data-automation-invocation/x")),
            "bedrock": ("list_guardrails", "bedrock: GET /guardrails", {}),
            "sts": ("get_session_token", "sts: GetSessionToken", {}),
            "s3": ("list_objects_v2", "s3: GET /bucket", {"Bucket": "bucket"}),
            "dynamodb": ("list_tables", "dynamodb: ListTables", {}),
            "sqs": ("list_queues", "sqs: ListQueues", {}),
            "cloudwatch": ("list_metrics", "ListMetrics", {}),
            "secretsmanager": ("list_secrets", "secretsmanager: ListSecrets", {}),
            "lambda": ("list_functions", "lambda: GET /2015-03-31/functions", {}),
            "sagemaker-runtime": (
                "invoke_endpoint", "sagemaker: POST /endpoints/x", {"EndpointName": "x", "Body": b"x"}),
        }

        @pytest.fixture
        def only_loopback(monkeypatch):
            resolve, asked = socket.getaddrinfo, []

            def look_up(host, *rest, **more):
                asked.append(host)
                return resolve("127.0.0.1", *rest, **more)

            monkeypatch.setattr(socket, "getaddrinfo", look_up)
            yield
            assert set(asked) <= {"127.0.0.1"}

        @pytest.mark.parametrize("service", CALLS)
        def test_it(service, only_loopback, bedrock):
            client = boto3.client(service)
            assert urlsplit(client.meta.endpoint_url).port == urlsplit(bedrock.endpoint_url).port
            method, named, arguments = CALLS[service]
            with pytest.raises(ClientError) as raised:
                getattr(client, method)(**arguments)
            error = raised.value.response["Error"]
            assert error["Code"] == "UnknownOperationException", error
            assert error["Message"].startswith("The emulator of Amazon Bedrock does not serve "), error
            assert named in error["Message"], error
            assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == 0

        def test_an_explicit_endpoint_is_the_users_own():
            client = boto3.client("s3", endpoint_url="http://127.0.0.1:9")
            assert client.meta.endpoint_url == "http://127.0.0.1:9"
        """,
    )
    green(project.pytest("--bedrock"), 13)


def test_anthropics_own_client_talks_to_it_too(project: Project) -> None:
    pytest.importorskip("anthropic")
    project.write(
        "test_anthropic.py",
        """
        from anthropic import AnthropicBedrock

        def test_it(bedrock):
            bedrock.reply("Good morning.")
            reply = AnthropicBedrock().messages.create(
                model="anthropic.claude-opus-5-5",
                max_tokens=20,
                messages=[{"role": "user", "content": "Hello"}],
            )
            assert reply.content[0].text == "Good morning."
            assert "/us-east-1/bedrock/" in bedrock.requests()[0].headers["authorization"]
        """,
    )
    green(project.pytest("--bedrock"), 1)


@pytest.mark.parametrize(
    ("hosts", "direct"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"no_proxy": "a.example", "NO_PROXY": "b.example"}, "a.example,127.0.0.1,localhost"),
        ({"NO_PROXY": "b.example"}, "b.example,127.0.0.1,localhost"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_what_goes_around_the_proxy_still_does(hosts: dict[str, str], direct: str) -> None:
    found = make_client_environ("http://127.0.0.1:5000", hosts)
    assert (found["no_proxy"], found["NO_PROXY"]) == (direct, direct)


# --- what a test can do ----------------------------------------------------------------------------------------------


@pytest.fixture
def bedrock(emulator: Any) -> EmulatedBedrock:
    """The object that the fixture of the plugin gives, over the emulator of this suite."""
    emulated = EmulatedBedrock(emulator.url, "")
    emulated.clear()
    return emulated


def ask(emulator: Any) -> str:
    messages = [{"role": "user", "content": [{"text": "Hello"}]}]
    reply = emulator.client().converse(modelId="amazon.nova-lite-v1:0", messages=messages)
    return str(reply["output"]["message"]["content"][0]["text"])


def test_a_request_tells_what_arrived_and_how_it_ended(bedrock: EmulatedBedrock, emulator: Any) -> None:
    ask(emulator)
    [request] = bedrock.requests(ended=True)
    assert (request.operation, request.model, request.status) == ("Converse", "amazon.nova-lite-v1:0", 200)
    assert (request.ended, request.fault) == ("sent", None)
    assert request.json()["messages"][0]["content"] == [{"text": "Hello"}]
    assert request.bytes == len(request.body)
    assert request.headers["content-type"] == "application/json"


def test_a_body_that_is_no_json_says_so(bedrock: EmulatedBedrock, emulator: Any) -> None:
    emulator.post("/model/amazon.nova-lite-v1:0/converse", "no JSON")
    [request] = bedrock.requests()
    with pytest.raises(ValueError, match=r"Converse is not JSON.*7 bytes"):
        request.json()


def test_a_fault_and_a_reply_reach_the_code_under_test(bedrock: EmulatedBedrock, emulator: Any) -> None:
    bedrock.fault("throttle", message="as ordered")
    bedrock.reply("Good morning.", contains="Hello", times=1)
    with pytest.raises(emulator.client().exceptions.ClientError, match="as ordered"):
        ask(emulator)
    assert ask(emulator) == "Good morning."
    assert ask(emulator) != "Good morning."
    assert [request.status for request in bedrock.requests()] == [429, 200, 200]


def test_a_reply_can_be_something_else_than_text(bedrock: EmulatedBedrock, emulator: Any) -> None:
    bedrock.reply(error="AccessDeniedException", message="not you")
    with pytest.raises(emulator.client().exceptions.ClientError, match="not you"):
        ask(emulator)


def test_what_does_not_fit_is_refused_with_the_reason(bedrock: EmulatedBedrock) -> None:
    with pytest.raises(ValueError, match="did you mean 'throttle'"):
        bedrock.fault("throtle")
    with pytest.raises(ValueError, match="contians"):
        bedrock.reply("Hello", contians="x")


def test_no_proxy_stands_between_a_test_and_the_emulator(
    bedrock: EmulatedBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert bedrock.requests() == []


def test_clearing_forgets_all(bedrock: EmulatedBedrock, emulator: Any) -> None:
    bedrock.fault("throttle", count=9)
    bedrock.reply("Good morning.")
    bedrock.clear()
    assert bedrock.requests() == []
    assert ask(emulator) != "Good morning."


def test_the_ends_of_calls_can_be_awaited(bedrock: EmulatedBedrock, emulator: Any) -> None:
    bedrock.fault("stall")
    with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2]))) as caller:
        caller.sendall(b"POST /model/a.b/converse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        while not bedrock.requests():
            time.sleep(0.01)
        assert bedrock.requests()[0].ended is None
    assert bedrock.requests(ended=True)[0].ended == "client left"


def test_an_emulator_that_has_gone_is_named() -> None:
    with pytest.raises(ConnectionError, match=r"http://127\.0\.0\.1:1 does not answer"):
        EmulatedBedrock("http://127.0.0.1:1", "").clear()


def test_each_test_begins_anew(project: Project) -> None:
    project.write("asking.py", ASK)
    project.write(
        "test_anew.py",
        """
        from asking import ask

        def test_one(bedrock):
            bedrock.fault("throttle", count=9)
            bedrock.reply("Good morning.")

        def test_two():
            assert "You said" in ask()

        def test_three(bedrock):
            assert bedrock.requests() == []
            assert "You said" in ask()
        """,
    )
    green(project.pytest("--bedrock"), 3)


@pytest.mark.parametrize("how", ["option", "file"])
def test_models_of_the_projects_own_answer(project: Project, how: str) -> None:
    project.write(
        "models/acme.py",
        """
        from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl

        class Body(Schema):
            prompt = fields.String(required=True)

        @hookimpl
        def register_adapters(register):
            register(Adapter(name="rhyme", description="Rhymes.", body=Body, speaks={"rhyme": "InvokeModel"},
                             models={"acme.rhyme-*": Capabilities()}, sample={"prompt": "orange"}))
        """,
    )
    project.write(
        "tests/test_acme.py",
        """
        import boto3

        def test_it(bedrock):
            boto3.client("bedrock-runtime").invoke_model(modelId="acme.rhyme-v1", body='{"prompt": "door"}')
            assert bedrock.requests()[0].status == 200
        """,
    )
    if how == "file":
        # Seen from the root folder, wherever pytest is started.
        project.write("pytest.ini", "[pytest]\nbedrock_plugins_dir = models\n")
        green(Project(project.folder / "tests", project.environ).pytest(), 1)
    else:
        green(project.pytest("--bedrock-plugins-dir", "models"), 1)


EVERYTHING = """
    import boto3
    import pytest
    from botocore.exceptions import ClientError

    NOVA = {"modelId": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": "a Bomb"}]}]}

    def test_a_word_is_blocked():
        named = {"guardrailIdentifier": "gr1", "guardrailVersion": "1"}
        response = boto3.client("bedrock-runtime").converse(**NOVA, guardrailConfig=named)
        assert response["stopReason"] == "guardrail_intervened"

    def test_a_call_must_be_signed():
        wrong = boto3.client("bedrock-runtime", aws_access_key_id="tester", aws_secret_access_key="wrong")
        with pytest.raises(ClientError, match="InvalidSignature"):
            wrong.converse(**NOVA)
        boto3.client("bedrock-runtime", aws_access_key_id="other", aws_secret_access_key="second").converse(**NOVA)

    def test_an_asynchronous_call_is_begun(bedrock):
        response = boto3.client("bedrock-runtime").start_async_invoke(
            modelId="amazon.nova-reel-v1:1",
            modelInput={"taskType": "TEXT_VIDEO", "textToVideoParams": {"text": "A boat."}},
            outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://bucket/prefix"}},
        )
        assert response["invocationArn"]
"""


@pytest.mark.parametrize("how", ["option", "file"])
def test_what_the_emulator_can_do_can_be_asked_for(project: Project, how: str) -> None:
    (project.folder / "s3").mkdir()
    project.write("tests/test_everything.py", EVERYTHING)
    if how == "file":
        secrets = "bedrock_secrets =\n    tester:first\n    other:second\n"
        project.write("pytest.ini", f"[pytest]\nbedrock_async_dir = s3\nbedrock_blocked_words =\n    bomb\n{secrets}")
        green(Project(project.folder / "tests", project.environ).pytest("--bedrock"), 3)
    else:
        signed = ("--bedrock-secret", "tester:first", "--bedrock-secret", "other:second")
        green(project.pytest("--bedrock", "--bedrock-async-dir", "s3", "--bedrock-blocked-word", "bomb", *signed), 3)
    assert (project.folder / "s3/bucket/prefix").is_dir()


# --- starting and stopping -------------------------------------------------------------------------------------------


def test_an_emulator_that_does_not_start_is_an_error_that_says_why(project: Project) -> None:
    project.write("test_it.py", "def test_it(bedrock):\n    pass\n")
    done = project.pytest("--bedrock", "--bedrock-engine", "nonsense")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: the emulator did not start (exit code 2)" in done.stderr
    assert "'nonsense' is not one of" in done.stderr

    done = project.pytest("--bedrock-engine", "nonsense")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert done.stdout.count("'nonsense' is not one of") == 1
    assert "pytest_plugin" not in done.stdout + done.stderr


def test_a_port_can_be_chosen_and_a_busy_one_is_named(project: Project) -> None:
    project.write("test_it.py", "def test_it(bedrock):\n    pass\n")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        done = project.pytest("--bedrock", "--bedrock-port", port)
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert f"port {port} is in use" in done.stderr
    done = project.pytest("--bedrock", "--bedrock-port", port)
    green(done, 1)
    assert f"bedrock: http://127.0.0.1:{port} " in done.stdout


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_does_not_outlive_pytest_however_that_ends(project: Project, end: signal.Signals) -> None:
    project.write(
        "test_it.py",
        f"""
        import os, pathlib, time

        def test_it(bedrock):
            pathlib.Path("url").write_text(bedrock.endpoint_url)
            bedrock.fault("stall", count=9)
            os.kill(os.getpid(), {end})
            time.sleep({PATIENCE})
        """,
    )
    done = project.pytest("--bedrock")
    assert done.returncode in (pytest.ExitCode.INTERRUPTED, -end), done.stdout + done.stderr
    assert goes((project.folder / "url").read_text())


def test_each_worker_of_xdist_has_its_own(project: Project) -> None:
    pytest.importorskip("xdist")
    project.write("asking.py", ASK)
    project.write(
        "test_many.py",
        """
        import os, pathlib, pytest
        from asking import ask

        @pytest.mark.parametrize("number", range(8))
        def test_it(bedrock, number):
            ask()
            assert len(bedrock.requests()) == 1
            pathlib.Path(os.environ["PYTEST_XDIST_WORKER"]).write_text(bedrock.endpoint_url)
        """,
    )
    green(project.pytest("-p", "xdist", "--bedrock", "-n", "2"), 8)
    urls = {(project.folder / worker).read_text() for worker in ("gw0", "gw1")}
    assert len(urls) == 2
    assert not any(listens(url) for url in urls)


@pytest.mark.parametrize("always", [True, False])
def test_the_workers_of_xdist_cannot_share_a_port(project: Project, always: bool) -> None:
    pytest.importorskip("xdist")
    project.write("test_it.py", "def test_it(bedrock):\n    pass\n")
    done = project.pytest("-p", "xdist", "-n", "2", "--bedrock-port", "8123", *["--bedrock"] * always)
    assert done.returncode == (pytest.ExitCode.USAGE_ERROR if always else pytest.ExitCode.TESTS_FAILED)
    assert "--bedrock-port: the processes of pytest-xdist cannot share one port" in done.stdout + done.stderr


# --- where no test uses it ------------------------------------------------------------------------------------------


def test_unused_it_imports_nothing_that_pytest_has_not_imported(project: Project) -> None:
    project.write(
        "run.py",
        """
        import sys, pytest
        # What pytest's own plugins import.
        pytest.main(["--version", "-p", "no:bedrock_flask"])
        import bedrock_flask
        before = set(sys.modules)
        import bedrock_flask.pytest_plugin
        print("more:", sorted(name for name in set(sys.modules) - before if "bedrock_flask" not in name))
        print("ours:", sorted(name for name in set(sys.modules) - before if "bedrock_flask" in name))
        """,
    )
    done = project.run("run.py", **ALONE)
    assert "more: []" in done.stdout, done.stdout + done.stderr
    emulator = (f"emulator{name}" for name in ("", ".client", ".environ", ".process", ".settings"))
    ours = [f"'bedrock_flask.{name}'" for name in ("config", *emulator, "pytest_plugin")]
    assert f"ours: [{', '.join(ours)}]" in done.stdout


def test_unused_it_starts_nothing_and_changes_nothing(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        import os

        def test_it():
            assert os.environ["AWS_PROFILE"] == "nobody"
        """,
    )
    project.write("conftest.py", "import subprocess\nsubprocess.Popen = None\n")
    done = project.pytest()
    green(done, 1)
    assert "bedrock:" not in done.stdout


def test_a_projects_own_fixture_of_that_name_wins(project: Project) -> None:
    project.write("conftest.py", "import pytest\n@pytest.fixture\ndef bedrock():\n    return 'mine'\n")
    project.write("test_it.py", "def test_it(bedrock):\n    assert bedrock == 'mine'\n")
    green(project.pytest(), 1)


def test_a_conftest_can_bring_it_in_where_plugins_are_not_looked_for(project: Project) -> None:
    project.write("asking.py", ASK)
    project.write("conftest.py", "pytest_plugins = ['bedrock_flask.pytest_plugin']\n")
    project.write("test_it.py", "from asking import ask\ndef test_it():\n    assert 'You said' in ask()\n")
    done = project.run("-m", "pytest", "--bedrock", **ALONE)
    green(done, 1)


def test_pytest_itself_tells_how_it_is_used(project: Project) -> None:
    project.write("test_it.py", "")
    output = project.pytest("--fixtures").stdout
    assert re.search(r"^bedrock .*\n +An emulated Amazon Bedrock", output, re.MULTILINE)
    output = project.pytest("--help").stdout
    for option in ("--bedrock ", "--bedrock-engine", "--bedrock-plugins-dir", "--bedrock-port", "bedrock_engine"):
        assert option in output
    for option in ("--bedrock-async-dir", "--bedrock-blocked-word", "--bedrock-secret", "bedrock_secrets"):
        assert option in output


def test_it_is_an_entry_point_of_the_package(repository: Path) -> None:
    text = (repository / "setup.cfg").read_text()
    assert "pytest11 =\n    bedrock_flask = bedrock_flask.pytest_plugin\n" in text


# --- the documents ---------------------------------------------------------------------------------------------------


def test_the_page_names_every_variable_option_and_member(repository: Path) -> None:
    from bedrock_flask.emulator.environ import UNSET
    from bedrock_flask.pytest_plugin import Request

    text = (repository / "docs/reference/pytest.md").read_text()
    source = (repository / "bedrock_flask/pytest_plugin/__init__.py").read_text()
    options = re.findall(r'"(--bedrock[a-z-]*|bedrock_[a-z_]+)",', source)
    members = [name for kind in (EmulatedBedrock, Request) for name in vars(kind) if not name.startswith("_")]
    for name in (*UNSET, *make_client_environ("", {}), *options, *members, *Request.__dataclass_fields__):
        assert re.search(rf"`{re.escape(name)}\b", text), name


def test_the_example_project_is_green(project: Project, repository: Path) -> None:
    shutil.copytree(repository / "examples/ci", project.folder, dirs_exist_ok=True)
    # As pytest finds the plugin by itself, among all others that are installed.
    green(project.run("-m", "pytest"), 8)


def test_the_tutorial_works_step_by_step_and_ends_in_the_example(project: Project, repository: Path) -> None:
    written = set()
    for name, language, text in blocks(repository / "docs/tutorials/emulator-in-ci.md"):
        if name:
            project.write(name, text)
            written.add(name)
        elif language == "sh":
            last = text.splitlines()[-1]
        elif last.startswith("pytest"):
            green(project.pytest(*last.split()[1:]), int(text.split()[0]))
    example = repository / "examples/ci"
    files = {str(path.relative_to(example)): path for path in example.rglob("*") if path.is_file()}
    files = {name: path for name, path in files.items() if name != "README.md" and "__pycache__" not in name}
    assert written == set(files)
    for name, path in files.items():
        assert (project.folder / name).read_text() == path.read_text(), name


def test_without_the_option_the_tutorials_client_asks_the_real_bedrock_as_it_says(
    project: Project, repository: Path
) -> None:
    page = (repository / "docs/tutorials/emulator-in-ci.md").read_text()
    shutil.copytree(repository / "examples/ci", project.folder, dirs_exist_ok=True)
    project.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y", AWS_DEFAULT_REGION="us-east-1")
    for name in ELSEWHERE:
        if "ENDPOINT_URL_BEDROCK" not in name:
            del project.environ[name]
    # The one file that the page names, and one whose tests ask for the fixture.
    [command] = re.findall(r"^pytest (-o addopts= .*)$", page, re.MULTILINE)
    for tests in (command.split(), ["-o", "addopts=", "test_words.py"]):
        output = project.pytest(*tests).stdout
        assert 'Could not connect to the endpoint URL: "http://127.0.0.1:1/' in output
        assert "passed" not in output
    assert "calls the real Bedrock, even in the tests that use the fixture `bedrock`" in page.replace("\n", " ")


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Each fenced block: the name of the file that it is, or nothing; its language; its text."""
    found = re.findall(r"(?:^`(\S+)`\n\n)?^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return list(found)
