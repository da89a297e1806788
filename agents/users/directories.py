"""The directory of each CTI source, kept in the process until users, allocations or mappings changed."""

from collections.abc import Iterator
from typing import Any

import msgspec

from agents.core.matching import Directory, Instance, Listed
from agents.manual_mappings import standing_mappings
from agents.models import Allocation, QmsUser, RefreshState
from bulk.statements import fetched
from cti.models import Seating
from qms.models import RecordingService
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


#: What is another one when the users of QMS or their mappings have changed: columns of a statement. Loads that run
#: count too, their number and sum: services are loaded beside each other, and one that was begun earlier may end last.
NEWEST_USERS = f"""
(SELECT max(id) FROM agents_userrefresh WHERE state = '{RefreshState.DONE}'
 AND (added > 0 OR changed > 0 OR gone > 0)),
(SELECT count(*) || '/' || COALESCE(sum(id), 0) FROM agents_userrefresh WHERE state = '{RefreshState.RUNNING}'),
(SELECT max(id) FROM agents_qmsuser),
(SELECT count(*) FROM agents_mappingact)
"""  # noqa: S608  (the states are the model's own words)
_NEWEST = f"SELECT {NEWEST_USERS}, (SELECT seating FROM cti_ctisource WHERE id = %s)"  # noqa: S608  (the same)


class _Version(msgspec.Struct, frozen=True):
    """What a directory was made from."""

    refresh_id: int
    running: str
    newest_user: int
    instances: tuple[Instance, ...]
    data_servers: tuple[tuple[int, int], ...]
    mapping_acts: int
    has_fixed_seating: bool


_made: dict[int, tuple[_Version, Directory]] = {}


def load_directory(source_id: int) -> Directory:
    """Return the directory of a source as its services last listed their users.

    Three cheap statements where nothing changed since the last call in this process.
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
    refresh_id, running, newest_user, mapping_acts, seating = fetched(_NEWEST, [source_id])[0]
    return _Version(
        refresh_id=refresh_id or 0,
        running=running,
        newest_user=newest_user or 0,
        instances=tuple(_instances(source_id)),
        data_servers=tuple(RecordingService.objects.order_by("id").values_list("id", "data_server_id")),
        mapping_acts=mapping_acts,
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
