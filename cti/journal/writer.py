"""The listener's side of the journal: appends under an epoch of its own.

An entry's id is ``EPOCH-COUNTER``. The journal takes ids only in rising order, so a leader of a newer epoch shuts out
every older one at its first append, whether the older one knows it or not. The lease is only an
optimisation: it avoids a second connection to the source.
"""

import time
import uuid
from collections import deque
from collections.abc import Sequence

import structlog

from cti.events import Event, encode
from cti.journal.stream import (
    START,
    Entry,
    Fenced,
    incarnation_key,
    journal_key,
    journal_state,
    run_kept_script,
    run_script,
    storable,
)

#: Entries in one script: Redis serves nobody else meanwhile (a few milliseconds).
AT_ONCE = 500
#: Entries that a writer remembers, to give them again to a Redis that lost them; some seconds at full load.
REMEMBERED = 20_000
FENCED, LOST = b"FENCED", b"LOST"
#: Redis takes all or nothing of a call that it refuses (full, read-only): the check comes before the first write.
APPEND = """
local function before(a, b)
  local a1, a2 = string.match(a, '(%d+)-(%d+)')
  local b1, b2 = string.match(b, '(%d+)-(%d+)')
  if a1 ~= b1 then return tonumber(a1) < tonumber(b1) end
  return tonumber(a2) < tonumber(b2)
end
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'LOST' end
if ARGV[2] ~= '0-0' then
  local about, last = redis.pcall('XINFO', 'STREAM', KEYS[1]), '0-0'
  for i = 1, #about, 2 do if about[i] == 'last-generated-id' then last = about[i + 1] end end
  if before(last, ARGV[2]) then return 'LOST' end
end
for i = 3, #ARGV, 2 do
  local id, payload = ARGV[i], ARGV[i + 1]
  local done = redis.pcall('XADD', KEYS[1], id, 'e', payload)
  if type(done) == 'table' and done.err then
    if not string.find(done.err, 'equal or smaller', 1, true) then return done end
    local there = redis.call('XRANGE', KEYS[1], id, id)
    if not there[1] or there[1][2][2] ~= payload then return 'FENCED ' .. id end
  end
end
return 'OK'
"""
#: The journal's life gets a name when its first writer comes.
IDENTIFY = "redis.call('SET', KEYS[1], ARGV[1], 'NX') return redis.call('GET', KEYS[1])"

log = structlog.get_logger()


def next_epoch(slug: str, above: int = 0) -> int:
    """Return an epoch past every id that the journal gave and past ``above`` (the last one known elsewhere).

    It is the time in milliseconds unless the clock went back. Raises ``JournalUnavailable``.
    """
    last = int(journal_state(slug).last_id.split("-")[0])
    return max(time.time_ns() // 1_000_000, last + 1, above + 1)


class JournalWriter:
    """Append a source's events under one epoch; of several writers only the newest gets through.

    Remembers what it appended lately. When Redis comes back without it (emptied, or its last second lost), the writer
    gives it again before anything newer; ``losses`` counts how often that was.
    """

    def __init__(self, slug: str, epoch: int) -> None:
        self.slug, self.epoch, self.losses = slug, epoch, 0
        self._count = 0
        self._incarnation = b""
        self._last = START
        self._remembered: deque[Entry] = deque(maxlen=REMEMBERED)

    def entries(self, events: Sequence[Event]) -> list[Entry]:
        """Give events their ids; an event is given one once, however often it is then appended."""
        first = self._count + 1
        self._count += len(events)
        return [Entry(f"{self.epoch}-{first + n}", storable(encode(event))) for n, event in enumerate(events)]

    def append(self, events: Sequence[Event]) -> list[Entry]:
        """Append events in order and return their entries. Raises as ``put`` does."""
        entries = self.entries(events)
        self.put(entries)
        return entries

    def put(self, entries: Sequence[Entry]) -> None:
        """Append entries under their own ids; those that are there already are left as they are.

        Raises ``Fenced`` when a newer epoch has appended, ``JournalUnavailable`` when it is not known what was kept:
        the same call may then be repeated.
        """
        for start in range(0, len(entries), AT_ONCE):
            some = entries[start : start + AT_ONCE]
            if not self._appended(some, self._last):
                self._give_again()
                self._appended(some, START)
            self._remembered.extend(some)
            self._last = some[-1].id

    def _appended(self, entries: Sequence[Entry], last: str) -> bool:
        """Append, and say whether the journal still had what this writer appended before."""
        if not self._incarnation:
            self._identify()
        arguments: list[str | bytes] = [self._incarnation, last]
        for entry in entries:
            arguments += (entry.id, entry.payload)
        answer: bytes = run_kept_script(APPEND, [journal_key(self.slug), incarnation_key(self.slug)], arguments)
        if answer.startswith(FENCED):
            raise Fenced(answer.removeprefix(FENCED).strip().decode())
        return answer != LOST

    def _give_again(self) -> None:
        self._identify()
        log.error("journal_lost", source=self.slug, after=self._last, given_again=len(self._remembered))
        remembered = list(self._remembered)
        for start in range(0, len(remembered), AT_ONCE):
            self._appended(remembered[start : start + AT_ONCE], START)
        self.losses += 1

    def _identify(self) -> None:
        fresh = f"{self.slug}-{uuid.uuid4().hex}"
        self._incarnation = run_script(IDENTIFY, [incarnation_key(self.slug)], [fresh])
