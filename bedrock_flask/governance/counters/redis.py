"""Counters in Redis or Valkey, which the gateways of many boxes share: one script for each admission, by Redis's clock.

Each worker has one connection, and what arrives while it is in use goes together. Redis has 50 ms to answer. While it
is away, one caller a second tries it, and all others learn at once that it is.

A scope has a hash with a counter for each second (`r17` requests, `t17` tokens) and, of its calls at a time, leases in
a sorted set: they end by themselves unless their worker renews them. The names of a claim have its tree in braces, so
that a cluster keeps them together.
"""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from bedrock_flask.config.limits import REQUESTS, TOKENS
from bedrock_flask.config.state_url import StateURL
from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.counters import Counters
from bedrock_flask.governance.grouping import Grouping
from bedrock_flask.governance.limits import WINDOW, Admission, Claim, Counted, decide, refuse

LOG = logging.getLogger("bedrock_flask.counters")
# Seconds for a connection and for an answer.
_CONNECT, _ANSWER = 0.02, 0.03
# Seconds between two trials of a Redis that is away.
_TRIAL = 1.0
# What is done when a Redis that was away answers again; further leases end by themselves.
_MOST_POSTPONED = 200
# Seconds after which a lease ends, and after which its worker renews it.
_LEASE, _RENEWAL = 60, 20
_NONE = -1
_REASON = "what counts limits does not answer"

_ADMIT = """
local time = redis.call('TIME')
local now = tonumber(time[1])
local window, needed = tonumber(ARGV[1]), {1, tonumber(ARGV[2]), 1}
local lease, lasting = ARGV[3], tonumber(ARGV[4])
local answer, exceeded = {1, now}, {}
for place = 1, #KEYS / 2 do
  local counters, leases = KEYS[2 * place - 1], KEYS[2 * place]
  local taken, latest, stale, seconds = {0, 0, 0}, {now - window - 1, now - window - 1}, {}, {}
  local limits = {}
  for kind = 1, 3 do limits[kind] = tonumber(ARGV[3 * place + 1 + kind]) end
  if limits[1] >= 0 or limits[2] >= 0 then
    seconds = redis.call('HGETALL', counters)
    for at = 1, #seconds, 2 do
      local kind = string.byte(seconds[at]) == 114 and 1 or 2
      local second = tonumber(string.sub(seconds[at], 2))
      if second < now - window then
        stale[#stale + 1] = seconds[at]
      else
        local count = tonumber(seconds[at + 1])
        taken[kind] = taken[kind] + count
        if count > 0 and second > latest[kind] then latest[kind] = second end
      end
    end
    if #stale > 0 then redis.call('HDEL', counters, unpack(stale)) end
  end
  if limits[3] >= 0 then
    redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
    taken[3] = redis.call('ZCARD', leases)
  end
  for kind = 1, 3 do
    answer[#answer + 1] = taken[kind]
    if answer[1] == 1 and limits[kind] >= 0 and needed[kind] > 0 and taken[kind] + needed[kind] > limits[kind] then
      answer[1], exceeded = 0, seconds
    end
  end
  for kind = 1, 2 do answer[#answer + 1] = latest[kind] end
end
if answer[1] == 0 then
  for _, text in ipairs(exceeded) do answer[#answer + 1] = text end
  return answer
end
for place = 1, #KEYS / 2 do
  local counters, leases = KEYS[2 * place - 1], KEYS[2 * place]
  local at = 3 * place + 1
  if tonumber(ARGV[at + 1]) >= 0 then redis.call('HINCRBY', counters, 'r' .. now, 1) end
  if tonumber(ARGV[at + 2]) >= 0 and needed[2] > 0 then redis.call('HINCRBY', counters, 't' .. now, needed[2]) end
  if tonumber(ARGV[at + 1]) >= 0 or tonumber(ARGV[at + 2]) >= 0 then redis.call('EXPIRE', counters, 2 * window) end
  if tonumber(ARGV[at + 3]) >= 0 then
    redis.call('ZADD', leases, now + lasting, lease)
    redis.call('EXPIRE', leases, 2 * lasting)
  end
end
return answer
"""

