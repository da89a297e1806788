"""The directory of each CTI source, kept in the process until users, allocations or mappings changed."""

from collections.abc import Iterator
from typing import Any

import msgspec
from django.db.models import Q

from agents.core.matching import Directory, Instance, Listed
from agents.manual_mappings import count_acts, standing_mappings
from agents.models import Allocation, QmsUser, RefreshState, UserRefresh
from cti.models import CtiSource, Seating
from qms.port import Licence

_LISTED = (
    "service_id",
    "user_id",
    "extension",
    "agent_id",
    "first_name",
    "last_name",
    "active",
    "licence",
    "recording_service",
    "service__data_server_id",
)


class _Version(msgspec.Struct, frozen=True):
    """What a directory was made from."""

    refresh_id: int
    newest_user: int
    instances: tuple[Instance, ...]
    mapping_acts: int
    has_fixed_seating: bool


_made: dict[int, tuple[_Version, Directory]] = {}


def load_directory(source_id: int) -> Directory:
    """Return the directory of a source as its services last listed their users.

    Five cheap queries where nothing changed since the last call in this process.
    """
    version = _version(source_id)
    known = _made.get(source_id)
    if known is None or known[0] != version:
        mappings = standing_mappings(source_id)
        directory = Directory(_listed(), version.instances, mappings, has_fixed_seating=version.has_fixed_seating)
        known = _made[source_id] = (version, directory)
    return known[1]


def forget_directories() -> None:
    """Build every directory again at its next use."""
    _made.clear()


def _version(source_id: int) -> _Version:
    seating = CtiSource.objects.filter(pk=source_id).values_list("seating", flat=True).first()
    changing = Q(added__gt=0) | Q(changed__gt=0) | Q(gone__gt=0)
    refreshes = UserRefresh.objects.filter(changing, state=RefreshState.DONE).order_by("-id")
    users = QmsUser.objects.order_by("-id")
    return _Version(
        refresh_id=refreshes.values_list("id", flat=True).first() or 0,
        newest_user=users.values_list("id", flat=True).first() or 0,
        instances=tuple(_instances(source_id)),
        mapping_acts=count_acts(),
        has_fixed_seating=seating == Seating.FIXED,
    )


def _instances(source_id: int) -> Iterator[Instance]:
    rows = Allocation.objects.filter(source_id=source_id, service__enabled=True).order_by("position", "id")
    for service_id, identifiers in rows.values_list("service_id", "service__identifiers"):
        yield Instance(service_id, tuple(str(one) for one in identifiers))


def _listed() -> Iterator[Listed]:
    """Yield the users of every service: one listed elsewhere may belong here, or explain why an agent has none."""
    rows = QmsUser.objects.filter(gone_at=None).order_by("service_id", "id").values_list(*_LISTED)
    for row in rows.iterator(chunk_size=2000):
        yield _one(row)


def _one(row: tuple[Any, ...]) -> Listed:
    service_id, user_id, extension, agent_id, first, last, active, licence, recording_service, server_id = row
    return Listed(
        service_id=service_id,
        user_id=user_id,
        extension=extension,
        agent_id=agent_id,
        active=active,
        name=f"{first} {last}".strip(),
        licensed=licence != Licence.NONE,
        recording_service=recording_service,
        data_server_id=server_id,
    )
