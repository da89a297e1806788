"""Which process folds which source: leases in Redis, spread over the processes by load (``lease_shares``).

A process takes a source over from a busier one, which goes on until it finds at its next renewal, or when it is
overtaken, that the lease is another's: no source rests meanwhile. Leases only spare work: two processes at one source
do everything twice, and the compared checkpoint lets one of them through. All times are Redis's own.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

import msgspec

from cti.journal.lease_shares import Move, moves_to
from cti.journal.stream import run_script

#: A lease that is not renewed for this time is free, and the process no longer counts as present, in milliseconds.
LEASE_MILLISECONDS = 2000
#: Minimum time between two moves that even loads out, in milliseconds: the loads must be measured first. A process that
#: has no source waits for none: nothing can go back and forth by it.
REST_MILLISECONDS = 10_000
#: Time over which a source's load is averaged, in seconds.
AVERAGED_SECONDS = 5.0
_MEMBERS, _LOADS, _MOVED = "folding:processes", "folding:loads", "folding:moved"
#: Renew what the process has, and return the processes that are present with their loads, and who has which source.
_RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local present, holders = redis.call('ZRANGE', KEYS[1], 0, -1), {}
for i = 4, #KEYS do
  local holder = redis.call('GET', KEYS[i])
  if holder == ARGV[1] then redis.call('PEXPIRE', KEYS[i], ARGV[2]) end
  holders[i - 3] = holder or ''
end
return {present, redis.call('HMGET', KEYS[2], unpack(present)), holders, redis.call('EXISTS', KEYS[3])}
"""
#: Take what still has the holder that the decision was made by; ARGV[4] and following are these holders.
_TAKE = """
local taken = {}
for i = 2, #KEYS do
  if (redis.call('GET', KEYS[i]) or '') == ARGV[i + 2] then
    redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2])
    if ARGV[i + 2] ~= '' then redis.call('SET', KEYS[1], '', 'PX', ARGV[3]) end
    taken[#taken + 1] = i
  end
end
return taken
"""
_RELEASE = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
for i = 4, #KEYS do if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end end
return 0
"""

_encode_load = msgspec.json.Encoder().encode
_decode_load = msgspec.json.Decoder(dict[str, float]).decode


class SourceLeases:
    """The leases of one process. ``owner``: its name, which no other process has."""

    def __init__(self, owner: str, clock: Callable[[], float] = monotonic) -> None:
        self._owner, self._clock = owner, clock
        self._loads: dict[str, float] = {}
        self._worked: dict[str, float] = {}
        self._renewed_at = 0.0
        self._were_free: frozenset[str] = frozenset()

    def renew(self, slugs: Sequence[str], worked: Mapping[str, float]) -> set[str]:
        """Renew what the process has, take what it should have. Returns the sources that are held.

        ``worked``: the seconds that each source took of the process since it was leased. Raises ``JournalUnavailable``.
        """
        if not slugs:
            return set()
        self._measure(worked)
        loads, holders, is_resting = self._renewed(slugs)
        held = {slug for slug, holder in holders.items() if holder == self._owner}
        free = [slug for slug, holder in holders.items() if not holder]
        moves = moves_to(self._owner, loads, free, self._were_free)
        self._were_free = frozenset(free)
        wanted = [one for one in moves if not one.holder or not held or not is_resting]
        held |= self._taken(wanted)
        before = {slug: load for of_process in loads.values() for slug, load in of_process.items()}
        self._loads = {slug: self._loads.get(slug, before.get(slug, 0.0)) for slug in held}
        return held

    def release(self, slugs: Sequence[str]) -> None:
        """Give all leases up, so that others take them at once. Raises ``JournalUnavailable``."""
        run_script(_RELEASE, _keys(slugs), [self._owner])

    def _measure(self, worked: Mapping[str, float]) -> None:
        """Average the share of the process's time that each source takes."""
        present = self._clock()
        elapsed, self._renewed_at = present - self._renewed_at, present
        new_part = 1 - math.exp(-elapsed / AVERAGED_SECONDS)
        for slug in self._loads.keys() & self._worked.keys():
            share = min(max(worked.get(slug, 0.0) - self._worked[slug], 0.0) / max(elapsed, 0.001), 1.0)
            self._loads[slug] += (share - self._loads[slug]) * new_part
        self._worked = {slug: worked.get(slug, 0.0) for slug in self._loads}

    def _renewed(self, slugs: Sequence[str]) -> tuple[dict[str, dict[str, float]], dict[str, str], bool]:
        """Return the load of each source by its process, the holder of each source, and whether moves rest."""
        own = _encode_load({slug: round(load, 3) for slug, load in self._loads.items()})
        names, texts, owners, rests = run_script(_RENEW, _keys(slugs), [self._owner, LEASE_MILLISECONDS, own])
        holders = dict(zip(slugs, (owner.decode() for owner in owners), strict=True))
        stated = {name.decode(): _decode_load(text or b"{}") for name, text in zip(names, texts, strict=True)}
        loads: dict[str, dict[str, float]] = {name: {} for name in stated}
        for slug, holder in holders.items():
            if holder in loads:
                loads[holder][slug] = stated[holder].get(slug, 0.0)
        return loads, holders, bool(rests)

    def _taken(self, moves: Sequence[Move]) -> set[str]:
        if not moves:
            return set()
        keys = [_MOVED, *(_key(one.slug) for one in moves)]
        holders = [one.holder for one in moves]
        taken = run_script(_TAKE, keys, [self._owner, LEASE_MILLISECONDS, REST_MILLISECONDS, *holders])
        return {moves[place - 2].slug for place in taken}


def _key(slug: str) -> str:
    return f"folding:{{{slug}}}"


def _keys(slugs: Sequence[str]) -> list[str]:
    return [_MEMBERS, _LOADS, _MOVED, *map(_key, slugs)]
