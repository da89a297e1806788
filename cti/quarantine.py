"""Keep what could not be read, with its reason: bounded however much comes, and with a true count."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, F, Q, Sum

from cti.models import QuarantinedMessage
from cti.sources.port import REPAIRED, Quarantined
from telemetry.counters import MESSAGES_QUARANTINED

#: Maximum length of a message kept in quarantine, in bytes.
RAW_BYTES = 65_536
#: Rows for a source in an hour; what comes beyond is counted on one more row.
KEPT_AN_HOUR = 1_000
#: Maximum number of causes that are shown for a day.
CAUSES = 20
#: What an error may quote of a message: text in quotation marks, and numbers as long as a caller's.
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\+?\d{6,}")
#: Places whose values are the contract's own words, never a person's.
_VOCABULARY = ("`$.type`", "`$.specversion`")
OVERFLOW = "More came within the hour than is kept; these were only counted."


def record_quarantine(source_id: int, message: Quarantined, at: datetime) -> None:
    """Keep one message that could not be read."""
    record_quarantined(source_id, [message], at)


def record_quarantined(source_id: int, messages: Iterable[Quarantined], at: datetime) -> None:
    """Keep messages that could not be read; equal ones of the same hour are one row with a count."""
    record_counted(source_id, Counter(messages), at)


def record_counted(source_id: int, messages: Mapping[Quarantined, int], at: datetime) -> None:
    """Keep messages that could not be read and came so often."""
    for message, count in messages.items():
        MESSAGES_QUARANTINED.labels(message.kind).inc(count)
    fresh = {_signature(message): message for message in messages}
    counts = {signature: messages[message] for signature, message in fresh.items()}
    this_hour = QuarantinedMessage.objects.filter(
        source_id=source_id, at__gte=at.replace(minute=0, second=0, microsecond=0), seen_at=None
    )
    for signature in this_hour.filter(signature__in=counts).values_list("signature", flat=True):
        this_hour.filter(signature=signature).update(count=F("count") + counts[signature])
        fresh.pop(signature, None)
    room = max(0, KEPT_AN_HOUR - this_hour.count()) if fresh else 0
    new = [_row(source_id, one, at, signature, counts[signature]) for signature, one in fresh.items()]
    QuarantinedMessage.objects.bulk_create(new[:room])
    _count_overflow(source_id, new[room:], at)


def _count_overflow(source_id: int, rows: list[QuarantinedMessage], at: datetime) -> None:
    if not rows:
        return
    signature, more = f"overflow {at:%Y-%m-%d %H}", sum(row.count for row in rows)
    known = QuarantinedMessage.objects.filter(source_id=source_id, signature=signature)
    if not known.update(count=F("count") + more):
        kind = rows[0].kind
        QuarantinedMessage.objects.create(
            source_id=source_id, at=at, kind=kind, error=OVERFLOW, raw=b"", signature=signature, count=more
        )


class QuarantineCause(NamedTuple):
    """One cause by which messages of a day could not be read: how many, and how many calls they are about."""

    error: str
    messages: int
    calls: int


def causes_since(since: datetime, source_id: int | None = None) -> list[QuarantineCause]:
    """Return the causes of the messages that came since a moment, the most costly first; at most ``CAUSES``."""
    rows = QuarantinedMessage.objects.filter(at__gte=since).exclude(kind=REPAIRED)  # Those cost nothing.
    if source_id is not None:
        rows = rows.filter(source_id=source_id)
    grouped = (
        rows.order_by()
        .values("error")
        .annotate(messages=Sum("count"), calls=Count("call_id", distinct=True, filter=~Q(call_id="")))
    )
    found = grouped.order_by("-calls", "-messages", "error").values_list("error", "messages", "calls")[:CAUSES]
    return [QuarantineCause(*row) for row in found]


def _row(source_id: int, message: Quarantined, at: datetime, signature: str, count: int) -> QuarantinedMessage:
    return QuarantinedMessage(
        source_id=source_id,
        at=at,
        kind=_text(message.kind, 32),
        error=_text(without_values(message.error), 1000),
        place=_text(message.place, 255),
        raw=message.raw[:RAW_BYTES],
        size=len(message.raw),
        call_id=_text(message.call, 255),
        signature=signature,
        count=count,
    )


def without_values(error: str) -> str:
    """Return an error without the values that it quotes: whoever may not see callers sees errors."""
    return error if error.endswith(_VOCABULARY) else _VALUES.sub("\N{HORIZONTAL ELLIPSIS}", error)


def _text(value: str, longest: int) -> str:
    """Return text that every database takes: no NUL, no lone surrogate."""
    return value.replace("\0", "\ufffd").encode(errors="replace").decode()[:longest]


def _signature(message: Quarantined) -> str:
    parts = (message.kind, message.error, message.place)
    digest = hashlib.sha256("\0".join(parts).encode(errors="replace"))
    digest.update(message.raw[:RAW_BYTES])
    return digest.hexdigest()
