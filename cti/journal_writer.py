"""The listener's side of the journal: appends under an epoch of its own, and the lease that says who leads.

An entry's id is ``EPOCH-COUNTER``. The journal takes ids only in rising order, so a leader of a newer epoch shuts out
every older one at its first append, whether the older one knows it or not. The lease is mere thrift: it spares the
source a second connection.
"""

import time
from collections.abc import Sequence
from typing import Any

from cti.events import Event, encode
from cti.journal import (
    Entry,
    Fenced,
    incarnation_key,
    journal_key,
    journal_state,
    run_script,
    translated,
)
from cti.journal import client as journal_client

#: Entries in one script: Redis serves nobody else meanwhile (a few milliseconds).
AT_ONCE = 500
FENCED = "FENCED"
#: Redis takes all or nothing of a call that it refuses (full, read-only): the check comes before the first write.
APPEND = """
for i = 2, #ARGV, 2 do
  local id, payload = ARGV[i], ARGV[i + 1]
  local done = redis.pcall('XADD', KEYS[1], id, 'e', payload)
  if type(done) == 'table' and done.err then
    if not string.find(done.err, 'equal or smaller', 1, true) then return done end
    local there = redis.call('XRANGE', KEYS[1], id, id)
    if not there[1] or there[1][2][2] ~= payload then return 'FENCED ' .. id end
  end
end
redis.call('SET', KEYS[2], ARGV[1], 'NX')
return 'OK'
"""
HOLD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def next_epoch(slug: str, above: int = 0) -> int:
    """Return an epoch past every id that the journal gave and past ``above`` (the last one known elsewhere).

    It is the time in milliseconds unless the clock went back. Raises ``JournalUnavailable``.
    """
    last = int(journal_state(slug).last_id.split("-")[0])
    return max(time.time_ns() // 1_000_000, last + 1, above + 1)


def append_entries(slug: str, entries: Sequence[Entry], incarnation: str) -> None:
    """Append entries under their own ids; those that are there already are left as they are.

    Raises ``Fenced`` when a newer epoch has appended, ``JournalUnavailable`` when it is not known what was kept: the
    same call may then be repeated.
    """
    for start in range(0, len(entries), AT_ONCE):
        arguments: list[str | bytes] = [incarnation]
        for entry in entries[start : start + AT_ONCE]:
            arguments += (entry.id, entry.payload)
        answer: bytes = run_script(APPEND, [journal_key(slug), incarnation_key(slug)], arguments)
        if answer.startswith(FENCED.encode()):
            raise Fenced(answer.decode().removeprefix(FENCED).strip())


class Writer:
    """Append a source's events under one epoch; exactly one writer at a time gets through."""

    def __init__(self, slug: str, epoch: int) -> None:
        self.slug, self.epoch, self._count = slug, epoch, 0

    def entries(self, events: Sequence[Event]) -> list[Entry]:
        """Give events their ids; an event is given one once, however often it is then appended."""
        first = self._count + 1
        self._count += len(events)
        return [Entry(f"{self.epoch}-{first + n}", encode(event)) for n, event in enumerate(events)]

    def append(self, events: Sequence[Event]) -> list[Entry]:
        """Append events in order and return their entries. Raises as ``append_entries`` does."""
        entries = self.entries(events)
        self.put(entries)
        return entries

    def put(self, entries: Sequence[Entry]) -> None:
        """Append entries that have their ids. Raises as ``append_entries`` does."""
        append_entries(self.slug, entries, f"{self.slug}-{self.epoch}")


class Lease:
    """The right to lead a source, held for a short time and renewed."""

    def __init__(self, slug: str, owner: str, milliseconds: int = 3000) -> None:
        self._key, self.owner, self._milliseconds = f"lease:{{{slug}}}", owner, milliseconds

    def hold(self) -> bool:
        """Take or renew the lease and say whether it is ours. Raises ``JournalUnavailable``."""
        return bool(run_script(HOLD, [self._key], [self.owner, self._milliseconds]))

    def release(self) -> None:
        """Let another lead at once. Raises ``JournalUnavailable``."""
        run_script(RELEASE, [self._key], [self.owner])

    def holder(self) -> str:
        """Return who leads, empty when nobody does. Raises ``JournalUnavailable``."""
        with translated():
            owner: Any = journal_client().get(self._key)
        return (owner or b"").decode()
