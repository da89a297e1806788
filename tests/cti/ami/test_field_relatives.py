"""Relatives of the reported cases: distributions and habits of the field, with the legs that are right for them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cti.events import CallCleared, CallEvent
from tests.cti.ami.pbx import Line, Pbx, block
from tests.cti.ami.test_field_cases import legs_of, shown
from tests.cti.ami.traces import Played, play, source

NAMES = {"2001": "Alice Archer", "2002": "Bob Baker", "2003": "Cid Carter"}
CUSTOMER, DID = "447700900100", "441632960100"

Leg = dict[str, str]


def leg(extension: str, call: Line, agent: str | None = None, **facts: str) -> Leg:
    """Return what must be true of a leg: by default an inbound call without a queue, at the phone's own agent."""
    own = NAMES.get(extension, "") if agent is None else agent
    interaction = facts.pop("interaction", call.uid)
    right = {"extension": extension, "agent": own, "queue": "", "call": call.uid, "interaction": interaction}
    return {**right, "direction": "inbound", **facts}


@dataclass
class Field(Pbx):
    """A PBX of the field: how its phones, trunks and queues are named. ``peer``: how its phones' channels begin."""

    peer: str = "PJSIP/"
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()

    def rung(self, extension: str, like: Line, **known: Any) -> Line:
        """A phone is rung."""
        name = NAMES.get(extension, "<unknown>")
        return self.line(
            f"{self.peer}{extension}", like, number=extension, caller_name=name, context="from-internal", **known
        )

    def lifts(self, extension: str, exten: str) -> Line:
        """A phone begins a call."""
        name = NAMES.get(extension, "<unknown>")
        return self.line(
            f"{self.peer}{extension}",
            number=extension,
            caller_name=name,
            context="from-internal",
            exten=exten,
            state=4,
        )

    def calls_in(
        self, peer: str = "PJSIP/NordTel", context: str = "from-pstn", number: str = CUSTOMER, **known: Any
    ) -> Line:
        """A customer calls in."""
        return self.line(peer, number=number, context=context, exten=DID, state=4, **known)

    def local(self, exten: str, context: str, like: Line | None) -> tuple[Line, Line]:
        """A Local channel of the dialplan."""
        stem = f"Local/{exten}@{context}-{self.count:08x}"
        one = self.line("", like, name=f"{stem};1", context=context)
        two = self.line("", like or one, name=f"{stem};2", context=context, exten=exten, state=4)
        self.says("LocalBridge", block(one, "LocalOne"), block(two, "LocalTwo"), Context=context, Exten=exten)
        return one, two

    def rings(self, caller: Line, called: Line, string: str = "") -> None:
        """A phone or a Local channel is dialled."""
        extension = called.number
        self.dials(caller, called, string or f"{extension}/sip:{extension}@192.0.2.7:5060")
        called.state = 5
        self.says("Newstate", block(called))
        self.passes(1)

    def answers(self, caller: Line, called: Line, bridge: str) -> None:
        """A dialled channel answers."""
        called.state = 6
        self.says("Newstate", block(called))
        self.rings_off(caller, called, "ANSWER")
        self.enters(bridge, called, caller)

    def over(self, *bridges: tuple[str, tuple[Line, ...]]) -> None:
        """Everybody leaves and hangs up."""
        self.passes(3)
        for bridge, lines in bridges:
            self.leaves(bridge, *lines)
        for _, lines in bridges:
            self.hangs_up(*lines)
        self.passes(5)

    def queue_member(self, extension: str, name: str = "", queue: str = "600") -> None:
        """A member as FreePBX writes it."""
        interface = f"Local/{extension}@from-queue/n"
        self.member(extension, name or NAMES[extension], queue, interface, f"hint:{extension}@ext-local")

    def offered(self, caller: Line, extension: str, queue: str = "600") -> tuple[Line, Line]:
        """A queue rings a member of FreePBX through the dialplan."""
        one, two = self.local(extension, "from-queue", caller)
        self.offers(caller, one, NAMES[extension], queue, f"Local/{extension}@from-queue/n")
        return one, two

    def taken(self, caller: Line, one: Line, extension: str, bridge: str, queue: str = "600") -> None:
        """The queue hears that a member's Local channel was answered."""
        self.agent_answers(caller, one, NAMES[extension], queue, f"Local/{extension}@from-queue/n")
        self.enters(bridge, one, caller)

    def private_call(self, first: str, second: str) -> list[Leg]:
        """Two phones talk."""
        caller = self.lifts(first, second)
        called = self.rung(second, caller)
        self.rings(caller, called)
        self.answers(caller, called, f"p{self.count}")
        self.over((f"p{self.count}", (called, caller)))
        return [leg(one, caller, direction="internal") for one in (first, second)]


