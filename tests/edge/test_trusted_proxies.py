"""The address of a client behind proxies: what they say of it is believed of those that the operator trusts."""

import http.client
from urllib.parse import urlsplit

import pytest

from tests.doubles import StartGateway
from tests.governed import Governed, start_governed

NETWORKS = {"networks": ["192.0.2.0/24", "2001:db8::/32"]}
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def governed(
    start_gateway: StartGateway, plain_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Governed:
    address = f"sqlite:///{tmp_path_factory.mktemp('database')}/gateway.db"
    own = {"BEDROCK_FLASK_WORKERS": "1", "BEDROCK_FLASK_TRUSTED_PROXIES": f"{PROXY}, 10.0.0.0/8, fd00::/8"}
    return start_governed(start_gateway, plain_environ, address, "gevent", **own)


@pytest.fixture(scope="module")
def key(governed: Governed) -> str:
    return governed.create_key_with(NETWORKS)


def ask(governed: Governed, key: str, peer: str, *headers: tuple[str, str]) -> tuple[int, str]:
    """The status and the text of an answer to a request from an address."""
    port = urlsplit(governed.gateway.url).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(peer, 0))
    connection.putrequest("GET", "/v1/models/nova")
    for name, value in (("x-api-key", key), *headers):
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("hops", "is_allowed"),
    [
        (["192.0.2.7"], True),
        (["198.51.100.1, 192.0.2.7"], True),
        # Behind two proxies, of which the inner one has written last.
        (["192.0.2.7, 10.0.0.9"], True),
        (["192.0.2.7", "10.0.0.9"], True),
        (["192.0.2.7:4711, fd00::9"], True),
        (["[2001:db8::7]:4711"], True),
        (["2001:db8::7"], True),
        (["::ffff:192.0.2.7"], True),
        # What the client has written before its own address.
        (["192.0.2.7, 198.51.100.1"], False),
        (["192.0.2.7, 198.51.100.1, 10.0.0.9"], False),
        (["192.0.2.7", "198.51.100.1"], False),
        (["192.0.2.7, unknown"], False),
        (["192.0.2.7, 192.0.2.7 198.51.100.1"], False),
        (["192.0.2.7,"], True),
        (["10.0.0.9"], False),
        ([""], False),
        ([], False),
    ],
)
def test_the_client_of_trusted_proxies_is_the_last_hop_that_is_none(
    governed: Governed, key: str, hops: list[str], is_allowed: bool
) -> None:
    status, text = ask(governed, key, PROXY, *(("x-forwarded-for", hop) for hop in hops))
    assert status == (200 if is_allowed else 403), text


def test_a_connection_from_elsewhere_is_taken_by_its_own_address(governed: Governed, key: str) -> None:
    status, text = ask(governed, key, STRANGER, ("x-forwarded-for", "192.0.2.7"))
    assert status == 403
    assert f"may not be used from {STRANGER}" in text


@pytest.mark.parametrize(
    "header", [("forwarded", "for=192.0.2.7"), ("x-real-ip", "192.0.2.7"), ("x_forwarded_for", "192.0.2.7")]
)
def test_other_headers_say_nothing(governed: Governed, key: str, header: tuple[str, str]) -> None:
    assert ask(governed, key, PROXY, header)[0] == 403


def test_a_long_hop_is_not_repeated_whole(governed: Governed, key: str) -> None:
    status, text = ask(governed, key, PROXY, ("x-forwarded-for", "9" * 4000))
    assert status == 403
    assert "9" * 46 not in text


def test_the_proxy_s_own_requests_come_from_it(governed: Governed) -> None:
    assert ask(governed, governed.create_key_with({"networks": [PROXY]}), PROXY)[0] == 200
