"""What the simulated contact centre reports: messages of the switch, the network tap, and the truth for the ledger."""

import msgspec

from simulators.pbx.people import Contact, SimulatedAgent


class SwitchMessage(msgspec.Struct, frozen=True, gc=False):
    """An event for the monitors of a device; ``body`` is its XML after the monitorCrossRefID."""

    device: str
    name: str
    body: str


class TapReport(msgspec.Struct, frozen=True, gc=False):
    """What the network shows: a conversation begins or ends at an extension."""

    extension: str
    is_connected: bool


class TrueLeg:
    """One extension's part in one call: what a recording of it would have to carry. Times are virtual seconds."""

    __slots__ = (
        "agent",
        "call_refs",
        "called",
        "calling",
        "connected_at",
        "contact",
        "direction",
        "disconnected_at",
        "ended",
        "heard",
        "interaction",
        "linkage",
        "number",
        "query",
        "queue_name",
        "wrapup",
    )

    def __init__(self, number: int, agent: SimulatedAgent, call_ref: str, interaction: str, at: float) -> None:
        self.number, self.agent, self.interaction, self.connected_at = number, agent, interaction, at
        self.call_refs = [call_ref]
        self.disconnected_at: float | None = None
        self.calling = self.called = self.direction = self.ended = self.linkage = ""
        self.queue_name: str | None = None
        self.contact: Contact | None = None
        self.wrapup: tuple[str, str] | None = None
        self.query: dict[str, str] = {}
        #: Whether somebody monitored the extension all the time; the switch's side of the wire knows.
        self.heard = False


class UnansweredCall(msgspec.Struct, frozen=True):
    """A call that no extension answered."""

    call_ref: str
    interaction: str
    queue_name: str | None
    calling: str
    began_at: float
    ended_at: float
    ended: str


class SwitchReport(msgspec.Struct):
    """All that happens at one moment, in order. ``settled``: legs of which nothing more will become known."""

    at: float
    messages: list[SwitchMessage] = []
    taps: list[TapReport] = []
    closed: list[TrueLeg] = []
    settled: list[TrueLeg] = []
    unanswered: list[UnansweredCall] = []

    @property
    def is_empty(self) -> bool:
        """Say whether nothing happened."""
        return not (self.messages or self.taps or self.closed or self.settled or self.unanswered)
