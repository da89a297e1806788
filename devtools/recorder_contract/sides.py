"""What the contract's tests need of the recorder's own side."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

from qms.port import FlagDefinition, ListedUser

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
AGENT, QUEUE = FlagDefinition("AgentId", 20), FlagDefinition("QueueName")

#: Makes these the recorder's users, in this order.
UserSetter = Callable[[Sequence[ListedUser]], None]


class RecorderSide(Protocol):
    """The recorder's own side, moved by the tests; at first its users are at ``PortContract.extensions``.

    Times are passed in: the tests' clock is not the machine's.
    """

    def set_now(self, now: datetime) -> None:
        """Take a time as now."""

    def begins(self, extension: str) -> None:
        """Begin a recording at an extension now; one in progress there ends."""

    def ends(self, extension: str) -> None:
        """End the recording in progress at an extension now."""
