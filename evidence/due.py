"""The days that are over and have no seal yet: what keeps them from being signed."""

from collections.abc import Container, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice

import msgspec

from clock.text import site_time
from evidence.audit import entry_problems, order_problems
from evidence.comparison import MAXIMUM_FAULTS, Misfit, sealed_words
from evidence.models import EvidenceBlock, EvidenceSeal
from evidence.records import SealStatement


def due_misfits(now: datetime, accepted: Container[str], *, all_days: bool) -> list[Misfit]:
    """Return what does not fit in the day that is to be sealed next, or in all, some of it where it is much."""
    last = EvidenceSeal.objects.order_by("-day").values_list("day", "statement").first()
    blocks = EvidenceBlock.objects.filter(day__lt=site_time(now).date()).order_by("number")
    try:
        sealed = msgspec.json.decode(last[1], type=SealStatement) if last else None
    except msgspec.MsgspecError:
        return []  # The comparison of the seals says that it is not the one that was made.
    due = list(blocks.filter(day__gt=last[0]) if last else blocks)
    # While something is wrong days become due and none is sealed: each run would read the entries of all of them.
    looked_at = due if all_days else [block for block in due if block.day == due[0].day]
    return list(islice(misfits_of(looked_at, sealed, accepted), MAXIMUM_FAULTS))


def misfits_of(
    blocks: Sequence[EvidenceBlock], sealed: SealStatement | None, accepted: Container[str]
) -> Iterator[Misfit]:
    """Yield why blocks must not be sealed after the last seal, whose statement is ``sealed``, unless it is accepted.

    A block that does not follow the one before has no place in a seal, whatever a person says.
    """
    for day, of_day in groupby(blocks, key=lambda one: one.day.isoformat()):
        name, many = f"{day}, which is to be sealed:", list(of_day)
        try:
            for text in entry_problems(many):
                if f"{name} {text}" not in accepted:
                    yield Misfit(f"{name} {text}", later=sealed_words(day, text))
        except msgspec.MsgspecError:
            yield Misfit(
                f"{name} a header of blocks {many[0].number} to {many[-1].number} cannot be read", acceptable=False
            )
            return
    for text in order_problems(blocks, sealed):
        yield Misfit(f"{blocks[0].day}, which is to be sealed: {text}", acceptable=False)
