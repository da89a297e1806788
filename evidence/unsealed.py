"""The blocks that no seal covers yet: whether the end of a day near by will seal them.

A seal is made for each day that is over, and the day of a block stands beside it, unsigned. A day that never comes, or
that is over long ago, would keep a block without a seal for good, while everything seems to fit.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec
from django.db import transaction
from django.db.models import Max, Min

from clock.text import site_time
from evidence.audit import GRACE
from evidence.chain import held_head
from evidence.models import EvidenceBlock, EvidenceSeal
from evidence.progress import ComparisonProgress
from evidence.records import BlockHeader, SealStatement

#: A block may be of tomorrow: clocks of several machines, and a time zone that was changed.
AHEAD = timedelta(days=1)


class Sealed(msgspec.Struct, frozen=True):
    """Where the seals end. ``at``: when the last one was made."""

    block: int = 0
    day: date = date.min
    at: datetime | None = None


def sealed_until(statement: str) -> Sealed:
    """Return where the seals end by the statement of the last one; empty: there is none. Raises ``MsgspecError``."""
    if not statement:
        return Sealed()
    last = msgspec.json.decode(statement, type=SealStatement)
    return Sealed(last.first_block + last.blocks - 1, date.fromisoformat(last.day), datetime.fromisoformat(last.at))


def misfiled(sealed: Sealed, now: datetime) -> Iterator[str]:
    """Yield which blocks without a seal are filed under a day whose end will not seal them, or not soon."""
    earliest, latest, number = sealed.day, site_time(now).date() + AHEAD, sealed.block
    for day, first, last in _days_of_unsealed(sealed):
        if day <= sealed.day:
            yield f"block {first}, which no seal covers, is filed under {day}: no seal will cover it"
        elif day > latest:
            yield f"block {first} is filed under {day}, which has not come: no seal covers it until then"
        elif first <= number or day < earliest:
            yield f"block {first} is filed under {day}, after blocks of another day"
        earliest, number = max(earliest, day), max(number, last)


def _days_of_unsealed(sealed: Sealed) -> list[tuple[date, int, int]]:
    unsealed = EvidenceBlock.objects.filter(number__gt=sealed.block).order_by().values("day")
    found = unsealed.annotate(first=Min("number"), last=Max("number")).values_list("day", "first", "last")
    return sorted(found, key=lambda one: one[1])


def first_waiting(progress: ComparisonProgress, sealed: Sealed, now: datetime) -> ComparisonProgress:
    """Return the progress with a block that waits for its seal, if there is one: the same until it is sealed."""
    since = progress.waiting_since
    is_believed = since is not None and since <= now and (sealed.at is None or since >= sealed.at)
    if progress.waiting > sealed.block and is_believed:
        return progress
    last = EvidenceBlock.objects.order_by("-number").values_list("number", flat=True).first() or 0
    waits = last > sealed.block
    return msgspec.structs.replace(progress, waiting=last if waits else 0, waiting_since=now if waits else None)


def overdue(progress: ComparisonProgress, sealed: Sealed, now: datetime) -> Iterator[str]:
    """Yield which block was seen without a seal more than a day before today, though no day waits for its seal.

    ``progress``: what an earlier look saw, kept outside the database: the days there may be changed day after day.
    """
    if progress.waiting <= sealed.block or progress.waiting_since is None:
        return
    seen, today = site_time(progress.waiting_since), site_time(now - GRACE).date()
    if not EvidenceBlock.objects.filter(number=progress.waiting).exists():
        yield f"block {progress.waiting}, which was seen {seen:%Y-%m-%d %H:%M} and has no seal, is gone"
    elif today > seen.date() + AHEAD and not _is_one_due(now):
        yield f"block {progress.waiting}, which was seen {seen:%Y-%m-%d %H:%M}, has no seal, and no day waits for one"


def _is_one_due(now: datetime) -> bool:
    oldest = oldest_unsealed()
    return oldest is not None and oldest < site_time(now).date()


def oldest_unsealed() -> date | None:
    """Return the oldest day with blocks and without a seal."""
    last = EvidenceSeal.objects.order_by("-day").values_list("day", flat=True).first()
    blocks = EvidenceBlock.objects.filter(day__gt=last) if last else EvidenceBlock.objects.all()
    return blocks.order_by("day").values_list("day", flat=True).first()


@transaction.atomic
def file_by_time(sealed: Sealed, now: datetime) -> int:
    """File the blocks without a seal under the days of which they are, none after today; return how many moved."""
    head = held_head()
    day, moved = sealed.day + timedelta(days=1), 0
    latest = max(day, site_time(now).date())
    for block in EvidenceBlock.objects.filter(number__gt=sealed.block).order_by("number"):
        made = site_time(datetime.fromisoformat(msgspec.json.decode(block.header, type=BlockHeader).at)).date()
        day = min(max(day, made), latest)
        moved += EvidenceBlock.objects.filter(pk=block.pk).exclude(day=day).update(day=day)
    head.last_day = day
    head.save(update_fields=["last_day"])
    return moved
