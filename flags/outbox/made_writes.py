"""Flag writes as they were made, with their values, for those who compare what would be written today."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from flags.models import SETTLED, FlagValue, FlagWrite, WriteState


class MadeWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A flag write and how it ended; ``settled_at`` None: it has not."""

    leg_id: int
    recording_guid: str
    part: Literal["base", "wrapup"]
    state: str
    settled_at: datetime | None
    error_code: str
    error: str
    values: dict[str, str]

    @property
    def is_written(self) -> bool:
        """Say whether QMS has taken the flags."""
        return self.state == WriteState.WRITTEN


def made_writes(leg_ids: Sequence[int]) -> list[MadeWrite]:
    """Return the flag writes of these legs, settled ones and others."""
    rows = list(FlagWrite.objects.filter(leg_id__in=leg_ids).order_by("id"))
    values: dict[int, dict[str, str]] = {}
    flags = FlagValue.objects.filter(write_id__in=[row.pk for row in rows]).order_by()
    for write_id, name, value in flags.values_list("write_id", "name", "value"):
        values.setdefault(write_id, {})[name] = value
    return [
        MadeWrite(
            leg_id=row.leg_id,
            recording_guid=row.recording_guid,
            part="base" if row.part == "base" else "wrapup",
            state=row.state,
            settled_at=(row.settled_at or row.created_at) if row.state in SETTLED else None,
            error_code=row.error_code,
            error=row.error,
            values=values.get(row.pk, {}),
        )
        for row in rows
    ]
