"""Makefile, image, compose file, workflows, stack and wheel agree, as far as that shows without Docker and AWS."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest
import yaml

from bedrock_flask.commands.emulate import emulate
from bedrock_flask.config.settings import Settings, environment_names

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TEMPLATES = sorted((ROOT / "deploy").glob("*.yaml"))
BIN = Path(sys.executable).parent
NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's functions: `!Ref Image` is read as {"Ref": "Image"}."""


def _read_function(loader: Any, name: str, node: yaml.Node) -> Any:
    construct = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
    }
    return {name: construct[type(node)](node)}


Loader.add_multi_constructor("!", _read_function)


def read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader)


def run_checked(*command: str | Path, **options: Any) -> str:
    """Run a command, and return what it prints. The test fails with that output where the command fails."""
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, check=False, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


# --- the Makefile


def test_help_lists_every_target_that_a_user_calls() -> None:
    [phony] = re.findall(r"^\.PHONY: (help .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = run_checked("make", "--no-print-directory", "help").splitlines()
    assert [line.split()[1] for line in listed] == phony.split()


def test_a_machine_without_a_fitting_python_is_told_what_to_install(tmp_path: Path) -> None:
    shutil.copy2(ROOT / "Makefile", tmp_path)
    ran = subprocess.run(["make", "run", "PYTHON="], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "Python 3.11 or newer with venv is needed: apt-get install python3-venv" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]


def test_the_workflows_call_targets_that_there_are() -> None:
    [phony] = re.findall(r"^\.PHONY: (help .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    called = {target for path in WORKFLOWS for target in re.findall(r"run: make ([a-z]+)", path.read_text())}
    assert {"lint", "test", "sabotage", "dev"} <= called <= {*phony.split()}


# --- workflows


def test_the_workflows_fit_githubs_schema() -> None:
    run_checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)


def test_dependabots_file_fits_its_schema_and_looks_after_actions_images_and_packages() -> None:
    file = ROOT / ".github/dependabot.yml"
    run_checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.dependabot", file)
    assert {update["package-ecosystem"] for update in read(file)["updates"]} == {
        "docker",
        "github-actions",
        "npm",
        "pip",
    }


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_pinned_by_its_whole_commit_and_names_its_version(workflow: Path) -> None:
    used = re.findall(r"uses: +(.*)", workflow.read_text())
    foreign = [action for action in used if not action.startswith("./")]
    assert [action for action in foreign if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: +(\S+@\S+)", path.read_text())}
    assert len({line.partition("@")[0] for line in used}) == len(used)


def test_zizmor_finds_nothing_in_the_workflows() -> None:
    run_checked(BIN / "zizmor", "--offline", "--strict-collection", "--no-progress", "--quiet", ".github")


def test_only_the_deployment_gets_more_than_reading() -> None:
    granted = {}
    for path in WORKFLOWS:
        workflow = read(path)
        assert workflow["permissions"] == {"contents": "read"}, path
        granted |= {
            (path.name, name): job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job
        }
    assert granted == {("deploy.yml", "deploy"): {"contents": "read", "id-token": "write"}}
    assert read(ROOT / ".github/workflows/deploy.yml")["jobs"]["deploy"]["environment"] == "production"


# --- the image


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line.strip()]


def last_instruction(name: str) -> str:
    """Return the last instruction of this name in the last stage."""
    stage = instructions()[max(i for i, (word, _) in enumerate(instructions()) if word == "FROM") :]
    return [text for word, text in stage if word == name][-1]


def test_every_base_image_is_pinned_by_digest() -> None:
    images = [text.split()[0] for name, text in instructions() if name == "FROM"]
    assert len(images) == 2
    assert [image for image in images if not re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)] == []
    assert not [image for image in images if ":latest" in image]


def test_the_image_runs_as_nobody_and_starts_without_a_shell() -> None:
    assert last_instruction("USER") == "65532:65532"
    assert json.loads(last_instruction("ENTRYPOINT")) == ["bedrock-flask"]
    assert json.loads(last_instruction("CMD"))[0] == "serve"
    assert not [text for name, text in instructions() if name == "ADD"]


def test_what_the_image_is_made_of_is_not_ignored_and_all_else_is() -> None:
    ignored, *lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    taken = {line.removeprefix("!").rstrip("/") for line in lines if line.startswith("!")}
    copied = {path for name, text in instructions() if name == "COPY" and "--from" not in text for path in text.split()}
    assert ignored == "*"
    assert {path for path in copied if (ROOT / path).is_file()} <= taken
    assert {line for line in taken if not (ROOT / line).exists()} == set()


