"""Which process folds which source: leases in Redis, shared out evenly among the processes that are there.

Leases only spare work: two processes at one source would do everything twice, and the compared checkpoint lets one of
them through. All times are Redis's own.
"""

from collections.abc import Sequence

from cti.journal.stream import run_script

#: A lease that is not renewed for this time is free, in milliseconds.
LEASE_MILLISECONDS = 2000
_MEMBERS = "folding:processes"
#: First the leases that the process has are renewed, as many as are its share, and the others given up; then free ones
#: are taken.
_SHARE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local share = math.ceil((#KEYS - 1) / redis.call('ZCARD', KEYS[1]))
local held, free = {}, {}
for i = 2, #KEYS do
  local owner = redis.call('GET', KEYS[i])
  if not owner then
    free[#free + 1] = i
  elseif owner == ARGV[1] then
    if #held < share then held[#held + 1] = i else redis.call('DEL', KEYS[i]) end
  end
end
for _, i in ipairs(free) do
  if #held < share then held[#held + 1] = i end
end
for _, i in ipairs(held) do redis.call('SET', KEYS[i], ARGV[1], 'PX', ARGV[2]) end
return held
"""
_RELEASE = """
redis.call('ZREM', KEYS[1], ARGV[1])
for i = 2, #KEYS do if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end end
return 0
"""


class SourceLeases:
    """The leases of one process. ``owner``: its name, which no other process has."""

    def __init__(self, owner: str) -> None:
        self._owner = owner

    def renew(self, slugs: Sequence[str]) -> set[str]:
        """Take a fair share of the sources, those that are held already first. Returns the sources that are held.

        Raises ``JournalUnavailable``.
        """
        if not slugs:
            return set()
        held = run_script(_SHARE, _keys(slugs), [self._owner, LEASE_MILLISECONDS])
        return {slugs[place - 2] for place in held}

    def release(self, slugs: Sequence[str]) -> None:
        """Give all leases up, so that others take them at once. Raises ``JournalUnavailable``."""
        run_script(_RELEASE, _keys(slugs), [self._owner])


def _keys(slugs: Sequence[str]) -> list[str]:
    return [_MEMBERS, *(f"folding:{{{slug}}}" for slug in slugs)]