def freepbx() -> Field:
    """A FreePBX with Alice in queue 600."""
    pbx = Field(options={"preset": "freepbx"})
    pbx.queue_member("2001")
    return pbx


Case = Callable[[], tuple[Pbx, dict[str, Any], list[Leg]]]


def queue_member_of_freepbx() -> tuple[Pbx, dict[str, Any], list[Leg]]:
    pbx = freepbx()
    customer = pbx.calls_in()
    pbx.waits(customer, "600")
    one, two = pbx.offered(customer, "2001")
    phone = pbx.rung("2001", customer)
    pbx.rings(two, phone)
    pbx.answers(two, phone, "b1")
    pbx.taken(customer, one, "2001", "b2")
    pbx.over(("b2", (one, customer)), ("b1", (phone, two)))
    return pbx, pbx.options, [leg("2001", customer, queue="600"), *pbx.private_call("2001", "2002")]


def follow_me(answered_by: str) -> Case:
    """FreePBX's follow-me rings the member's own phone and another through a Local channel each."""

    def case() -> tuple[Pbx, dict[str, Any], list[Leg]]:
        pbx = freepbx()
        customer = pbx.calls_in()
        pbx.waits(customer, "600")
        one, two = pbx.offered(customer, "2001")
        first = pbx.local("FMPR-2001", "from-internal", customer)
        second = pbx.local("FMGL-2003#", "from-internal", customer)
        pbx.dials(two, first[0], "FMPR-2001@from-internal")
        pbx.dials(two, second[0], "FMGL-2003#@from-internal")
        phones = {extension: pbx.rung(extension, customer) for extension in ("2001", "2003")}
        wires = {"2001": first, "2003": second}
        for extension, phone in phones.items():
            pbx.rings(wires[extension][1], phone)
        other = next(extension for extension in phones if extension != answered_by)
        pbx.answers(wires[answered_by][1], phones[answered_by], "b1")
        pbx.rings_off(two, wires[answered_by][0], "ANSWER")
        pbx.rings_off(wires[other][1], phones[other], "CANCEL")
        pbx.hangs_up(phones[other], *wires[other])
        pbx.enters("b2", wires[answered_by][0], two)
        pbx.taken(customer, one, "2001", "b3")
        own = wires[answered_by]
        pbx.over(("b3", (one, customer)), ("b2", (own[0], two)), ("b1", (phones[answered_by], own[1])))
        return pbx, pbx.options, [leg(answered_by, customer, queue="600"), *pbx.private_call("2003", "2002")]

    return case


def follow_me_to_a_mobile() -> tuple[Pbx, dict[str, Any], list[Leg]]:
    pbx = freepbx()
    customer = pbx.calls_in()
    pbx.waits(customer, "600")
    one, two = pbx.offered(customer, "2001")
    near, far = pbx.local("FMGL-00447700900300#", "from-internal", customer)
    pbx.dials(two, near, "FMGL-00447700900300#@from-internal")
    mobile = pbx.line("PJSIP/NordTel", customer, number="00447700900300", context="from-pstn")
    pbx.rings(far, mobile, "00447700900300@NordTel")
    pbx.answers(far, mobile, "b1")
    pbx.rings_off(two, near, "ANSWER")
    pbx.enters("b2", near, two)
    pbx.taken(customer, one, "2001", "b3")
    pbx.over(("b3", (one, customer)), ("b2", (near, two)), ("b1", (mobile, far)))
    return pbx, pbx.options, pbx.private_call("2001", "2002")


