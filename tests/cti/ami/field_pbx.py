"""PBXs as they are set up in the field, with the names of their channels, contexts and members."""

from dataclasses import dataclass, field
from typing import Any

from tests.cti.ami.pbx import Line, Pbx, block

NAMES = {"2001": "Alice Archer", "2002": "Bob Baker", "2003": "Cid Carter"}
CUSTOMER, DID = "447700900100", "441632960100"

Leg = dict[str, str]


def leg(extension: str, call: Line, agent: str | None = None, **facts: str) -> Leg:
    """Return what must be true of a leg: by default an inbound call without a queue, with the phone's own user."""
    right = {
        "extension": extension,
        "agent": NAMES[extension] if agent is None else agent,
        "queue": "",
        "call": call.uid,
        "interaction": call.uid,
        "direction": "inbound",
        "caller_name": "",
    }
    return right | facts


@dataclass
class FieldPbx(Pbx):
    """Where calls go through Local channels. ``technology``: what its phones speak."""

    options: dict[str, Any] = field(default_factory=dict)
    technology: str = "PJSIP"

    def __post_init__(self) -> None:
        super().__init__()

    def rung(self, extension: str, like: Line, **known: Any) -> Line:
        """Make the channel by which a phone is rung."""
        return self.own_line(extension, like, **known)

    def lifts(self, extension: str, exten: str) -> Line:
        """Let a phone begin a call."""
        return self.own_line(extension, None, exten=exten, state=4)

    def own_line(self, extension: str, like: Line | None, **known: Any) -> Line:
        """Make a phone's channel; ``peer``: another name than its extension."""
        peer = known.pop("peer", f"{self.technology}/{extension}")
        shown: dict[str, Any] = {
            "number": extension,
            "caller_name": NAMES.get(extension, "<unknown>"),
            "context": "from-internal",
        }
        return self.line(peer, like, **(shown | known))

    def calls_in(self, peer: str = "PJSIP/NordTel", context: str = "from-pstn", **known: Any) -> Line:
        """Let a customer call in."""
        shown: dict[str, Any] = {"number": CUSTOMER, "context": context, "exten": DID, "state": 4}
        return self.line(peer, **(shown | known))

    def calls_out(self, caller: Line, like: Line, string: str = f"{CUSTOMER}@NordTel", peer: str = "") -> Line:
        """Dial the outside through a trunk."""
        line = self.line(peer or "PJSIP/NordTel", like, context="from-pstn")
        self.rings(caller, line, string)
        return line

    def local(self, exten: str, context: str, like: Line | None) -> tuple[Line, Line]:
        """Make a Local channel of the dialplan."""
        stem = f"Local/{exten}@{context}-{self.count:08x}"
        one = self.line("", like, name=f"{stem};1", context=context)
        two = self.line("", like or one, name=f"{stem};2", context=context, exten=exten, state=4)
        self.says("LocalBridge", block(one, "LocalOne"), block(two, "LocalTwo"), Context=context, Exten=exten)
        return one, two

    def rings(self, caller: Line, called: Line, string: str = "") -> None:
        """Dial a phone or a trunk."""
        self.dials(caller, called, string or f"{called.number}/sip:{called.number}@192.0.2.7:5060")
        called.state = 5
        self.says("Newstate", block(called))
        self.passes(1)

    def originates(self, called: Line, string: str) -> None:
        """Ring a phone because a program asked for it, and let it answer."""
        self.dials(None, called, string)
        self.passes(1)
        called.state = 6
        self.says("DialEnd", block(called, "Dest"), DialStatus="ANSWER")

    def answers(self, caller: Line, called: Line, bridge: str) -> None:
        """Let a dialled channel answer."""
        called.state = 6
        self.says("Newstate", block(called))
        self.rings_off(caller, called, "ANSWER")
        self.enters(bridge, called, caller)
        self.passes(3)

    def is_not_answered(self, caller: Line, called: Line, status: str, *others: Line) -> None:
        """Let dialling end without an answer."""
        self.rings_off(caller, called, status)
        self.hangs_up(called, *others)

    def over(self, **bridges: tuple[Line, ...]) -> None:
        """Let everybody leave and hang up."""
        self.passes(3)
        for bridge, lines in bridges.items():
            self.leaves(bridge, *lines)
        self.hangs_up(*(line for lines in bridges.values() for line in lines))
        self.passes(5)

    # -- queues ----------------------------------------------------------------------------------------------------

    def logs_on(self, extension: str, name: str = "", queue: str = "600") -> None:
        """Add a member as FreePBX does."""
        interface, state = f"Local/{extension}@from-queue/n", f"hint:{extension}@ext-local"
        self.member(extension, name or NAMES[extension], queue, interface, state)

    def logs_off(self, extension: str, name: str = "", queue: str = "600", interface: str = "") -> None:
        """Remove a member."""
        interface = interface or f"Local/{extension}@from-queue/n"
        self.says("QueueMemberRemoved", Queue=queue, MemberName=name or NAMES[extension], Interface=interface)

    def offered(self, caller: Line, extension: str, queue: str = "600", name: str = "") -> tuple[Line, Line]:
        """Let a queue ring a member through the dialplan."""
        one, two = self.local(extension, "from-queue", caller)
        self.offers(caller, one, name or NAMES[extension], queue, f"Local/{extension}@from-queue/n")
        return one, two

    def taken(self, caller: Line, one: Line, extension: str, bridge: str, queue: str = "600", name: str = "") -> None:
        """Let the queue see that a member's Local channel was answered."""
        self.agent_answers(caller, one, name or NAMES[extension], queue, f"Local/{extension}@from-queue/n")
        self.enters(bridge, one, caller)
        self.passes(3)

    def rung_by_queue(self, caller: Line, extension: str, queue: str = "600") -> tuple[Line, Line, Line]:
        """Let a queue ring a member's own phone; return the Local pair and the phone."""
        one, two = self.offered(caller, extension, queue)
        phone = self.rung(extension, caller)
        self.rings(two, phone)
        return one, two, phone

    def served(self, extension: str, queue: str = "600", bridge: str = "b", **known: Any) -> dict[str, Line]:
        """Connect a customer with a member; the bridges are ``b1`` (phone) and ``b2`` (customer)."""
        customer = self.calls_in(**known)
        self.waits(customer, queue)
        one, two, phone = self.rung_by_queue(customer, extension, queue)
        self.answers(two, phone, f"{bridge}1")
        self.taken(customer, one, extension, f"{bridge}2", queue)
        return {"customer": customer, "one": one, "two": two, "phone": phone}

    def ends(self, talk: dict[str, Line], bridge: str = "b") -> None:
        """End what ``served`` began."""
        self.over(**{f"{bridge}2": (talk["customer"], talk["one"]), f"{bridge}1": (talk["phone"], talk["two"])})

    # -- whole calls -----------------------------------------------------------------------------------------------

    def private_call(self, first: str, second: str) -> list[Leg]:
        """Let two phones talk; return their legs."""
        caller = self.lifts(first, second)
        called = self.rung(second, caller)
        self.rings(caller, called)
        self.answers(caller, called, "private")
        self.over(private=(called, caller))
        return [leg(one, caller, direction="internal") for one in (first, second)]

    def picked_up(self, rung: Line, picker: Line, *, is_exchanged: bool) -> Line:
        """Let a phone take the call that rings at another; return its channel as it is afterwards.

        ``is_exchanged``: the two channels exchange their Uniqueids too, as newer versions do.
        """
        name, other = picker.name, rung.name
        self.says("Pickup", block(picker), block(rung, "Target"))
        self.says("Rename", Channel=name, Newname=f"{name}<MASQ>", Uniqueid=picker.uid)
        self.says("Rename", Channel=other, Newname=name, Uniqueid=rung.uid)
        if is_exchanged:
            picker.uid, rung.uid = rung.uid, picker.uid
        self.says("Rename", Channel=f"{name}<MASQ>", Newname=f"{other}<ZOMBIE>", Uniqueid=picker.uid)
        rung.name, rung.number, rung.caller_name, rung.state = name, picker.number, picker.caller_name, 6
        picker.name = f"{other}<ZOMBIE>"
        self.hangs_up(picker)
        return rung


def freepbx() -> FieldPbx:
    """Return a FreePBX with Alice in queue 600."""
    pbx = FieldPbx(options={"preset": "freepbx"})
    pbx.logs_on("2001")
    return pbx