def load_trimmer() -> Any:
    spec = importlib.util.spec_from_file_location("trim", ROOT / "deploy/trim.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def packages_of(environment: Path) -> Path:
    return environment / "lib/python3.13/site-packages"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the installed boto3, trimmed as for the image."""
    folder = tmp_path_factory.mktemp("environment")
    for package in (boto3, botocore):
        source = Path(package.__file__).parent
        shutil.copytree(source, packages_of(folder) / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    load_trimmer().trim(folder)
    return folder


def test_trimming_leaves_no_service_that_is_not_called(environment: Path) -> None:
    left = {path.name for path in (packages_of(environment) / "botocore/data").iterdir() if path.is_dir()}
    assert left == load_trimmer().SERVICES


def test_the_services_that_botocore_calls_for_credentials_are_left() -> None:
    creation = r"(?:client_creator|create_nested_client)\(\s*(?:self\._session,\s*)?['\"]([\w-]+)['\"]"
    sources = [Path(botocore.__file__).with_name(name).read_text() for name in ("credentials.py", "tokens.py")]
    assert {name for source in sources for name in re.findall(creation, source)} == load_trimmer().FOR_CREDENTIALS


def test_the_trimmed_environment_makes_every_client_that_is_needed(
    environment: Path, plain_environ: dict[str, str]
) -> None:
    program = """
import boto3, botocore, sys
assert botocore.__file__.startswith(sys.argv[1]), botocore.__file__
for name in sys.argv[2:]:
    print(boto3.client(name, "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b").meta.endpoint_url)
"""
    environ = plain_environ | {"PYTHONPATH": str(packages_of(environment))}
    printed = run_checked(
        sys.executable, "-c", program, str(environment), *sorted(load_trimmer().SERVICES), env=environ
    )
    assert len(printed.splitlines()) == len(load_trimmer().SERVICES)


def test_the_gateway_answers_from_the_trimmed_environment(start_gateway: Callable[..., Any], environment: Path) -> None:
    gateway = start_gateway(PYTHONPATH=str(packages_of(environment)))
    assert gateway.post("/v1/models/nova/invoke", NOVA).status_code == 200
    assert "event: usage" in gateway.post("/v1/models/nova/invoke-stream", NOVA).text


def test_doctor_finds_what_it_asks_in_the_trimmed_environment(
    emulator: Any, environment: Path, plain_environ: dict[str, str]
) -> None:
    environ = plain_environ | {"PYTHONPATH": str(packages_of(environment)), "AWS_ENDPOINT_URL": emulator.url}
    report = run_checked(sys.executable, "-m", "bedrock_flask", "doctor", env=environ)
    assert "can be called" in report
    # Doctor called STS, which the emulator serves.
    assert "arn:aws:iam::123456789012:user/emulator" in report


def test_trimming_refuses_an_environment_without_a_service_that_is_needed(tmp_path: Path) -> None:
    (packages_of(tmp_path) / "botocore/data/bedrock").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"no description of bedrock-runtime, signin"):
        load_trimmer().trim(tmp_path)


# --- health checks


def health_checks() -> Iterator[tuple[str, list[str]]]:
    yield "Dockerfile", json.loads(last_instruction("HEALTHCHECK").partition("CMD ")[2])
    for name, service in read(ROOT / "compose.yaml")["services"].items():
        yield f"compose-{name}", service["healthcheck"]["test"][1:]
    yield "ecs", container()["HealthCheck"]["Command"][1:]


def test_a_health_check_tells_a_server_that_answers_from_one_that_does_not(gateway: Any, emulator: Any) -> None:
    ports = {"8000": gateway.url.rpartition(":")[2], "8001": emulator.url.rpartition(":")[2]}
    for source, (python, option, program) in health_checks():
        assert (python, option) == ("python", "-c"), source
        [port] = re.findall(r", (800[01]),", program)
        for real, code in ((ports[port], 0), ("1", 1)):
            command = [sys.executable, "-c", program.replace(port, real)]
            ran = subprocess.run(command, capture_output=True, timeout=30, check=False)
            assert ran.returncode == code, (source, ran.stderr)


# --- compose


def services() -> dict[str, Any]:
    return dict(read(ROOT / "compose.yaml")["services"])


def test_the_compose_file_fits_its_schema() -> None:
    run_checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


@pytest.mark.parametrize("name", services())
def test_a_service_of_the_compose_file_may_do_little_and_is_seen_on_this_machine_only(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [port for port in service["ports"] if not port.startswith("127.0.0.1:")] == []


def test_the_compose_file_brings_no_key_of_its_own() -> None:
    assert re.fullmatch(
        r"\$\{BEDROCK_FLASK_API_KEYS:\?.+\}", services()["gateway"]["environment"]["BEDROCK_FLASK_API_KEYS"]
    )


def test_the_compose_file_names_settings_and_options_that_there_are() -> None:
    given = services()["gateway"]["environment"]
    assert {name for name in given if name.startswith("BEDROCK_FLASK_")} <= set(environment_names())
    command, *options = services()["emulator"]["command"]
    assert command == "emulate"
    assert emulate.make_context(command, options).params["port"] == 8001


def test_compose_gives_streams_the_time_to_finish() -> None:
    assert int(services()["gateway"]["stop_grace_period"].removesuffix("s")) > read_gunicorn_option("graceful_timeout")


# --- the stack


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_cfn_lint_finds_nothing_in_a_template(template: Path) -> None:
    run_checked(BIN / "cfn-lint", template)


def resources() -> Any:
    return read(ROOT / "deploy/ecs.yaml")["Resources"]


def container() -> Any:
    [only] = resources()["Task"]["Properties"]["ContainerDefinitions"]
    return only


def task_environment() -> dict[str, str]:
    return {row["Name"]: row["Value"] for row in container()["Environment"] if isinstance(row["Value"], str)}


def read_gunicorn_option(option: str, environ: dict[str, str] | None = None) -> int:
    """Return the value of gunicorn's option with the shipped configuration."""
    printed = run_checked(
        *(sys.executable, "-m", "gunicorn", "--print-config", "-c", "python:bedrock_flask.gunicorn_conf"),
        "bedrock_flask.app:wsgi_app()",
        env={"PATH": os.environ["PATH"]} | (environ or {}),
    )
    [value] = re.findall(rf"^{option} += (\d+)$", printed, re.MULTILINE)
    return int(value)


def read_attribute(resource: str, attributes: str, key: str) -> int:
    return int({row["Key"]: row["Value"] for row in resources()[resource]["Properties"][attributes]}[key])


def test_the_tasks_role_may_do_what_the_policy_says_and_nothing_else() -> None:
    def shape(statement: Any) -> Any:
        conditions = {kind: sorted(keys) for kind, keys in statement.get("Condition", {}).items()}
        return statement["Sid"], statement["Effect"], statement["Action"], conditions

    [policy] = resources()["TaskRole"]["Properties"]["Policies"]
    statements = [each["If"][1] if "If" in each else each for each in policy["PolicyDocument"]["Statement"]]
    wanted = json.loads((ROOT / "deploy/iam-policy.json").read_text())["Statement"]
    assert [shape(statement) for statement in statements] == [shape(statement) for statement in wanted]
    assert [s["Sid"] for s in statements if s["Resource"] == ["*"]] == [
        s["Sid"] for s in wanted if s["Resource"] == ["*"]
    ]


def test_the_task_is_nobody_with_a_read_only_root_and_no_capabilities() -> None:
    task = container()
    assert (task["User"], task["ReadonlyRootFilesystem"]) == ("65532:65532", True)
    assert task["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}


def test_the_task_names_settings_that_there_are_and_gets_its_keys_as_a_secret() -> None:
    assert {name for name in task_environment() if name.startswith("BEDROCK_FLASK_")} <= set(environment_names())
    assert [row["Name"] for row in container()["Secrets"]] == ["BEDROCK_FLASK_API_KEYS"]


def test_the_load_balancer_waits_longer_than_the_gateway_and_closes_idle_connections_first() -> None:
    given = task_environment()
    idle = read_attribute("LoadBalancer", "LoadBalancerAttributes", "idle_timeout.timeout_seconds")
    assert float(given["BEDROCK_FLASK_DEADLINE"]) < idle < read_gunicorn_option("keepalive", given)


def test_a_task_may_finish_its_streams_before_it_is_killed() -> None:
    grace = read_gunicorn_option("graceful_timeout", task_environment())
    assert grace > Settings().graceful_timeout
    # Fargate waits 120 s at most.
    assert grace < container()["StopTimeout"] <= 120


def test_the_load_balancer_asks_whether_a_task_is_ready() -> None:
    assert resources()["Tasks"]["Properties"]["HealthCheckPath"] == "/readyz"


# --- the wheel


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel, built twice from two copies of the sources."""
    return [build_wheel(tmp_path_factory.mktemp("wheel")) for _ in range(2)]


def build_wheel(folder: Path) -> Path:
    for name in ("bedrock_flask", "plugins"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg"):
        shutil.copy2(ROOT / name, folder)
    environ = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    run_checked(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", folder, env=environ
    )
    [built] = (folder / "dist").iterdir()
    return built


def test_two_builds_give_the_same_wheel(wheels: list[Path]) -> None:
    first, second = (hashlib.sha256(path.read_bytes()).hexdigest() for path in wheels)
    assert first == second


def test_the_wheel_holds_the_two_packages_and_what_its_record_names(wheels: list[Path]) -> None:
    with zipfile.ZipFile(wheels[0]) as archive:
        held = set(archive.namelist())
        [record] = [name for name in held if name.endswith(".dist-info/RECORD")]
        recorded = {line.rsplit(",", 2)[0] for line in archive.read(record).decode().splitlines()}
    assert held == recorded
    assert {name.partition("/")[0] for name in held} == {
        "bedrock_flask",
        "bedrock_flask_plugins",
        record.partition("/")[0],
    }
    # Python runs such a file each time it starts.
    assert not [name for name in held if name.endswith(".pth")]
