"""Relatives of the reported cases: agents, phones and trunks as the distributions name them.

What is right was decided from the manual and the issue before a case was played.
"""

import pytest

from tests.cti.ami.field_pbx import CUSTOMER, DID, FieldPbx, freepbx, leg
from tests.cti.ami.field_table import CaseTable, Result
from tests.cti.ami.pbx import block

TABLE = CaseTable()


# -- agents and phones ----------------------------------------------------------------------------------------------

LOCAL, DIRECT, CUSTOM = (
    ("Local/2001@from-queue/n", "hint:2001@ext-local"),
    ("PJSIP/2001", "PJSIP/2001"),
    ("Local/2001@from-queue/n", "Custom:agent2001"),
)


@TABLE.case(
    "two agents at one phone",
    *((one, two, left) for one, two in ((LOCAL, DIRECT), (DIRECT, LOCAL), (DIRECT, CUSTOM)) for left in (True, False)),
)
def two_agents(first: tuple[str, str], second: tuple[str, str], has_first_left: bool) -> Result:
    pbx = FieldPbx(options={"preset": "freepbx"})
    pbx.member("2001", "Alice Archer", "600", *first)
    pbx.member("2001", "Bob Baker", "601", *second)
    if has_first_left:
        pbx.logs_off("2001", "Alice Archer", "600", first[0])
    customer = pbx.calls_in()
    pbx.waits(customer, "601")
    phone = pbx.rung("2001", customer, caller_name="2001")
    pbx.offers(customer, phone, "Bob Baker", "601", second[0])
    pbx.agent_answers(customer, phone, "Bob Baker", "601", second[0])
    pbx.enters("b1", phone, customer)
    pbx.over(b1=(phone, customer))
    return pbx, [leg("2001", customer, "Bob Baker" if has_first_left else "", queue="601")]


@TABLE.case("an agent of another name was logged on at a phone")
def shared_phone() -> Result:
    pbx = freepbx()
    pbx.logs_on("2003", "Alice Archer")
    pbx.passes(60)
    pbx.logs_off("2003", "Alice Archer")
    first, second = pbx.private_call("2003", "2002")
    return pbx, [first | {"agent": ""}, second]


@TABLE.case(
    "a member that the queue calls",
    "2001",
    "SIP/2001",
    "Agent/1001",
    "hint:2001@ext-local",
    "device <2001>",
    "A/B Team",
)
def named(name: str) -> Result:
    pbx = FieldPbx(options={"preset": "freepbx"})
    pbx.logs_on("2001", name)
    customer = pbx.calls_in()
    pbx.waits(customer, "600")
    one, two = pbx.offered(customer, "2001", name=name)
    phone = pbx.rung("2001", customer, caller_name="device <2001>")
    pbx.rings(two, phone)
    pbx.answers(two, phone, "b1")
    pbx.taken(customer, one, "2001", "b2", name=name)
    pbx.over(b2=(one, customer), b1=(phone, two))
    return pbx, [leg("2001", customer, name if name == "A/B Team" else "", queue="600")]


@TABLE.case("a program rings the phone, which dials", "Local", "phone")
def click_to_dial(through: str) -> Result:
    pbx = freepbx()
    if through == "Local":
        one, two = pbx.local("2001", "originate-skipvm", None)
        pbx.dials(None, one)
        phone = pbx.rung("2001", one)
        pbx.rings(two, phone)
        pbx.answers(two, phone, "b1")
        customer = pbx.calls_out(one, one)
        pbx.answers(one, customer, "b2")
        pbx.over(b2=(one, customer), b1=(phone, two))
        return pbx, [leg("2001", one, direction="outbound")]
    phone = pbx.own_line("2001", None)
    phone.caller_name = "Carla Customer"
    pbx.says("NewCallerid", block(phone))
    pbx.originates(phone, "2001/sip:2001@192.0.2.7")
    customer = pbx.calls_out(phone, phone)
    pbx.answers(phone, customer, "b1")
    pbx.over(b1=(phone, customer))
    return pbx, [leg("2001", phone, direction="outbound")]


# -- Wazo and VICIdial ----------------------------------------------------------------------------------------------


@TABLE.case("Wazo's member", "Agent/1001", "Alice Archer")
def wazo(name: str) -> Result:
    """Peers have random names; agents are known to the queue by number alone, whatever their line is called."""
    pbx = FieldPbx(options={"preset": "wazo"})
    interface = "Local/id-42@agentcallback" if name.startswith("Agent/") else "PJSIP/x7k2m9qa"
    pbx.member("", name, "sales", interface, "PJSIP/x7k2m9qa")
    customer = pbx.calls_in("PJSIP/q8s7d6f5", "ctx-acme-incall-4f2d")
    pbx.waits(customer)
    one, two = pbx.local("id-42", "agentcallback", customer)
    pbx.offers(customer, one, name, interface=interface)
    phone = pbx.own_line("1001", customer, peer="PJSIP/x7k2m9qa", caller_name="Line of Bob")
    pbx.rings(two, phone, "x7k2m9qa/sip:x7k2m9qa@192.0.2.7:5060")
    pbx.answers(two, phone, "b1")
    pbx.agent_answers(customer, one, name, interface=interface)
    pbx.enters("b2", one, customer)
    pbx.over(b2=(one, customer), b1=(phone, two))
    return pbx, [leg("1001", customer, "" if name.startswith("Agent/") else name, queue="sales")]


