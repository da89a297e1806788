"""The HTTP intake's side of the journal: many writers, each event id once, and the rate limit of each token.

Ids seen are kept for a day, in sets of some hours each: a batch asks each set once, and a set that is past its time is
unlinked, which Redis frees in the background. A key for each id would take about twice the memory and an expiry each.
"""

import hashlib
import math
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from django.conf import settings

from cti.bounds import REQUEST_BYTES, REQUEST_EVENTS, TOKEN_BYTES, TOKEN_EVENTS, Bound
from cti.journal.stream import START, incarnation_key, journal_key, run_kept_script, run_script
from telemetry.counters import EVENTS_ACCEPTED, EVENTS_DUPLICATE

#: Full sets that are asked; one more is filling.
PARTS = 4
#: Maximum newest events that are counted, and their age.
NEWEST = 1000
#: Age up to which an event counts as recent, in milliseconds.
LATELY_MS = 60_000
#: Events in one script: Redis serves nobody else meanwhile (a few milliseconds).
AT_ONCE = 500
#: Decided and written in one step: a repeat after a lost answer finds its ids and appends nothing. Redis refuses at the
#: first write or not at all, so that no id is remembered whose event was not taken.
APPEND_UNIQUE = """
local part = math.floor(redis.call('TIME')[1] / ARGV[2])
local n = (#ARGV - 3) / 2
local ids, seen = {}, {}
for i = 1, n do ids[i] = ARGV[2 + 2 * i] end
for back = 1, ARGV[3] do
  local older = KEYS[3] .. (part - back)
  if redis.call('EXISTS', older) == 1 then
    local answers = redis.call('SMISMEMBER', older, unpack(ids))
    for i = 1, n do if answers[i] == 1 then seen[i] = true end end
  end
end
local filling, accepted = KEYS[3] .. part, 0
for i = 1, n do
  if not seen[i] and redis.call('SADD', filling, ids[i]) == 1 then
    redis.call('XADD', KEYS[1], '*', 'e', ARGV[3 + 2 * i])
    accepted = accepted + 1
  end
end
if accepted > 0 then
  redis.call('EXPIRE', filling, ARGV[2] * (ARGV[3] + 2))
  redis.call('SET', KEYS[2], ARGV[1], 'NX')
  redis.call('UNLINK', KEYS[3] .. (part - ARGV[3] - 1))
end
return accepted
"""
#: Token buckets: all or none of them give what is wanted. Redis's clock is the only one that all web processes share.
TAKE = """
local time, left = redis.call('TIME'), {}
local now = time[1] + time[2] / 1000000
for i = 1, #KEYS do
  local rate, burst, wanted = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local bucket = redis.call('HMGET', KEYS[i], 'left', 'at')
  left[i] = math.min(burst, (bucket[1] or burst) + math.max(0, now - (bucket[2] or now)) * rate) - wanted
  if left[i] < 0 then return {i, tostring(-left[i] / rate)} end
end
for i = 1, #KEYS do
  redis.call('HSET', KEYS[i], 'left', tostring(left[i]), 'at', string.format('%.6f', now))
  redis.call('EXPIRE', KEYS[i], math.ceil(ARGV[3 * i - 1] / ARGV[3 * i - 2]) + 1)
end
return {0, '0'}
"""
#: Only reads. Redis's clock made the ids, so it counts their age; the events themselves do not leave Redis.
LATELY = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local about, last = redis.pcall('XINFO', 'STREAM', KEYS[1]), ARGV[3]
for i = 1, #about, 2 do if about[i] == 'last-generated-id' then last = about[i + 1] end end
local fresh = redis.call('XREVRANGE', KEYS[1], '+', now - ARGV[1], 'COUNT', ARGV[2])
local oldest = fresh[#fresh]
return {now, last, #fresh, oldest and oldest[1] or last}
"""


class Arrival(msgspec.Struct, frozen=True):
    """An event as it came over HTTP. ``event_id``: the source's own id, by which a duplicate is known."""

    event_id: str
    payload: bytes


class Appended(msgspec.Struct, frozen=True):
    """What became of a batch: how many events are new in the journal, and how many it had."""

    accepted: int
    duplicates: int


class RecentIds(msgspec.Struct, frozen=True):
    """What a source's journal took lately, by Redis's clock.

    ``last_at``: when the last event was accepted, also when it was trimmed; None where the journal never had one, or
    was lost. ``fresh``: how many events came within the last minute; ``NEWEST`` when there were as many or more, and
    ``within`` is then the time since the oldest of these.
    """

    last_at: datetime | None = None
    fresh: int = 0
    within: timedelta = timedelta()


def append_unique(slug: str, arrivals: Sequence[Arrival]) -> Appended:
    """Append the events whose id the source has not sent within the time to remember (a day).

    Raises ``JournalUnavailable`` when it is not known what was kept; the same call may then be repeated.
    """
    accepted = 0
    keys = [journal_key(slug), incarnation_key(slug), f"seen:{{{slug}}}:"]
    seconds = max(1, settings.INTAKE_REMEMBER_SECONDS // PARTS)
    for start in range(0, len(arrivals), AT_ONCE):
        arguments: list[str | bytes | int] = [f"{slug}-{uuid.uuid4().hex}", seconds, PARTS]
        for one in arrivals[start : start + AT_ONCE]:
            arguments += (_dedup_key(one.event_id), one.payload)
        accepted += int(run_kept_script(APPEND_UNIQUE, keys, arguments))
    EVENTS_ACCEPTED.labels(slug).inc(accepted)
    EVENTS_DUPLICATE.labels(slug).inc(len(arrivals) - accepted)
    return Appended(accepted, len(arrivals) - accepted)


def accepted_lately(slug: str) -> RecentIds:
    """Return when the last event was accepted and how many were within the last minute.

    For people: a page asks when it is looked at. Raises ``JournalUnavailable``.
    """
    now, last, fresh, oldest = run_script(LATELY, [journal_key(slug)], [LATELY_MS, NEWEST, START])
    if not _milliseconds(last):
        return RecentIds()
    within = timedelta(milliseconds=now - _milliseconds(oldest))
    return RecentIds(datetime.fromtimestamp(_milliseconds(last) / 1000, UTC), fresh, within)


def _milliseconds(entry_id: bytes) -> int:
    return int(entry_id.partition(b"-")[0])


def _dedup_key(event_id: str) -> bytes:
    """Return an id's mark in the sets: as short as is safe, of one length whatever a client sends."""
    return hashlib.blake2b(event_id.encode(), digest_size=16).digest()


class Shortage(msgspec.Struct, frozen=True):
    """An allowance that is used up, and after how many seconds the same request can have it."""

    bound: Bound
    seconds: int


def take_allowance(token_id: int, events: int, size: int) -> Shortage | None:
    """Take events and bytes from a token's allowances; both or neither.

    A request of more than a second's allowance waits for full buckets, but not longer. Raises ``JournalUnavailable``.
    """
    wanted = ((TOKEN_EVENTS, REQUEST_EVENTS, events), (TOKEN_BYTES, REQUEST_BYTES, size))
    keys = [f"allowance:{token_id}:{bound.setting}" for bound, _, _ in wanted]
    numbers = [(bound.maximum, max(bound.maximum, request.maximum), amount) for bound, request, amount in wanted]
    place, seconds = run_script(TAKE, keys, [number for one in numbers for number in one])
    return Shortage(wanted[place - 1][0], math.ceil(float(seconds))) if place else None
