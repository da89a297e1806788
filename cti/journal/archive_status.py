"""What each machine's archive last reported of itself, in Redis, where health and metrics of any process see it."""

from datetime import datetime
from typing import Any

import msgspec

from cti.journal.stream import client, translated

_KEY = "archive"
#: Time after which nothing is said of an archive that has not reported, in seconds.
KEPT_SECONDS = 3 * 86_400


class ArchiveStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the archive of one machine stands. ``behind``: sources that it lacks events of, and the first one's moment.

    ``error``: why the last run ended early, empty where it did not. ``oldest``: the moment of the oldest event kept.
    """

    at: datetime
    size_bytes: int
    oldest: datetime | None = None
    behind: dict[str, datetime] = {}
    error: str = ""


_decoder = msgspec.json.Decoder(ArchiveStatus)


def report_archive(machine: str, status: ArchiveStatus) -> None:
    """Keep what an archive says of itself. Raises ``JournalUnavailable``."""
    with translated():
        pipe = client().pipeline(transaction=False)
        pipe.hset(_KEY, machine, msgspec.json.encode(status))
        pipe.expire(_KEY, KEPT_SECONDS)
        pipe.execute()


def archive_reports() -> dict[str, ArchiveStatus]:
    """Return the last report of each machine. Raises ``JournalUnavailable``."""
    with translated():
        found: Any = client().hgetall(_KEY)
    return {machine.decode(): _decoder.decode(text) for machine, text in found.items()}
