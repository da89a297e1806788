"""Flag writes as they were made, with their values, for those who compare what would be written today."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from bulk.statements import fetched, moment, one_of
from flags.models import SETTLED, WriteState

#: By the ORM these rows take three times as long.
_WRITES = """
SELECT id, leg_id, recording_guid, part, state, settled_at, created_at, error_code, error, retries
FROM flags_flagwrite WHERE leg_id {} ORDER BY id
"""
_VALUES = "SELECT write_id, name, value FROM flags_flagvalue WHERE write_id {}"


class MadeWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A flag write and how it ended last; ``settled_at`` None: it has not.

    ``is_sent_again``: a person put it back after it had failed, so that it had ended before, nobody knows when.
    """

    leg_id: int
    recording_guid: str
    part: Literal["base", "wrapup"]
    state: str
    settled_at: datetime | None
    error_code: str
    error: str
    values: dict[str, str]
    is_sent_again: bool = False

    @property
    def is_written(self) -> bool:
        """Say whether QMS has taken the flags."""
        return self.state == WriteState.WRITTEN


def made_writes(leg_ids: Sequence[int]) -> list[MadeWrite]:
    """Return the flag writes of these legs, settled ones and others."""
    of_legs, legs = one_of(leg_ids)
    rows = fetched(_WRITES.format(of_legs), [legs])
    values: dict[int, dict[str, str]] = {}
    of_writes, writes = one_of([row[0] for row in rows])
    for write_id, name, value in fetched(_VALUES.format(of_writes), [writes]):
        values.setdefault(write_id, {})[name] = value
    return [
        MadeWrite(
            leg_id=leg_id,
            recording_guid=guid,
            part="base" if part == "base" else "wrapup",
            state=state,
            settled_at=moment(settled_at or created_at) if state in SETTLED else None,
            error_code=code,
            error=error,
            values=values.get(key, {}),
            is_sent_again=retries > 0,
        )
        for key, leg_id, guid, part, state, settled_at, created_at, code, error, retries in rows
    ]
