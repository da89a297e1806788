"""The side of a simulated QMS for the tests of the contract, and the clock that both share."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from devtools.recorder_contract import NOON
from qms.port import ListedUser
from simulators.qms.people import person
from simulators.qms.records import SimulatedUser
from simulators.qms.site import SimulatedQms


class SimulatedSide:
    """A simulated QMS with two users, its time set by hand."""

    def __init__(self, qms: SimulatedQms) -> None:
        self.qms, self.now = qms, NOON
        self.qms.set_users([person(0), person(1)])

    def __call__(self) -> datetime:
        """Return its time: it is the simulation's clock."""
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def set_now(self, now: datetime) -> None:
        """Take a time as now."""
        self.now = now

    def begins(self, extension: str) -> None:
        """Begin a recording."""
        self.qms.connected(extension, self.now)

    def ends(self, extension: str) -> None:
        """End a recording."""
        self.qms.disconnected(extension, self.now)

    def set_users(self, users: Sequence[ListedUser]) -> None:
        """Take these users."""
        self.qms.set_users([SimulatedUser(**msgspec.structs.asdict(user)) for user in users])
