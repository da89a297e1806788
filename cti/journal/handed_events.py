"""Events of the gateway's own for a source whose listener writes the journal: it takes them beside those of its link.

A journal has one writer, whose ids an append by anybody else would end. What the listener does not take soon is
dropped: an event of minutes ago would be a lie.
"""

from collections.abc import Sequence

from cti.journal.stream import run_script, storable

#: How long a listener may take to fetch events, in seconds; its link may be down.
KEPT_SECONDS = 15
#: Maximum number of events that wait, and that are fetched at once.
MAXIMUM_WAITING = 20
HAND = """
redis.call('RPUSH', KEYS[1], unpack(ARGV, 2))
redis.call('LTRIM', KEYS[1], -20, -1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
return redis.call('LLEN', KEYS[1])
"""
TAKE = """
local waiting = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
return waiting
"""


def hand_to_listener(slug: str, payloads: Sequence[bytes]) -> None:
    """Leave events for the source's listener. Raises ``JournalUnavailable``."""
    run_script(HAND, [handed_key(slug)], [KEPT_SECONDS, *map(storable, payloads[:MAXIMUM_WAITING])])


def take_handed_events(slug: str) -> list[bytes]:
    """Return the events that were left for the listener, each once. Raises ``JournalUnavailable``."""
    return list(run_script(TAKE, [handed_key(slug)], []))


def handed_key(slug: str) -> str:
    """Return the key of what was left for the source's listener."""
    return f"handed:{{{slug}}}"
