"""The line that is written at once is the line that `logging` writes, and a host's own logging gets records."""

import contextlib
import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.observability import logs
from bedrock_flask.observability.log_line import LineHandler, format_line, log_fields

LOG = logging.getLogger("bedrock_flask.request")
USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "time", "level", "logger"}
values = st.one_of(
    st.integers(), st.integers(min_value=2**64), st.floats(allow_nan=False, allow_infinity=False), st.booleans(),
    st.text(), st.sampled_from(("\ud800", "\u2028", "\x7f", "a\nb", '"')), st.lists(st.text(), max_size=3),
)  # fmt: skip
fields = st.dictionaries(st.text(min_size=1, max_size=9).filter(lambda name: name not in USUAL), values, max_size=6)
FIELDS = {
    "request_id": "x",
    "status": 200,
    "route": "/v1/models/<path:name>/invoke",
    "model": "caf\u00e9",
    "seconds": 0.1,
}


@contextlib.contextmanager
def own_logging(out: io.StringIO) -> Iterator[logging.Handler]:
    """The gateway's own logging, to `out`; not a fixture, because pytest adds a handler of its own before each test."""
    logger = logging.getLogger("bedrock_flask")
    before = logger.handlers[:], logger.propagate, logger.level
    with contextlib.redirect_stdout(out):
        logging.config.dictConfig(logs.make_config("info"))
    [own] = logger.handlers
    try:
        yield own
    finally:
        logger.handlers[:], logger.propagate = before[0], before[1]
        logger.setLevel(before[2])


@given(st.floats(0, 4e9, allow_nan=False), fields)
def test_it_is_the_line_that_logging_writes(created: float, extra: dict[str, Any]) -> None:
    config = logs.make_config("info")["formatters"]["json"]
    formatter = logging.config.BaseConfigurator({}).resolve(config["()"])(
        config["fmt"], rename_fields=config["rename_fields"]
    )
    record = logging.makeLogRecord(
        {
            "name": LOG.name,
            "levelname": "INFO",
            "msg": "request",
            "created": created,
            "msecs": created % 1 * 1000,
            **extra,
        }
    )
    usual, direct = formatter.format(record), format_line(created, "INFO", LOG.name, "request", extra)
    assert json.loads(direct) == json.loads(usual)
    assert [*json.loads(direct)] == [*json.loads(usual)]
    assert direct.isascii()
    assert len(direct.splitlines()) == 1


def test_own_logging_gets_the_line_without_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(LOG, "makeRecord", lambda *_, **__: pytest.fail("a record was made"))
    with own_logging(out):
        log_fields(LOG, "request", FIELDS)
    line = json.loads(out.getvalue())
    assert {**FIELDS, "message": "request", "level": "INFO", "logger": LOG.name}.items() <= line.items()


@pytest.mark.parametrize("by", ["a handler more", "a filter", "another handler", "a handler of the logger's own"])
def test_a_host_s_logging_gets_a_record(by: str) -> None:
    out = io.StringIO()
    records: list[logging.LogRecord] = []
    seen = logging.Handler()
    seen.emit = records.append  # type: ignore[method-assign]
    with own_logging(out) as own:
        logger = logging.getLogger("bedrock_flask")
        if by == "a handler more":
            logger.addHandler(seen)
        elif by == "another handler":
            logger.handlers[:] = [seen]
        elif by == "a filter":
            own.addFilter(lambda record: records.append(record) is not None)
        else:
            LOG.addHandler(seen)
        log_fields(LOG, "request", FIELDS)
        LOG.removeHandler(seen)
    [record] = records
    assert vars(record).items() >= FIELDS.items()
    assert (out.getvalue() != "") == (by in ("a handler more", "a handler of the logger's own"))


@pytest.mark.parametrize("level", ["handler", "logger"])
def test_what_is_below_the_level_is_not_written(level: str) -> None:
    out = io.StringIO()
    with own_logging(out) as own:
        (own if level == "handler" else logging.getLogger("bedrock_flask")).setLevel(logging.WARNING)
        log_fields(LOG, "request", FIELDS)
    assert out.getvalue() == ""


def test_a_stream_that_is_broken_is_for_logging_to_report(capsys: Any) -> None:
    with own_logging(io.StringIO()) as own:
        assert isinstance(own, LineHandler)
        own.stream.close()
        log_fields(LOG, "request", FIELDS)
    assert "ValueError" in capsys.readouterr().err
