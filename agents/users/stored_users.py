"""The QMS users in the database: the last good list of each Recording Service, and what each load changed."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from agents import models
from agents.users.list_changes import COMPARED, Difference
from qms.port import Licence, ListedUser

#: Rows in one statement.
BATCH = 500
_COLUMNS = ("user_id", *COMPARED)


def known(service_id: int) -> dict[str, ListedUser]:
    """Return the users of a service as it last listed them, by user id."""
    rows = models.QmsUser.objects.filter(service_id=service_id, gone_at=None).values_list(*_COLUMNS)
    users = (ListedUser(**dict(zip(_COLUMNS, row, strict=True))) for row in rows.iterator(chunk_size=2000))
    return {user.user_id: msgspec.structs.replace(user, licence=Licence(user.licence)) for user in users}


def apply(refresh: models.UserRefresh, difference: Difference, now: datetime) -> None:
    """Bring the stored list up to date and keep the difference. To be called in a transaction."""
    rows = [_row(refresh.service_id, user, now) for user in _fresh(difference)]
    models.QmsUser.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["service", "user_id"],
        update_fields=[*COMPARED, "loaded_at", "gone_at"],
    )
    stored = models.QmsUser.objects.filter(service_id=refresh.service_id, gone_at=None)
    for start in range(0, len(difference.gone), BATCH):
        stored.filter(user_id__in=difference.gone[start : start + BATCH]).update(gone_at=now)
    stored.update(loaded_at=now)
    models.UserChange.objects.bulk_create(_changes(refresh, difference), batch_size=BATCH)


def _fresh(difference: Difference) -> Iterator[ListedUser]:
    yield from difference.added
    yield from (one.user for one in difference.changed)


def _row(service_id: int, user: ListedUser, now: datetime) -> models.QmsUser:
    fields = {name: getattr(user, name) for name in _COLUMNS}
    return models.QmsUser(service_id=service_id, loaded_at=now, gone_at=None, **fields)


def _changes(refresh: models.UserRefresh, difference: Difference) -> Iterator[models.UserChange]:
    for user in difference.added:
        yield models.UserChange(refresh=refresh, user_id=user.user_id, kind="added")
    for one in difference.changed:
        for change in one.changes:
            yield models.UserChange(
                refresh=refresh, user_id=one.user.user_id, kind="changed", **msgspec.structs.asdict(change)
            )
    for user_id in difference.gone:
        yield models.UserChange(refresh=refresh, user_id=user_id, kind="gone")