_SETTLE = """
local now = tonumber(redis.call('TIME')[1])
local window, second, more, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
for place = 1, #KEYS / 2 do
  local counters, leases = KEYS[2 * place - 1], KEYS[2 * place]
  local at = 3 * place + 1
  if tonumber(ARGV[at + 2]) >= 0 and more > 0 then
    redis.call('HINCRBY', counters, 't' .. now, more)
    redis.call('EXPIRE', counters, 2 * window)
  elseif tonumber(ARGV[at + 2]) >= 0 and more < 0 and second >= now - window then
    local name = 't' .. second
    local count = tonumber(redis.call('HGET', counters, name) or '0')
    if count > 0 then redis.call('HSET', counters, name, math.max(count + more, 0)) end
  end
  if tonumber(ARGV[at + 3]) >= 0 then redis.call('ZREM', leases, lease) end
end
return 1
"""

_RENEW = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[1]), ARGV[2])
redis.call('EXPIRE', KEYS[1], 2 * tonumber(ARGV[1]))
return 1
"""

_CHECK = "return 1"


@dataclass(frozen=True, slots=True)
class _Script:
    """One run of a script: its text, and what it is given."""

    text: str
    keys: Sequence[str]
    arguments: Sequence[int | str]


def open_redis(url: StateURL) -> Counters:
    """The counters at an address, which is connected when it is first needed."""
    counters = RedisCounters(url)
    return Counters(counters.admit, counters.settle, counters.check)


class RedisCounters:
    """The counters of one Redis, as one worker uses them; what is away raises StoreUnavailable."""

    def __init__(self, url: StateURL, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = redis.Redis.from_url(
            url.text,
            socket_connect_timeout=_CONNECT,
            socket_timeout=_ANSWER,
            # A client that tries again by itself would exceed the time.
            retry=Retry(NoBackoff(), 0),
            # Otherwise a connection begins with several questions.
            protocol=2,
            driver_info=None,
            max_connections=1,
            health_check_interval=0,
        )
        self._scripts = {text: self._client.register_script(text).sha for text in (_ADMIT, _SETTLE, _RENEW, _CHECK)}
        self._monotonic = monotonic
        self._grouping = Grouping(self._run_group)
        self._next_trial = float("-inf")
        self._is_away = False
        # The names of the sorted sets of each open lease.
        self._leases: dict[str, Sequence[str]] = {}
        # Ends of calls that Redis has not been given yet.
        self._postponed: list[_Script] = []
        self._renewing = threading.Lock()
        self._renewer: threading.Thread | None = None

    def admit(self, claim: Claim) -> Admission:
        """Count a call if it fits into all of its limits."""
        lease = secrets.token_hex(8)
        arguments: list[int | str] = [WINDOW, claim.tokens, lease, _LEASE, *_list_limits(claim)]
        self._reject_if_away()
        try:
            fits, now, *numbers = self._grouping.submit(_Script(_ADMIT, _name_keys(claim), arguments))
        except StoreUnavailable:
            # It may be counted all the same, now or when Redis goes on.
            self._postpone(_end_call(claim, 0, 0, lease))
            raise
        size = len(claim.limits) * 5
        counted = [_read_counted(numbers[at : at + 5], now) for at in range(0, size, 5)]
        levels, excess = decide(claim, counted)
        if not fits and excess is not None:
            return refuse(levels, excess, _read_ages(numbers[size:], excess.level.kind, now))
        if names := [_name_leases(claim.tree, each.scope) for each in claim.limits if each.limits.calls is not None]:
            self._leases[lease] = names
            self._renew_from_now_on()
        return Admission(levels, second=now, lease=lease)

    def settle(self, claim: Claim, admission: Admission, used: int | None) -> None:
        """End an admitted call, or do so when Redis answers again."""
        self._leases.pop(admission.lease, None)
        more = 0 if used is None else used - claim.tokens
        script = _end_call(claim, admission.second, more, admission.lease)
        try:
            self._reject_if_away()
            self._grouping.submit(script)
        except StoreUnavailable:
            self._postpone(script)

    def check(self) -> str:
        """Whether Redis answers."""
        self._reject_if_away()
        self._grouping.submit(_Script(_CHECK, (), ()))
        return ""

    def renew(self) -> None:
        """Renew the leases of the calls that this worker makes."""
        for lease, names in [*self._leases.items()]:
            for name in names:
                # It may be over meanwhile.
                if lease in self._leases:
                    self._reject_if_away()
                    self._grouping.submit(_Script(_RENEW, [name], [_LEASE, lease]))

    # --- the connection -----------------------------------------------------------------------------------------------

    def _reject_if_away(self) -> None:
        """Raise StoreUnavailable if Redis is away, but for one caller a second."""
        if self._is_away:
            now = self._monotonic()
            if now < self._next_trial:
                raise StoreUnavailable(_REASON)
            self._next_trial = now + _TRIAL

    def _postpone(self, script: _Script) -> None:
        if len(self._postponed) < _MOST_POSTPONED:
            self._postponed.append(script)

    def _run_group(self, scripts: Sequence[_Script]) -> Sequence[Any]:
        began, postponed = self._monotonic(), [*self._postponed]
        try:
            try:
                results = self._send([*postponed, *scripts])
            except redis.ConnectionError:
                # The connection may have been closed long ago.
                if self._is_away or self._monotonic() - began > _CONNECT:
                    raise
                results = self._send([*postponed, *scripts])
        except (RedisError, OSError) as error:
            self._note_away(error)
            raise StoreUnavailable(_REASON) from None
        if self._is_away:
            LOG.warning("Redis answers again")
        self._is_away = False
        del self._postponed[: len(postponed)]
        return results[len(postponed) :]

    def _send(self, scripts: Sequence[_Script]) -> Sequence[Any]:
        results = self._execute("EVALSHA", [(self._scripts[script.text], script) for script in scripts])
        # It was started anew, and has no scripts.
        if forgotten := [at for at, result in enumerate(results) if isinstance(result, NoScriptError)]:
            again = self._execute("EVAL", [(scripts[at].text, scripts[at]) for at in forgotten])
            for at, result in zip(forgotten, again, strict=True):
                results[at] = result
        if failed := [result for result in results if isinstance(result, Exception)]:
            raise failed[0]
        return results

    def _execute(self, command: str, runs: Sequence[tuple[str, _Script]]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for name, script in runs:
            pipeline.execute_command(  # type: ignore[no-untyped-call]
                command, name, len(script.keys), *script.keys, *script.arguments
            )
        return pipeline.execute(raise_on_error=False)

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            # Its text may have the address.
            LOG.error("limits are not counted in Redis until it answers: %s", type(error).__name__)
        self._is_away, self._next_trial = True, self._monotonic() + _TRIAL
        self._client.connection_pool.disconnect()

    # --- leases -------------------------------------------------------------------------------------------------------

    def _renew_from_now_on(self) -> None:
        if self._renewer is not None:
            return
        with self._renewing:
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._renew_for_ever, name="leases", daemon=True)
                self._renewer.start()

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(_RENEWAL)
            try:
                self.renew()
            except StoreUnavailable:
                LOG.debug("leases were not renewed")


def _end_call(claim: Claim, second: int, more: int, lease: str) -> _Script:
    return _Script(_SETTLE, _name_keys(claim), [WINDOW, second, more, lease, *_list_limits(claim)])


def _list_limits(claim: Claim) -> list[int]:
    return [
        _NONE if limit is None else limit
        for each in claim.limits
        for limit in (each.limits.requests, each.limits.tokens, each.limits.calls)
    ]


def _name_keys(claim: Claim) -> list[str]:
    return [
        name
        for each in claim.limits
        for name in (f"bedrock-flask:{{{claim.tree}}}:{each.scope}", _name_leases(claim.tree, each.scope))
    ]


def _name_leases(tree: str, scope: str) -> str:
    return f"bedrock-flask:{{{tree}}}:{scope}:calls"


def _read_counted(numbers: Sequence[int], now: int) -> Counted:
    requests, tokens, calls, *latest = numbers
    return Counted(requests, tokens, calls, *(max(second + WINDOW + 1 - now, 0) for second in latest))


def _read_ages(flat: Sequence[bytes], kind: str, now: int) -> Mapping[int, int]:
    """What was taken, by the age of its second, of a hash of a scope."""
    prefix = {REQUESTS: "r", TOKENS: "t"}.get(kind)
    ages = {}
    for name, count in zip(flat[::2], flat[1::2], strict=True):
        letter, second = chr(name[0]), int(name[1:])
        if letter == prefix and now - second <= WINDOW:
            ages[now - second] = int(count)
    return ages
