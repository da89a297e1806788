"""A call as the switch has it: its parties and their states, and the XML that all its events share."""

from typing import Literal

from simulators.pbx import messages
from simulators.pbx.people import AcdGroup, Contact

SimulatedDirection = Literal["inbound", "outbound", "internal"]


class SimulatedCall:
    """One call. ``parties``: the device of each connection and its state; the trunk's is an opaque id."""

    __slots__ = (
        "began_at",
        "called",
        "calling",
        "contact",
        "direction",
        "ends",
        "id",
        "interaction",
        "is_answered",
        "last",
        "linkage",
        "network",
        "parties",
        "queue",
        "shared",
        "shown_caller",
        "traits",
        "trunk",
        "unique",
    )

    def __init__(
        self,
        call_id: str,
        unique: str,
        interaction: str,
        *,
        direction: SimulatedDirection,
        calling: str,
        called: str,
        began_at: float,
        trunk: str = "",
        queue: AcdGroup | None = None,
        contact: Contact | None = None,
    ) -> None:
        self.id, self.unique, self.interaction, self.began_at = call_id, unique, interaction, began_at
        self.direction, self.calling, self.called, self.trunk = direction, calling, called, trunk
        self.queue, self.contact = queue, contact
        self.parties: dict[str, str] = {}
        self.last = ""
        self.is_answered = False
        self._share()

    def _share(self) -> None:
        self.ends = messages.device("callingDevice", self.calling) + messages.device("calledDevice", self.called)
        self.linkage = messages.linkage(self.unique, self.interaction)
        self.network = self._network()
        self.traits = "<callCharacteristics><acdCall>true</acdCall></callCharacteristics>" if self.queue else ""
        self.shown_caller = messages.caller(self.contact) if self.direction == "inbound" else ""
        #: The end of most events.
        self.shared = f"{self.network}{self.traits}<callLinkageData>{self.linkage}</callLinkageData>"

    def _network(self) -> str:
        if self.direction == "internal":
            return ""
        if self.direction == "outbound":
            return messages.device("associatedCalledDevice", self.trunk_group)
        dialled = self.queue.dialled if self.queue else f"+4420794{self.called:0>5}"
        return (
            messages.device("networkCallingDevice", self.calling)
            + messages.device("networkCalledDevice", dialled)
            + messages.device("associatedCallingDevice", self.trunk_group)
        )

    @property
    def trunk_group(self) -> str:
        """Return the trunk's network interface device."""
        return self.trunk.partition(":")[0]

    @property
    def outside(self) -> str:
        """Return the number of the party outside."""
        return {"inbound": self.calling, "outbound": self.called, "internal": ""}[self.direction]

    @property
    def inside(self) -> list[str]:
        """Return the devices of this switch that are in the call."""
        return [device for device in self.parties if device != self.trunk]

    def number_of(self, device: str) -> str:
        """Return the number of a party: of the trunk's connection, the one outside."""
        return self.outside if device == self.trunk else device

    def at(self, device: str) -> str:
        """Return the content of the ConnectionID of a party."""
        return messages.connection(self.id, device)
