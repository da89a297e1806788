"""A list of users from a file, taken as if the Recording Service had listed it, until its next load."""

from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from agents.models import AgentSessionRecord, CallsAtRisk, Trigger, UserRefresh
from agents.users.refresh import begin_refresh, load
from qms.models import RecordingService
from qms.port import ListedUser, UnreadableUser

# Maximum number of devices of which the effect is computed.
_MAXIMUM_DEVICES = 200_000


class FileUsers(msgspec.Struct, frozen=True):
    """The users of a file, as a source of a load."""

    listed: Sequence[ListedUser | UnreadableUser]

    def users(self) -> Sequence[ListedUser | UnreadableUser]:
        """Return the users."""
        return self.listed


def take(
    service: RecordingService,
    listed: Sequence[ListedUser | UnreadableUser],
    *,
    asked_by: str = "",
    accepts_down_to: int | None = None,
) -> UserRefresh:
    """Load the users of a file and return the load's row. Raises ``RefreshRunning``."""
    run = begin_refresh(service.pk, Trigger.FILE, asked_by=asked_by, accepts_down_to=accepts_down_to)
    return load(run.pk, FileUsers(listed))


def seen_devices() -> Iterator[str]:
    """Yield extensions that the PBX has shown: where agents sat, and where calls found nobody."""
    for table in (AgentSessionRecord, CallsAtRisk):
        rows = table.objects.order_by().values_list("device_id", flat=True).distinct()
        yield from islice(rows.iterator(), _MAXIMUM_DEVICES)
