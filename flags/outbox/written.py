"""What was written to recordings, for those who show it or forget it."""

from collections.abc import Sequence

import msgspec

from flags.models import FlagValue, FlagWrite, WriteState


class WrittenFlag(msgspec.Struct, frozen=True):
    """One flag that QMS has taken for a leg's recording."""

    leg_id: int
    name: str
    value: str


def written_flags(leg_ids: Sequence[int]) -> list[WrittenFlag]:
    """Return the flags that QMS has taken for these legs."""
    taken = FlagValue.objects.filter(write__leg_id__in=leg_ids, write__state=WriteState.WRITTEN)
    return [WrittenFlag(*row) for row in taken.order_by("id").values_list("write__leg_id", "name", "value")]


def forget_writes(leg_ids: Sequence[int]) -> None:
    """Delete the flag writes of legs that are forgotten."""
    FlagWrite.objects.filter(leg_id__in=leg_ids).delete()
