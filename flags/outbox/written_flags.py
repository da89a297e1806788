"""What was written to recordings, for those who show it or forget it."""

from collections.abc import Sequence

import msgspec

from flags.models import FlagValue, FlagWrite, WriteState

#: Stands for a value that was erased.
ERASED = "(erased)"


class WrittenFlag(msgspec.Struct, frozen=True):
    """One flag that QMS has taken for a leg's recording."""

    leg_id: int
    name: str
    value: str


def written_flags(leg_ids: Sequence[int]) -> list[WrittenFlag]:
    """Return the flags that QMS has taken for these legs."""
    taken = FlagValue.objects.filter(write__leg_id__in=leg_ids, write__state=WriteState.WRITTEN)
    return [WrittenFlag(*row) for row in taken.order_by("id").values_list("write__leg_id", "name", "value")]


def sent_values(write_id: int) -> dict[str, str]:
    """Return the values of a flag write by name, without those that were erased."""
    rows = FlagValue.objects.filter(write_id=write_id).exclude(value=ERASED).order_by("id")
    return dict(rows.values_list("name", "value"))


def erase_values(leg_ids: Sequence[int]) -> int:
    """Blank the values that QMS has taken for these legs, and delete the writes that it has not; return how many.

    The rows of what was taken stay, so that no flag is written a second time; a write that failed must not be retried
    without its values.
    """
    writes = FlagWrite.objects.filter(leg_id__in=leg_ids)
    writes.exclude(state=WriteState.WRITTEN).delete()
    return FlagValue.objects.filter(write__in=writes).exclude(value=ERASED).update(value=ERASED)


def forget_writes(leg_ids: Sequence[int]) -> None:
    """Delete the flag writes of legs that are forgotten."""
    FlagWrite.objects.filter(leg_id__in=leg_ids).delete()
