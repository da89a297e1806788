"""Seal the days that are over: one signature over all blocks of a day, and over the seal before."""

from datetime import date, datetime

import msgspec
from django.db import transaction
from django.db.models import Sum

from clock.text import site_time
from evidence.chain import held_head
from evidence.keys import present_key, sign
from evidence.merkle import root_of
from evidence.models import EvidenceBlock, EvidenceSeal
from evidence.records import NOTHING_BEFORE, BlockHeader, SealStatement, as_text, text_hash


def seal_days(now: datetime) -> int:
    """Seal each day that is over and has blocks, oldest first; return how many. Raises ``VaultError``."""
    count = 0
    while (day := oldest_unsealed()) is not None and day < site_time(now).date():
        _seal(day, now)
        count += 1
    return count


def oldest_unsealed() -> date | None:
    """Return the oldest day with blocks and without a seal."""
    last = EvidenceSeal.objects.order_by("-day").values_list("day", flat=True).first()
    blocks = EvidenceBlock.objects.filter(day__gt=last) if last else EvidenceBlock.objects.all()
    return blocks.order_by("day").values_list("day", flat=True).first()


@transaction.atomic
def _seal(day: date, now: datetime) -> None:
    head = held_head()
    if EvidenceSeal.objects.filter(day=day).exists():
        return  # Another worker was quicker.
    # What is appended from now on belongs to a later day, whatever the clock does.
    head.last_day = max(head.last_day or day, site_time(now).date())
    head.save(update_fields=["last_day"])
    blocks = list(EvidenceBlock.objects.filter(day=day).order_by("number").values_list("number", "hash", "header"))
    before = EvidenceSeal.objects.filter(day__lt=day).order_by("-day").first()
    last = msgspec.json.decode(blocks[-1][2], type=BlockHeader)
    first = msgspec.json.decode(blocks[0][2], type=BlockHeader)
    key = present_key(now)
    statement = SealStatement(
        day=day.isoformat(),
        previous=text_hash(before.statement) if before else NOTHING_BEFORE,
        first_block=blocks[0][0],
        blocks=len(blocks),
        last_entry=last.first_entry + last.entries - 1,
        root=root_of([bytes.fromhex(one) for _, one, _ in blocks]).hex(),
        at=now.isoformat(),
        key=key.public,
    )
    text = as_text(statement)
    EvidenceSeal.objects.create(
        day=day,
        statement=text,
        signature=sign(key, text),
        key=key,
        blocks=len(blocks),
        entries=statement.last_entry - first.first_entry + 1,
        at=now,
    )


def sealed_entries() -> int:
    """Return how many entries the seals cover."""
    return EvidenceSeal.objects.aggregate(n=Sum("entries"))["n"] or 0
