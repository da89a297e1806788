"""Flag writes as the consumer sees them: queued with a leg's close, and taken back when they are settled.

All of it runs in the consumer's transaction: no SOAP, no Redis, a few queries whatever the size of the batch.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from flags.catalogue import FlagText
from flags.models import SETTLED, FlagValue, FlagWrite


class NewWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a leg's flags, to be written to its recording."""

    leg_id: int
    source_id: int
    service_id: int
    recording_guid: str
    part: Literal["base", "wrapup"]
    texts: tuple[FlagText, ...]
    at: datetime


class Refusal(msgspec.Struct, frozen=True):
    """A write that cannot be queued: the recording carries such flags already."""

    leg_id: int
    part: Literal["base", "wrapup"]
    reason: str


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """A write that came to its end, not yet taken into its leg."""

    write_id: int
    leg_id: int
    part: Literal["base", "wrapup"]
    state: str
    error_code: str
    error: str
    settled_at: datetime
    attempts: int


class _Standing(msgspec.Struct):
    """What is queued or written for the recordings of a batch."""

    parts: dict[tuple[str, str], int]
    names: dict[str, set[str]]


def queue_writes(new: Sequence[NewWrite]) -> list[Refusal]:
    """Queue writes, each flag of a recording at most once. Returns what was refused, and why.

    A part that stands already for the same leg changes nothing. When another source's consumer queues the same
    recording at the same moment, the constraint raises ``IntegrityError``: roll back and fold the batch again.
    """
    if not new:
        return []
    standing, wanted, refused = _standing([write.recording_guid for write in new]), [], []
    for write in new:
        holder = standing.parts.get((write.recording_guid, write.part))
        if holder == write.leg_id:
            continue
        if reason := _refusal(write, holder, standing):
            refused.append(Refusal(write.leg_id, write.part, reason))
            continue
        standing.parts[(write.recording_guid, write.part)] = write.leg_id
        standing.names[write.recording_guid].update(text.name for text in write.texts)
        wanted.append(write)
    _insert(wanted)
    return refused


def _standing(guids: Sequence[str]) -> _Standing:
    parts = FlagWrite.objects.filter(recording_guid__in=guids).order_by()
    names: dict[str, set[str]] = defaultdict(set)
    values = FlagValue.objects.filter(recording_guid__in=guids).order_by()
    for guid, name in values.values_list("recording_guid", "name"):
        names[guid].add(name)
    return _Standing(
        {(guid, part): leg for guid, part, leg in parts.values_list("recording_guid", "part", "leg_id")}, names
    )


def _refusal(write: NewWrite, holder: int | None, standing: _Standing) -> str:
    if holder is not None:
        return "Another leg's flags stand on this recording; flags can be written only once."
    double = sorted({text.name for text in write.texts} & standing.names[write.recording_guid])
    return f"The flag {double[0]} stands on this recording already." if double else ""


def _insert(writes: Sequence[NewWrite]) -> None:
    rows = FlagWrite.objects.bulk_create(
        FlagWrite(
            leg_id=write.leg_id, source_id=write.source_id, service_id=write.service_id,
            recording_guid=write.recording_guid, part=write.part, not_before=write.at, created_at=write.at,
        )
        for write in writes
    )  # fmt: skip
    FlagValue.objects.bulk_create(
        FlagValue(
            write=row, recording_guid=row.recording_guid, name=text.name, value=text.value, cut=text.cut,
            masked=text.masked,
        )
        for row, write in zip(rows, writes, strict=True)
        for text in write.texts
    )  # fmt: skip


def settled_writes(source_id: int, limit: int) -> list[Settled]:
    """Return writes of a source that are settled and not yet folded, in the order in which they were queued."""
    waiting = FlagWrite.objects.filter(source_id=source_id, folded=False, state__in=SETTLED).order_by("id")
    return [
        Settled(
            write_id=row.pk, leg_id=row.leg_id, part="base" if row.part == "base" else "wrapup", state=row.state,
            error_code=row.error_code, error=row.error, settled_at=row.settled_at or row.created_at,
            attempts=row.attempts,
        )
        for row in waiting[:limit]
    ]  # fmt: skip


def mark_folded(write_ids: Sequence[int]) -> None:
    """Remember that writes have been taken into their legs."""
    FlagWrite.objects.filter(id__in=write_ids).update(folded=True)
