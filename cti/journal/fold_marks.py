"""When a source's journal was folded how far, so that entries are kept for a time after they were folded.

An entry's id does not say when it came: a listener's ids begin with the time at which it became the leader.
"""

from datetime import datetime
from typing import Any

from cti.journal.stream import START, client, translated


def note_folded(slug: str, last_id: str, now: datetime, forget_before: datetime) -> None:
    """Keep that the journal was folded up to ``last_id`` by now; forget what was kept before a moment, but the last.

    Raises ``JournalUnavailable``.
    """
    marks = _marks(slug)
    old = sorted(at for at in marks if at < forget_before.timestamp())[:-1]
    with translated():
        pipe = client().pipeline(transaction=False)
        pipe.hset(_key(slug), str(now.timestamp()), last_id)
        if old:
            pipe.hdel(_key(slug), *(str(at) for at in old))
        pipe.execute()


def folded_by(slug: str, moment: datetime) -> str:
    """Return up to which entry the journal was folded at a moment, "0-0" where that is not known.

    Raises ``JournalUnavailable``.
    """
    marks = _marks(slug)
    last = max((at for at in marks if at <= moment.timestamp()), default=None)
    return START if last is None else marks[last]


def _marks(slug: str) -> dict[float, str]:
    with translated():
        found: Any = client().hgetall(_key(slug))
    return {float(at): entry_id.decode() for at, entry_id in found.items()}


def _key(slug: str) -> str:
    return f"folded:{{{slug}}}"
