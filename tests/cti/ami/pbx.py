"""An Asterisk in words: what it would say on AMI, written by hand for cases of which there is no recording."""

from dataclasses import dataclass, field
from typing import Any

START = 1795400000.0


@dataclass(eq=False)
class Line:
    """A channel as the scenario names it."""

    name: str
    uid: str
    linked: str
    number: str = ""
    caller_name: str = "<unknown>"
    context: str = "internal"
    exten: str = "s"
    state: int = 0
    connected: str = "<unknown>"
    variables: dict[str, str] = field(default_factory=dict)


class Pbx:
    """Write messages in Asterisk's own order of keys; ``passes`` moves its clock."""

    def __init__(self, system: str = "") -> None:
        self.said: list[str] = []
        self.now, self.count, self._system = START, 0, system

    @property
    def data(self) -> bytes:
        """Return the stream, banner first."""
        return b"Asterisk Call Manager/11.0.0\r\n" + "".join(self.said).encode()

    def passes(self, seconds: float) -> "Pbx":
        """Let time pass."""
        self.now += seconds
        return self

    def says(self, event: str, *blocks: dict[str, Any], **fields: Any) -> None:
        """Write one event."""
        self.now += 0.0005
        head = {"Event": event, "Privilege": "call,all"}
        if self._system:
            head["SystemName"] = self._system
        head["Timestamp"] = f"{self.now:.6f}"
        lines: list[str] = []
        for block in (head, *blocks, fields):
            for key, value in block.items():
                values = value if isinstance(value, list) else [value]
                lines.extend(f"{key}: {one}\r\n" for one in values)
        self.said.append("".join(lines) + "\r\n")

    # -- channels --------------------------------------------------------------------------------------------------

    def line(self, peer: str, like: Line | None = None, **known: Any) -> Line:
        """Make a channel; ``like``: it is dialled for that one and has its Linkedid."""
        serial = f"{self.count:08x}"
        uid = f"{self._system + '-' if self._system else ''}{int(self.now)}.{self.count}"
        self.count += 1
        name = known.pop("name", "") or f"{peer}-{serial}"
        line = Line(name, uid, like.linked if like else uid, **known)
        self.says("Newchannel", block(line))
        return line

    def phone(self, extension: str, user: str = "<unknown>", like: Line | None = None, exten: str = "s") -> Line:
        """Make a phone's channel."""
        return self.line(f"PJSIP/{extension}", like, number=extension, caller_name=user, exten=exten)

    def customer(self, number: str = "447700900100", name: str = "<unknown>") -> Line:
        """A customer calls in."""
        return self.line(
            "PJSIP/trunk", number=number, caller_name=name, context="from-trunk", exten="441632960100", state=4
        )

    def wire(self, exten: str, like: Line | None = None) -> tuple[Line, Line]:
        """Make a Local pair."""
        stem = f"Local/{exten}@internal-{self.count:08x}"
        one = self.line("", like, name=f"{stem};1")
        two = self.line("", like or one, name=f"{stem};2", exten=exten)
        self.says(
            "LocalBridge",
            block(one, "LocalOne"),
            block(two, "LocalTwo"),
            Context="internal",
            Exten=exten,
            LocalOptimization="No",
        )
        return one, two

    def dials(self, caller: Line | None, called: Line, string: str = "") -> None:
        """One channel dials another."""
        blocks = [block(caller)] if caller else []
        self.says("DialBegin", *blocks, block(called, "Dest"), DialString=string or called.number)

    def rings_off(self, caller: Line, called: Line, status: str) -> None:
        """Dialling ends."""
        self.says("DialEnd", block(caller), block(called, "Dest"), DialStatus=status)

    def hangs_up(self, *lines: Line) -> None:
        """Channels end."""
        for line in lines:
            self.says("Hangup", block(line), Cause=16, **{"Cause-txt": "Normal Clearing"})

    # -- bridges ---------------------------------------------------------------------------------------------------

    def enters(self, bridge: str, *lines: Line, swap: Line | None = None, kind: str = "simple_bridge") -> None:
        """Channels enter a bridge."""
        for line in lines:
            extra = {"SwapUniqueid": swap.uid} if swap else {}
            self.says("BridgeEnter", place(bridge, kind), block(line), **extra)

    def leaves(self, bridge: str, *lines: Line, kind: str = "simple_bridge") -> None:
        """Channels leave a bridge."""
        for line in lines:
            self.says("BridgeLeave", place(bridge, kind), block(line))

    # -- whole steps -----------------------------------------------------------------------------------------------

    def member(self, extension: str, name: str, queue: str = "sales", interface: str = "", state: str = "") -> None:
        """An agent logs on."""
        interface = interface or f"PJSIP/{extension}"
        self.says(
            "QueueMemberAdded",
            Queue=queue,
            MemberName=name,
            Interface=interface,
            StateInterface=state or interface,
            Membership="dynamic",
            Paused=0,
            PausedReason="",
        )

    def waits(self, caller: Line, queue: str = "sales") -> None:
        """A caller joins a queue."""
        caller.state = 6
        self.says("QueueCallerJoin", block(caller), Queue=queue, Position=1, Count=1)

    def gives_up(self, caller: Line, queue: str = "sales", *, is_abandoned: bool = False) -> None:
        """A caller leaves a queue, by a key or after its time; ``is_abandoned``: hung up, or led elsewhere."""
        if is_abandoned:
            self.says("QueueCallerAbandon", block(caller), Queue=queue, Position=1, OriginalPosition=1, HoldTime=2)
        self.says("QueueCallerLeave", block(caller), Queue=queue, Position=1, Count=0)

    def offers(self, caller: Line, called: Line, name: str, queue: str = "sales", interface: str = "") -> None:
        """A queue rings a member."""
        interface = interface or f"PJSIP/{called.number}"
        self.says(
            "AgentCalled", block(caller), block(called, "Dest"), Queue=queue, Interface=interface, MemberName=name
        )
        self.dials(caller, called, interface)

    def agent_answers(self, caller: Line, called: Line, name: str, queue: str = "sales", interface: str = "") -> None:
        """A member answers; the bridge follows."""
        called.state = 6
        self.rings_off(caller, called, "ANSWER")
        self.says("QueueCallerLeave", block(caller), Queue=queue, Position=1, Count=0)
        self.says(
            "AgentConnect",
            block(caller),
            block(called, "Dest"),
            Queue=queue,
            HoldTime=1,
            RingTime=1,
            Interface=interface or f"PJSIP/{called.number}",
            MemberName=name,
        )

    def queue_call(self, extension: str = "2001", name: str = "Alice Archer", bridge: str = "b1") -> tuple[Line, Line]:
        """A customer is connected with an agent through the queue."""
        customer = self.customer()
        self.waits(customer)
        agent = self.phone(extension, name, customer)
        self.offers(customer, agent, name)
        self.passes(2)
        self.agent_answers(customer, agent, name)
        self.enters(bridge, agent, customer)
        self.passes(3)
        return customer, agent

    def call(self, caller: Line, called: Line, bridge: str) -> None:
        """One phone calls another, which answers."""
        self.dials(caller, called)
        self.passes(1)
        called.state = caller.state = 6
        self.rings_off(caller, called, "ANSWER")
        self.enters(bridge, called, caller)
        self.passes(2)

    def transferred(self, first: Line, second: Line, **how: str) -> None:
        """Write AttendedTransfer."""
        self.says(
            "AttendedTransfer",
            {"Result": "Success"},
            block(first, "OrigTransferer"),
            block(second, "SecondTransferer"),
            **how,
        )


def place(bridge: str, kind: str = "simple_bridge") -> dict[str, Any]:
    """Return a bridge's keys."""
    return {"BridgeUniqueid": bridge, "BridgeType": "basic", "BridgeTechnology": kind, "BridgeNumChannels": 9}


def block(line: Line, prefix: str = "") -> dict[str, Any]:
    """Return the keys that show a channel."""
    keys = {
        "Channel": line.name,
        "ChannelState": line.state,
        "ChannelStateDesc": "Up",
        "CallerIDNum": line.number,
        "CallerIDName": line.caller_name,
        "ConnectedLineNum": line.connected,
        "ConnectedLineName": "<unknown>",
        "Language": "en",
        "AccountCode": "",
        "Context": line.context,
        "Exten": line.exten,
        "Priority": 1,
        "Uniqueid": line.uid,
        "Linkedid": line.linked,
    }
    if line.variables:
        keys["ChanVariable"] = [f"{key}={value}" for key, value in line.variables.items()]
    return {prefix + key: value for key, value in keys.items()}
