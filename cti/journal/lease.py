"""Who leads a source, and who would: a lease in Redis, and beside it the listeners that stand by.

All times are Redis's own, for two hosts' clocks may differ.
"""

from datetime import timedelta
from typing import Any

import msgspec

from cti.journal.call_requests import requests_key
from cti.journal.handed_events import handed_key
from cti.journal.stream import client as journal_client
from cti.journal.stream import run_script, translated

#: A standby reports twice a second; one that has not reported for this time no longer counts, in milliseconds.
PRESENT = timedelta(seconds=5)
#: How long a former standby is remembered, in milliseconds.
REMEMBERED = timedelta(hours=1)
_REMEMBERED_MS = REMEMBERED // timedelta(milliseconds=1)

HOLD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1 + redis.call('EXISTS', KEYS[3], KEYS[4])
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_NOW = "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
STAND_BY = f"""{_NOW}
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1 - redis.call('EXISTS', KEYS[2])
"""
STANDING = f"""{_NOW}
return {{redis.call('GET', KEYS[1]), now, redis.call('ZREVRANGE', KEYS[2], 0, -1, 'WITHSCORES')}}
"""


class Standby(msgspec.Struct, frozen=True):
    """A listener that does not lead. ``silent_for``: the time since it last said that it stands by."""

    owner: str
    silent_for: timedelta

    @property
    def is_present(self) -> bool:
        """Say whether it would lead if the leader died now."""
        return self.silent_for <= PRESENT


class LeaseStanding(msgspec.Struct, frozen=True):
    """Who leads a source (empty: nobody), and who stands by or did within the hour, the last heard of first."""

    leader: str
    standbys: tuple[Standby, ...] = ()


class Lease:
    """The right to lead a source, held for a short time and renewed."""

    def __init__(self, slug: str, owner: str, milliseconds: int = 3000) -> None:
        self._key, self.owner, self._milliseconds = f"lease:{{{slug}}}", owner, milliseconds
        self._standbys = f"standby:{{{slug}}}"
        self._keys = [self._key, self._standbys, handed_key(slug), requests_key(slug)]
        self.is_asked = False

    def hold(self) -> bool:
        """Take or renew the lease and say whether it is ours. Raises ``JournalUnavailable``.

        ``is_asked`` then says whether the gateway has left events or requests for the leader to take.
        """
        answer = int(run_script(HOLD, self._keys, [self.owner, self._milliseconds]))
        self.is_asked = answer > 1
        return answer > 0

    def release(self) -> None:
        """Release the lease, so that another leads at once. Raises ``JournalUnavailable``."""
        run_script(RELEASE, [self._key], [self.owner])

    def holder(self) -> str:
        """Return who leads, empty when nobody does. Raises ``JournalUnavailable``."""
        with translated():
            owner: Any = journal_client().get(self._key)
        return (owner or b"").decode()

    def stand_by(self) -> bool:
        """Report that this listener stands by; say whether nobody leads.

        Raises ``JournalUnavailable``. To be asked before ``hold``: what is sent to a Redis that stands still is done
        when it goes on, and would take the lease, run out meanwhile, from a leader with events in its spool.
        """
        return bool(run_script(STAND_BY, [self._standbys, self._key], [self.owner, _REMEMBERED_MS]))


def standing(slug: str) -> LeaseStanding:
    """Return who leads a source and who stands by. Raises ``JournalUnavailable``."""
    leader, now, standbys = run_script(STANDING, [f"lease:{{{slug}}}", f"standby:{{{slug}}}"], [])
    heard = zip(standbys[::2], standbys[1::2], strict=True)
    found = (Standby(owner.decode(), timedelta(milliseconds=now - float(score))) for owner, score in heard)
    name = (leader or b"").decode()
    return LeaseStanding(name, tuple(one for one in found if one.owner != name))
