"""The journal: one Redis stream for each CTI source, in order; from it everything else is derived.

``journal``          read, state, trim; the client and the errors
``journal_writer``   the listener's appends: explicit ids (idempotence, order and fence in one)
``journal_lease``    who leads a source, and who stands by
``journal_intake``   the HTTP intake's appends: each event id once, and the rate limit
``journal_wake``     the wake-up of the consumer
``journal_checks``   settings of the server that can lose what was accepted

``JournalError``
├── ``JournalUnavailable``   Redis is away, full or read-only: nothing is known to have been kept
└── ``Fenced``               a newer listener leads: stop
"""

import contextlib
import functools
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import redis
from django.conf import settings
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from cti.journal.erased_calls import ErasedCalls, erased_calls
from redis_address.pools import AddressPool

#: Above any command of ours, below what a request or a stop may wait.
ANSWER_SECONDS = 1.5
#: Timeout of a connection to Redis, in seconds.
CONNECT_SECONDS = 1.0
#: How long replicas may take to have what was accepted, in milliseconds.
WAIT_MS = 1000
#: The one member of an entry: the event as JSON.
MEMBER = b"e"
#: Entries read at once when a caller is erased.
ERASED_AT_ONCE = 1000
#: Notes of what was erased that are kept; each is of up to 1,000 entries.
MAXIMUM_ERASED = 10_000
#: They are forgotten this long after the archive has forgotten what lay beside the last of them.
ERASED_KEPT = timedelta(days=2)
START = "0-0"
#: Refusals that only a person can correct; all others pass.
NEEDS_A_PERSON = ("NOAUTH", "WRONGPASS", "NOPERM", "WRONGTYPE", "invalid username-password")
#: Escaped in JSON, a NUL has an odd number of backslashes before it.
ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
#: An entry is added and taken away: Redis refuses an id that is not past its last, and remembers one that is.
ADVANCE = """
local done = redis.pcall('XADD', KEYS[1], ARGV[1], 'e', '')
if type(done) == 'table' and done.err then
  if string.find(done.err, 'equal or smaller', 1, true) then return 0 end
  return done
end
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
"""
#: Where forgetting ended is kept with it: at the first entry left, which can be long before what may be forgotten.
TRIM = """
local trimmed = redis.call('XTRIM', KEYS[1], 'MINID', '~', unpack(ARGV))
if trimmed > 0 then
  local left = redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', 1)[1]
  redis.call('SET', KEYS[2], left and left[1] or ARGV[1])
end
return trimmed
"""


class JournalError(Exception):
    """The journal did not do what was asked; ``retryable`` says whether the same may work later."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class JournalUnavailable(JournalError):
    """Redis is away, full, read-only or refuses us; what was asked may or may not have been done."""


class Fenced(JournalError):
    """Another listener has appended a newer epoch: this one no longer leads and must stop."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"A newer listener leads: the journal refused {entry_id}", retryable=False)


class Entry(msgspec.Struct, frozen=True):
    """One event in the journal. ``id``: the stream id; ``payload``: a CloudEvent as JSON."""

    id: str
    payload: bytes


class JournalState(msgspec.Struct, frozen=True):
    """How a journal stands. ``last_id``: the last id ever given, also when trimmed.

    ``incarnation`` names this life of the journal: empty before the first append, another one after Redis lost it.
    ``first_id``: the oldest entry that is still there, empty where there is none. ``trimmed_to``: entries before this
    id may have been forgotten on purpose. ``replication_id`` names the history of the server's writes;
    ``former_replication_id`` that of the server whose replica this one was before it was promoted.
    """

    length: int
    last_id: str
    incarnation: str
    first_id: str = ""
    trimmed_to: str = START
    replication_id: str = ""
    former_replication_id: str = ""


def storable(payload: bytes) -> bytes:
    """Return an event's JSON without NUL characters, which PostgreSQL keeps in no text."""
    return ESCAPED_NUL.sub(rb"\1\\ufffd", payload) if rb"\u0000" in payload else payload


def journal_key(slug: str) -> str:
    """Return the key of a source's stream; the braces keep a source's keys on one node of a cluster."""
    return f"journal:{{{slug}}}"


def incarnation_key(slug: str) -> str:
    """Return the key that names the journal's life."""
    return f"incarnation:{{{slug}}}"


def client() -> "redis.Redis":
    """Return this process's client of the journal's Redis; a child of a fork gets its own."""
    return _client(os.getpid(), settings.JOURNAL_URL)


@functools.lru_cache(maxsize=2)
def _client(_pid: int, url: str) -> "redis.Redis":
    # One more try on a broken connection only: all that we send is harmless when repeated. After a time-out the
    # caller decides, for a second wait of the same length would be too long.
    retry = Retry(ConstantBackoff(0.05), 1, supported_errors=(RedisConnectionError,))
    options: dict[str, float] = {} if url.startswith("unix") else {"socket_connect_timeout": CONNECT_SECONDS}
    pool = AddressPool.from_url(url, protocol=2, socket_timeout=ANSWER_SECONDS, retry=retry, **options)
    return redis.Redis.from_pool(pool)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the client's exceptions into ``JournalUnavailable``."""
    try:
        yield
    except RedisError as error:
        text = str(error)
        retryable = not any(word in text for word in NEEDS_A_PERSON)
        raise JournalUnavailable(f"{type(error).__name__}: {text}", retryable=retryable) from error


