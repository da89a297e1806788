"""A delivery whose processes die at stated points, and a wire on which requests get lost."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from qms.port import Flag, QmsBusy, QmsError, QmsLoginFailed, QmsUnavailable, QmsUnclear
from tests.flags.qms import Line, Recorder, Trouble

if TYPE_CHECKING:
    from tests.flags.test_delivery_machine import DeliveryMachine

POINTS = ("claimed", "asked", "answered", "settling", "settled")
TROUBLES = {
    "lost before": Trouble(QmsUnclear("lost")),
    "lost after": Trouble(QmsUnclear("lost"), is_done=True),
    "away": Trouble(QmsUnavailable("away")),
    "busy": Trouble(QmsBusy("busy")),
    "login": Trouble(QmsLoginFailed("who")),
    "defect": Trouble(KeyError("defect"), is_done=True),
}


class Died(BaseException):
    """The process is killed at this point."""


class Hung(BaseException):
    """A thread never comes back from this request."""


class Inline:
    """A pool whose thread is the caller's own, so that a run can be repeated."""

    def __init__(self, machine: "DeliveryMachine") -> None:
        self.machine = machine

    def submit(self, work: Callable[..., None], *arguments: Any) -> None:
        """Work at once; where every thread hangs, never."""
        if self.machine.hung and self.machine.is_every_thread_hung:
            return
        try:
            work(*arguments)
        except Hung:
            assert self.machine.hung


class Well:
    """A breaker that is always closed."""

    def may_send(self, service_id: int, now: datetime) -> bool:
        return True

    def is_on_trial(self, service_id: int, now: datetime) -> bool:
        return False

    def mark_ok(self, service_id: int, now: datetime) -> None:
        """Need nothing."""

    def mark_failed(self, service_id: int, error: QmsError, now: datetime) -> None:
        """Need nothing."""


class Sent(msgspec.Struct, frozen=True):
    """A request that reached the network."""

    guid: str
    flags: tuple[Flag, ...]


class Wire(Line):
    """A way to the QMS that remembers every request, may hold it back, and at which the gateway may die."""

    def __init__(self, recorder: Recorder, machine: "DeliveryMachine") -> None:
        super().__init__(recorder)
        self.machine = machine

    def write_flags(self, guid: str, flags: Any) -> int:
        """Write; a request that is held back reaches QMS later, when its answer is not waited for any more."""
        sent = Sent(guid, tuple(flags))
        self.machine.sent.append(sent)
        self.machine.checks_the_mark(sent)
        try:
            written = self._sent(guid, flags, sent)
        except QmsUnclear:
            raise
        except QmsError:
            self.machine.not_read_back.discard(sent)
            raise
        self.machine.not_read_back.discard(sent)
        return written

    def flags(self, guid: str) -> list[Flag]:
        """Read back."""
        if self.machine.is_stopped_now(None):
            raise Hung
        flags = super().flags(guid)
        self.machine.not_read_back -= {one for one in self.machine.not_read_back if one.guid == guid}
        return flags

    def _sent(self, guid: str, flags: Any, sent: Sent) -> int:
        self.machine.dies_at("asked")
        if self.machine.is_stopped_now(sent):
            raise Hung
        if self.machine.holds_back:
            self.machine.held_back.append(sent)
            raise QmsUnclear("No answer came in time.")
        written = super().write_flags(guid, flags)
        self.machine.dies_at("answered")
        return written