def ring_group() -> tuple[Pbx, dict[str, Any], list[Leg]]:
    pbx = freepbx()
    customer = pbx.calls_in("SIP/NordTel", "from-trunk-sip-NordTel")
    wires = {one: pbx.local(f"RG-610-{one}", "from-internal", customer) for one in ("2001", "2002")}
    for extension, wire in wires.items():
        pbx.dials(customer, wire[0], f"RG-610-{extension}@from-internal")
    phones = {extension: pbx.rung(extension, customer) for extension in wires}
    for extension, wire in wires.items():
        pbx.rings(wire[1], phones[extension])
    pbx.answers(wires["2002"][1], phones["2002"], "b1")
    pbx.rings_off(wires["2001"][1], phones["2001"], "CANCEL")
    pbx.hangs_up(phones["2001"], *wires["2001"])
    pbx.answers(customer, wires["2002"][0], "b2")
    pbx.over(("b2", (wires["2002"][0], customer)), ("b1", (phones["2002"], wires["2002"][1])))
    return pbx, pbx.options, [leg("2002", customer), *pbx.private_call("2001", "2003")]


def renamed(pbx: Pbx, picker: Line, rung: Line, *, is_exchanged: bool) -> Line:
    """Follow a pick-up; return the picker's channel as it is afterwards.

    ``is_exchanged``: the two channels change their Uniqueids too, as newer versions do.
    """
    name, other = picker.name, rung.name
    pbx.says("Rename", Channel=name, Newname=f"{name}<MASQ>", Uniqueid=picker.uid)
    pbx.says("Rename", Channel=other, Newname=name, Uniqueid=rung.uid)
    if is_exchanged:
        picker.uid, rung.uid = rung.uid, picker.uid
        picker.linked, rung.linked = rung.linked, rung.linked
    pbx.says("Rename", Channel=f"{name}<MASQ>", Newname=f"{other}<ZOMBIE>", Uniqueid=picker.uid)
    rung.name, rung.number, rung.caller_name, rung.state = name, picker.number, picker.caller_name, 6
    picker.name = f"{other}<ZOMBIE>"
    pbx.hangs_up(picker)
    return rung


def picked_up(code: str, *, is_queue: bool, is_exchanged: bool) -> Case:
    def case() -> tuple[Pbx, dict[str, Any], list[Leg]]:
        pbx = freepbx()
        customer = pbx.calls_in()
        if is_queue:
            pbx.waits(customer, "600")
            one, two = pbx.offered(customer, "2001")
        else:
            one, two = pbx.local("2001", "from-did-direct", customer)
            pbx.dials(customer, one, "2001@from-did-direct")
        phone = pbx.rung("2001", customer)
        pbx.rings(two, phone)
        picker = pbx.lifts("2003", code)
        pbx.passes(0.2)
        pbx.says("Pickup", block(picker), block(phone, "Target"))
        mine = renamed(pbx, picker, phone, is_exchanged=is_exchanged)
        pbx.answers(two, mine, "b1")
        if is_queue:
            pbx.taken(customer, one, "2001", "b2")
        else:
            pbx.answers(customer, one, "b2")
        pbx.over(("b2", (one, customer)), ("b1", (mine, two)))
        right = [leg("2003", customer, queue="600" if is_queue else "")]
        return pbx, pbx.options, [*right, *pbx.private_call("2003", "2002"), *pbx.private_call("2001", "2002")]

    return case


def direct(peer: str, context: str, number: str = CUSTOMER, **options: Any) -> Case:
    """A customer calls a phone directly, and a second one through the same trunk while the first is on hold."""

    def case() -> tuple[Pbx, dict[str, Any], list[Leg]]:
        pbx = Field(peer="SIP/" if peer.startswith("SIP/") else "PJSIP/")
        right, parts = [], []
        for count, extension in enumerate(("2001", "2002")):
            customer = pbx.calls_in(peer, context, f"{number[:-1]}{count}")
            phone = pbx.rung(extension, customer)
            pbx.rings(customer, phone, extension if pbx.peer == "SIP/" else "")
            pbx.answers(customer, phone, f"b{count}")
            pbx.says("Hold", block(customer))
            right.append(leg(extension, customer))
            parts.append((f"b{count}", (phone, customer)))
        pbx.over(*parts)
        return pbx, options, right

    return case


def outwards(peer: str, string: str, **options: Any) -> Case:
    """A phone calls out; a second customer is called while the first is on hold."""

    def case() -> tuple[Pbx, dict[str, Any], list[Leg]]:
        pbx = Field(peer="SIP/" if peer.startswith("SIP/") else "PJSIP/")
        caller = pbx.lifts("2001", CUSTOMER)
        caller.number = DID
        pbx.says("NewCallerid", block(caller))
        customer = pbx.line(peer, caller, context="from-pstn")
        pbx.rings(caller, customer, string)
        pbx.answers(caller, customer, "b1")
        pbx.over(("b1", (customer, caller)))
        return pbx, options, [leg("2001", caller, direction="outbound")]

    return case