@functools.lru_cache(maxsize=32)
def _digest(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def run_script(script: str, keys: list[str], arguments: Sequence[str | bytes | int | float]) -> Any:
    """Run a Lua script, which Redis does as one step, and return its answer.

    Raises ``JournalUnavailable``. Redis forgets scripts when it restarts; they are then sent again.
    """
    server = client()
    with translated():
        try:
            return server.evalsha(_digest(script), len(keys), *keys, *arguments)
        except NoScriptError:
            return server.eval(script, len(keys), *keys, *arguments)


def run_kept_script(script: str, keys: list[str], arguments: Sequence[str | bytes | int | float]) -> Any:
    """Run a script that accepts events, and wait until as many replicas have them as ``JOURNAL_WAIT_REPLICAS`` says.

    Raises ``JournalUnavailable`` where they do not answer in time: the events are in the journal and may be lost at a
    fail-over, so that they are not accepted; the same call may be repeated.
    """
    if not (replicas := settings.JOURNAL_WAIT_REPLICAS):
        return run_script(script, keys, arguments)
    with translated():
        # WAIT is about the writes of its own connection. The mark is one even where the script had nothing to write:
        # a repeated call waits for what the first one wrote.
        pipe = client().pipeline(transaction=False)
        pipe.eval(script, len(keys), *keys, *arguments)
        pipe.set("replicated", "1")
        pipe.wait(replicas, WAIT_MS)
        answer, _, have = pipe.execute()
    if have < replicas:
        raise JournalUnavailable(f"only {have} of {replicas} replicas have the events", retryable=True)
    return answer


def read_journal(slug: str, after: str, count: int) -> list[Entry]:
    """Return up to ``count`` entries that follow ``after`` ("0-0": from the start), oldest first.

    Raises ``JournalUnavailable`` within seconds when Redis does not answer.
    """
    with translated():
        found: Any = client().xrange(journal_key(slug), min=f"({after}", count=count)
    return [Entry(entry_id.decode(), members[MEMBER]) for entry_id, members in found]


def journal_state(slug: str) -> JournalState:
    """Return how the journal stands; one that does not exist has length 0 and last id "0-0"."""
    with translated():
        pipe = client().pipeline(transaction=False)
        pipe.xinfo_stream(journal_key(slug))
        pipe.get(incarnation_key(slug))
        pipe.get(_trimmed_key(slug))
        pipe.info("replication")
        about, *texts, replication = pipe.execute(raise_on_error=False)
        incarnation, trimmed = ((_raised(one) or b"").decode() for one in texts)
        if isinstance(about, ResponseError) and "no such key" in str(about):
            return JournalState(0, START, incarnation)
        stream = _raised(about)
    first = stream["first-entry"][0].decode() if stream["first-entry"] else ""
    last = stream["last-generated-id"].decode()
    names = _replication(replication)
    return JournalState(stream["length"], last, incarnation, first, trimmed or START, *names)


def _replication(about: Any) -> tuple[str, str]:
    """Return the present and the former replication id; hosted servers may not say."""
    if isinstance(about, Exception):
        return "", ""
    return str(about.get("master_replid", "")), str(about.get("master_replid2", ""))


def _trimmed_key(slug: str) -> str:
    return f"trimmed:{{{slug}}}"


def _raised(answer: Any) -> Any:
    """Return an answer out of a pipeline; raise it where it is an error."""
    if isinstance(answer, Exception):
        raise answer
    return answer


def trim_journal(slug: str, before: str, at_most: int | None = None) -> int:
    """Forget entries older than ``before``, the oldest ``at_most``, and return how many; whole nodes only.

    Never by length: that would forget what nobody has read yet.
    """
    limit: list[str | int] = [] if at_most is None else ["LIMIT", at_most]
    return int(run_script(TRIM, [journal_key(slug), _trimmed_key(slug)], [before, *limit]))


def erase_from_journal(slug: str, until: str, text: re.Pattern[bytes]) -> int:
    """Delete the entries up to ``until`` in which the text is found; return how many. What is not folded yet stays.

    Raises ``JournalUnavailable``.
    """
    erased, after = 0, START
    while True:
        with translated():
            found: Any = client().xrange(journal_key(slug), min=f"({after}", max=until, count=ERASED_AT_ONCE)
        if not found:
            return erased
        hits = {key: event for key, fields in found if text.search(event := fields.get(b"e", b""))}
        if hits:
            _note_erased(slug, list(hits.values()), text)
            with translated():
                erased += int(client().xdel(journal_key(slug), *hits))
        after = found[-1][0].decode()


def _note_erased(slug: str, events: list[bytes], text: re.Pattern[bytes]) -> None:
    """Keep of which calls events are erased before the archive has them."""
    note = erased_calls(events, text)
    if note is None:
        return
    with translated():
        client().rpush(_erased_key(slug), msgspec.json.encode(note))
        client().ltrim(_erased_key(slug), -MAXIMUM_ERASED, -1)
        client().expire(_erased_key(slug), timedelta(days=settings.ARCHIVE_DAYS) + ERASED_KEPT)


def erased_in_journal(slug: str) -> list[ErasedCalls]:
    """Return of which calls erasures took events out of the journal. Raises ``JournalUnavailable``."""
    with translated():
        found: Any = client().lrange(_erased_key(slug), 0, -1)
    return [msgspec.json.decode(one, type=ErasedCalls) for one in found]


def _erased_key(slug: str) -> str:
    return f"erased:{{{slug}}}"


def advance_journal(slug: str, past: str) -> bool:
    """Make every later id greater than ``past``, and say whether that was needed.

    For a journal that lost its tail, or all, while the database knows newer ids: what would be appended below the
    checkpoint would never be read.
    """
    return bool(run_script(ADVANCE, [journal_key(slug)], [past]))
