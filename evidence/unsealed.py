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
from evidence.chain import held_head
from evidence.models import EvidenceBlock, EvidenceSeal
from evidence.progress import ComparisonProgress
from evidence.records import BlockHeader, SealStatement

#: A block may be of tomorrow: clocks of several machines, and a time zone that was changed.
AHEAD = timedelta(days=1)


class Sealed(msgspec.Struct, frozen=True):
    """Where the seals end."""

    block: int = 0
    day: date = date.min


def sealed_until(statement: str) -> Sealed:
    """Return where the seals end by the statement of the last one; empty: there is none. Raises ``MsgspecError``."""
    if not statement:
        return Sealed()
    last = msgspec.json.decode(statement, type=SealStatement)
    return Sealed(last.first_block + last.blocks - 1, date.fromisoformat(last.day))


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


def misplaced() -> Iterator[str]:
    """Yield what stands before the first block: no seal reaches it, and the days of the seals do not show it."""
    first = EvidenceBlock.objects.order_by("number").values_list("number", flat=True).first()
    if first is not None and first < 1:
        yield f"block {first} stands before the first"


def _days_of_unsealed(sealed: Sealed) -> list[tuple[date, int, int]]:
    unsealed = EvidenceBlock.objects.filter(number__gt=sealed.block).order_by().values("day")
    found = unsealed.annotate(first=Min("number"), last=Max("number")).values_list("day", "first", "last")
    return sorted(found, key=lambda one: one[1])


def with_seen(progress: ComparisonProgress, sealed: Sealed, now: datetime) -> ComparisonProgress:
    """Return the progress with the last block of today; what the seals reach by now is forgotten.

    Where days were sealed that have not come, a block counts as seen on the last of these: none before can seal it.
    """
    last = EvidenceBlock.objects.order_by("-number").values_list("number", flat=True).first() or 0
    day = max(site_time(now).date(), sealed.day)
    seen = {**progress.seen, day: max(last, progress.seen.get(day, 0))}
    return msgspec.structs.replace(progress, seen={one: block for one, block in seen.items() if block > sealed.block})


def moved(progress: ComparisonProgress, sealed: Sealed) -> Iterator[str]:
    """Yield which block is gone, or filed under a later day than the one after it was first seen.

    ``progress``: what was seen, kept outside the database: the days there may be changed day after day, and a few
    blocks left to be sealed meanwhile.
    """
    before = sealed.block
    for day, last in sorted(progress.seen.items()):
        blocks = EvidenceBlock.objects.filter(number__gt=before, number__lte=last).order_by("number")
        if (late := blocks.filter(day__gt=day + AHEAD).first()) is not None:
            yield f"block {late.number}, which was there on {day}, is filed under {late.day}"
        if last > before and not blocks.filter(number=last).exists():
            yield f"block {last}, which was there on {day} and has no seal, is gone"
        before = max(before, last)


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