CASES: dict[str, Case] = {
    "a member of FreePBX at the own phone": queue_member_of_freepbx,
    "follow-me, own phone": follow_me("2001"),
    "follow-me, another phone": follow_me("2003"),
    "follow-me, mobile": follow_me_to_a_mobile,
    "ring group": ring_group,
}
for _code in ("*8", "**2001"):
    for _is_queue in (True, False):
        for _is_exchanged in (True, False):
            CASES[f"{_code} {'queue' if _is_queue else 'direct'}{', ids exchanged' if _is_exchanged else ''}"] = picked_up(
                _code, is_queue=_is_queue, is_exchanged=_is_exchanged
            )
for _peer, _context in (
    ("SIP/NordTel", "from-trunk-sip-NordTel"),
    ("SIP/Nord Tel GmbH", "from-trunk-sip-Nord Tel GmbH"),
    ("PJSIP/NordTel", "from-pstn"),
    ("PJSIP/b\xfcro-west", "from-pstn"),
    ("PJSIP/441632960", "from-pstn"),
    ("PJSIP/49891234567", "custom-in"),
    ("PJSIP/sip.nordtel.example", "custom-in"),
    ("PJSIP/anonymous", "from-sip-external"),
    ("SIP/192.0.2.5", "from-sip-external"),
    ("SIP/447700900109", "default"),
    ("IAX2/nordtel", "from-iax-external"),
    ("DAHDI/i1/447700900100", "from-digital"),
    ("DAHDI/1", "from-analog"),
    ("Dongle/dongle0", "from-mobile"),
    ("mISDN/1", "default"),
    ("SIP/7001", "from-trunk-sip-7001"),
):
    CASES[f"in through {_peer}"] = direct(_peer, _context)
for _peer, _string in (
    ("SIP/NordTel", f"NordTel/{CUSTOMER}"),
    ("SIP/NordTel", f"NordTel/00{CUSTOMER},300,T"),
    ("PJSIP/NordTel", f"{CUSTOMER}@NordTel"),
    ("PJSIP/NordTel", f"NordTel/sip:+{CUSTOMER}@sip.nordtel.example"),
    ("PJSIP/NordTel", f"NordTel/sip:00{CUSTOMER}@192.0.2.9:5060;transport=tls"),
    ("PJSIP/441632960", f"{CUSTOMER}@441632960"),
    ("DAHDI/i1/447700900100", f"g0/{CUSTOMER}"),
    ("DAHDI/1", f"g0/{CUSTOMER}"),
    ("DAHDI/1", f"1/{CUSTOMER}"),
    ("IAX2/nordtel", f"nordtel/{CUSTOMER}"),
    ("IAX2/nordtel", f"user:secret@nordtel/{CUSTOMER}"),
    ("Dongle/dongle0", f"dongle0/+{CUSTOMER}"),
):
    CASES[f"out through {_peer} as {_string}"] = outwards(_peer, _string)


def result(case: Case) -> tuple[Played, list[Leg], list[Leg]]:
    pbx, options, right = case()
    played = play(pbx.data, config=source(**options))
    keys = right[0].keys() if right else ()
    found = [{key: shown(one)[key] for key in keys} for one in legs_of(played.events)]
    return played, found, right


def ordered(legs: list[Leg]) -> list[Leg]:
    return sorted(legs, key=lambda one: (one["call"], one["extension"]))


@pytest.mark.parametrize("name", CASES)
def test_a_relative_gives_its_legs_and_no_other(name: str) -> None:
    played, found, right = result(CASES[name])

    assert ordered(found) == ordered(right)
    assert played.refused == []


@pytest.mark.parametrize("name", CASES)
def test_every_call_of_a_relative_is_over_when_its_channels_are_gone(name: str) -> None:
    events = result(CASES[name])[0].events
    named = {one.data.call_id for one in events if isinstance(one, CallEvent)}

    assert named - {one.data.call_id for one in events if isinstance(one, CallCleared)} == set()