@TABLE.case("VICIdial's phone", *((peer, way) for peer in ("101", "cc101") for way in ("in", "out")))
def vicidial(peer: str, way: str) -> Result:
    """The agent waits alone in a conference, to which each customer is brought."""
    pbx = FieldPbx(options={"preset": "vicidial"}, technology="SIP")
    code = {"number": "6145550100", "caller_name": "S2211281530300008600051", "context": "default"}
    agent = pbx.own_line(peer, None, **code)
    pbx.originates(agent, peer)
    pbx.enters("room", agent, kind="softmix")
    right = []
    for number in ("447700900101", "447700900102"):
        if way == "in":
            caller = pbx.calls_in("SIP/carrier", "trunkinbound", number=number, caller_name="Carla")
            caller.caller_name = "Y1128215801000000042"
            pbx.says("NewCallerid", block(caller))
            pbx.enters("room", caller, kind="softmix")
            pbx.over(room=(caller,))
            right.append(leg(peer, caller, "", caller_name="Carla"))
        else:
            one, two = pbx.local(f"9{number}", "default", None)
            pbx.dials(None, one)
            called = pbx.calls_out(two, one, f"carrier/{number}", "SIP/carrier")
            pbx.answers(two, called, "b1")
            pbx.enters("room", one, kind="softmix")
            pbx.over(room=(one,), b1=(called, two))
            right.append(leg(peer, one, "", direction="outbound", caller_name=""))
    pbx.over(room=(agent,))
    return pbx, right


# -- trunks ---------------------------------------------------------------------------------------------------------

TRUNKS = (
    ("SIP/NordTel", "from-trunk-sip-NordTel"),
    ("SIP/Nord Tel GmbH", "from-trunk-sip-Nord Tel GmbH"),
    ("SIP/7001", "from-trunk-sip-7001"),
    ("SIP/447700900109", "default"),
    ("SIP/192.0.2.5", "from-sip-external"),
    ("PJSIP/b\xfcro-west", "from-pstn"),
    ("PJSIP/49891234567", "custom"),
    ("PJSIP/sip.nordtel.example", "custom"),
    ("PJSIP/anonymous", "from-sip-external"),
    ("IAX2/nordtel", "from-iax-external"),
    ("DAHDI/i1/447700900100", "from-digital"),
    ("DAHDI/1", "from-analog"),
    ("Dongle/dongle0", "from-mobile"),
    ("mISDN/1", "default"),
)


@TABLE.case("in through", *TRUNKS)
def inwards(peer: str, context: str) -> Result:
    """Two calls through one trunk, the first on hold."""
    pbx = FieldPbx(technology="SIP" if peer.startswith("SIP/") else "PJSIP")
    right, bridges = [], {}
    for extension, number in (("2001", "447700900101"), ("2002", "447700900102")):
        customer = pbx.calls_in(peer, context, number=number)
        phone = pbx.rung(extension, customer)
        pbx.rings(customer, phone, extension if pbx.technology == "SIP" else "")
        pbx.answers(customer, phone, f"b{extension}")
        pbx.says("Hold", block(customer))
        right.append(leg(extension, customer))
        bridges[f"b{extension}"] = (phone, customer)
    pbx.over(**bridges)
    return pbx, right


@TABLE.case(
    "out through",
    ("SIP/NordTel", f"NordTel/00{CUSTOMER}"),
    ("PJSIP/NordTel", f"NordTel/sip:+{CUSTOMER}@sip.nordtel.example"),
    ("PJSIP/441632960", f"{CUSTOMER}@441632960"),
    ("DAHDI/i1/447700900100", f"g0/{CUSTOMER}"),
    ("DAHDI/1", f"r1/{CUSTOMER}"),
    ("IAX2/nordtel", f"user:secret@nordtel/{CUSTOMER}"),
    ("Dongle/dongle0", f"dongle0/+{CUSTOMER}"),
)
def outwards(peer: str, string: str) -> Result:
    """The first three trunks refuse."""
    pbx = FieldPbx(technology="SIP" if peer.startswith("SIP/") else "PJSIP")
    caller = pbx.lifts("2001", CUSTOMER)
    caller.number = DID
    pbx.says("NewCallerid", block(caller))
    for number, status in enumerate(("CONGESTION", "CHANUNAVAIL", "BUSY")):
        pbx.is_not_answered(caller, pbx.calls_out(caller, caller, f"{CUSTOMER}@t{number}", f"PJSIP/t{number}"), status)
    customer = pbx.calls_out(caller, caller, string, peer)
    pbx.answers(caller, customer, "b1")
    pbx.over(b1=(customer, caller))
    return pbx, [leg("2001", caller, direction="outbound")]


@TABLE.case("not answered", "BUSY", "CONGESTION", "NOANSWER", "CANCEL", "CHANUNAVAIL", "ABORT")
def not_answered(status: str) -> Result:
    """Outwards directly and through a Local channel, and inwards; whoever calls hangs up."""
    pbx = freepbx()
    caller = pbx.lifts("2001", CUSTOMER)
    pbx.is_not_answered(caller, pbx.calls_out(caller, caller), status, caller)
    caller = pbx.lifts("2001", CUSTOMER)
    one, two = pbx.local(CUSTOMER, "from-internal", caller)
    pbx.dials(caller, one)
    pbx.is_not_answered(two, pbx.calls_out(two, caller), status, one, two, caller)
    customer = pbx.calls_in()
    phone = pbx.rung("2002", customer)
    pbx.rings(customer, phone)
    pbx.is_not_answered(customer, phone, status, customer)
    return pbx, pbx.private_call("2001", "2002")


@pytest.mark.parametrize("name", TABLE.names)
def test_a_relative_gives_its_legs_and_no_other_and_every_call_ends(name: str) -> None:
    TABLE.check(name)
