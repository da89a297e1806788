"""Queue flag writes with their values by one statement, on PostgreSQL, without a query for what may be in the way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from django.db import connection

from bulk.arrays import array
from flags.catalogue.values import FlagText
from flags.models import UNSETTLED, FlagWrite


class NewWrite(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a leg's flags, to be written to its recording. ``connected_at``: when the leg was connected."""

    leg_id: int
    source_id: int
    service_id: int
    recording_guid: str
    part: Literal["base", "wrapup"]
    texts: tuple[FlagText, ...]
    at: datetime
    connected_at: datetime | None = None
    is_canary: bool = False


def queue_at_once(new: Sequence[NewWrite]) -> bool:
    """Queue all writes, or none where anything is in the way of one: another write, a flag of the same name.

    Call it in a transaction. It waits for what another process is queueing at this moment.
    """
    if connection.vendor != "postgresql" or not all(write.texts for write in new):
        return False
    texts = [(write, text) for write in new for text in write.texts]
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [*_write_arrays(new), *_text_arrays(texts)])
        keys, values = cursor.fetchone()
    if (len(keys), values) == (len(new), len(texts)):
        return True
    # Not committed yet, so nobody has seen them; no write may have half of its flags.
    FlagWrite.objects.filter(pk__in=keys).delete()
    return False


def _write_arrays(new: Sequence[NewWrite]) -> list[str]:
    rows = (
        (
            one.leg_id,
            one.source_id,
            one.service_id,
            one.recording_guid,
            one.part,
            one.at,
            one.connected_at,
            one.is_canary,
        )
        for one in new
    )
    return [array(column) for column in zip(*rows, strict=True)]


def _text_arrays(texts: Sequence[tuple[NewWrite, FlagText]]) -> list[str]:
    rows = ((one.recording_guid, one.part, text.name, text.value, text.cut, text.masked) for one, text in texts)
    return [array(column) for column in zip(*rows, strict=True)]


#: A wrap-up waits as long as its base flags; their state is no condition, or PostgreSQL would look for those of each
#: among all that waits, by the index of what is due. The values are numbered in their order: so they are sent.
_SQL = f"""
WITH wrote AS (
    INSERT INTO flags_flagwrite (leg_id, source_id, service_id, recording_guid, part, state, attempts, not_before,
                                 created_at, error_code, error, folded, is_canary, is_shadow)
    SELECT leg_id, source_id, service_id, recording_guid, part, 'queued', 0,
           GREATEST(at, (SELECT CASE WHEN base.state IN ({", ".join(f"'{state}'" for state in UNSETTLED)})
                                     THEN base.not_before END
                         FROM flags_flagwrite AS base
                         WHERE base.recording_guid = new.recording_guid AND base.part = 'base')),
           at, '', '', FALSE, is_canary,
           COALESCE((SELECT service.shadow OR COALESCE(new.connected_at < service.writing_since, FALSE)
                     FROM qms_recordingservice AS service WHERE service.id = new.service_id), FALSE)
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],
                %s::boolean[])
         AS new (leg_id, source_id, service_id, recording_guid, part, at, connected_at, is_canary)
    ON CONFLICT (recording_guid, part) DO NOTHING
    RETURNING id, recording_guid, part
), carried AS (
    INSERT INTO flags_flagvalue (write_id, recording_guid, name, value, cut, masked)
    SELECT wrote.id, recording_guid, name, value, cut, masked
    FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::boolean[]) WITH ORDINALITY
         AS text (recording_guid, part, name, value, cut, masked, place)
    JOIN wrote USING (recording_guid, part)
    ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT ARRAY(SELECT id FROM wrote), (SELECT count(*) FROM carried)
"""  # noqa: S608  (the states are the model's own words)
