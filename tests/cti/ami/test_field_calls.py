"""Relatives of the reported cases: queues, follow-me, ring groups, pick-up and transfers of FreePBX.

What is right was decided from the manual and the issue before a case was played.
"""

import pytest

from tests.cti.ami.field_pbx import freepbx, leg
from tests.cti.ami.field_table import CaseTable, Result
from tests.cti.ami.pbx import block, place

TABLE = CaseTable()


# -- FreePBX: queues, follow-me, ring groups, pick-up ---------------------------------------------------------------


@TABLE.case("a member at the own phone")
def member() -> Result:
    pbx = freepbx()
    talk = pbx.served("2001", caller_name="SALES:Carla")
    pbx.ends(talk)
    first = leg("2001", talk["customer"], queue="600", caller_name="SALES:Carla")
    return pbx, [first, *pbx.private_call("2001", "2002")]


@TABLE.case("follow-me answered at", "2001", "2003")
def follow_me(answered: str) -> Result:
    pbx = freepbx()
    customer = pbx.calls_in()
    pbx.waits(customer, "600")
    one, two = pbx.offered(customer, "2001")
    wires = {ext: pbx.local(f"FM{ext[-1]}-{ext}#", "from-internal", customer) for ext in ("2001", "2003")}
    for wire in wires.values():
        pbx.dials(two, wire[0])
    phones = {ext: pbx.rung(ext, customer) for ext in wires}
    for ext, phone in phones.items():
        pbx.rings(wires[ext][1], phone)
    (other,) = wires.keys() - {answered}
    near, far = wires[answered]
    pbx.answers(far, phones[answered], "b1")
    pbx.is_not_answered(wires[other][1], phones[other], "CANCEL", *wires[other])
    pbx.answers(two, near, "b2")
    pbx.taken(customer, one, "2001", "b3")
    pbx.over(b3=(one, customer), b2=(near, two), b1=(phones[answered], far))
    return pbx, [leg(answered, customer, queue="600"), *pbx.private_call("2003", "2002")]


@TABLE.case("follow-me answered at a mobile")
def follow_me_to_a_mobile() -> Result:
    pbx = freepbx()
    customer = pbx.calls_in()
    pbx.waits(customer, "600")
    one, two = pbx.offered(customer, "2001")
    near, far = pbx.local("FMGL-00447700900300#", "from-internal", customer)
    pbx.dials(two, near)
    mobile = pbx.calls_out(far, customer, "00447700900300@NordTel")
    pbx.answers(far, mobile, "b1")
    pbx.answers(two, near, "b2")
    pbx.taken(customer, one, "2001", "b3")
    pbx.over(b3=(one, customer), b2=(near, two), b1=(mobile, far))
    return pbx, pbx.private_call("2001", "2002")


@TABLE.case("a ring group", False, True)
def ring_group(is_optimised: bool) -> Result:
    pbx = freepbx()
    customer = pbx.calls_in("SIP/NordTel", "from-trunk-sip-NordTel")
    wires = {ext: pbx.local(f"RG-610-{ext}", "from-internal", customer) for ext in ("2001", "2002")}
    for wire in wires.values():
        pbx.dials(customer, wire[0])
    phones = {ext: pbx.rung(ext, customer) for ext in wires}
    for ext, phone in phones.items():
        pbx.rings(wires[ext][1], phone)
    (near, far), phone = wires["2002"], phones["2002"]
    pbx.answers(far, phone, "b1")
    pbx.is_not_answered(wires["2001"][1], phones["2001"], "CANCEL", *wires["2001"])
    pbx.answers(customer, near, "b2")
    if is_optimised:
        pbx.leaves("b1", phone)
        pbx.enters("b2", phone, swap=near)
        pbx.leaves("b2", near)
        pbx.leaves("b1", far)
        pbx.hangs_up(near, far)
        pbx.over(b2=(phone, customer))
    else:
        pbx.over(b2=(near, customer), b1=(phone, far))
    return pbx, [leg("2002", customer), *pbx.private_call("2001", "2003")]


@TABLE.case("all members ring")
def ring_all() -> Result:
    pbx = freepbx()
    pbx.logs_on("2002")
    customer = pbx.calls_in()
    pbx.waits(customer, "600")
    rung = {ext: pbx.rung_by_queue(customer, ext) for ext in ("2001", "2002")}
    one, two, phone = rung["2002"]
    pbx.answers(two, phone, "b1")
    pbx.is_not_answered(rung["2001"][1], rung["2001"][2], "CANCEL", *rung["2001"][:2])
    pbx.taken(customer, one, "2002", "b2")
    pbx.over(b2=(one, customer), b1=(phone, two))
    return pbx, [leg("2002", customer, queue="600"), *pbx.private_call("2001", "2003")]


@TABLE.case(
    "picked up", *((code, where, ids) for code in ("*8", "**2001") for where in ("queue", "") for ids in ("ids", ""))
)
def picked_up(code: str, queue: str, exchanged: str) -> Result:
    pbx = freepbx()
    customer = pbx.calls_in()
    if queue:
        pbx.waits(customer, "600")
        one, two = pbx.offered(customer, "2001")
    else:
        one, two = pbx.local("2001", "from-did-direct", customer)
        pbx.dials(customer, one)
    phone = pbx.rung("2001", customer)
    pbx.rings(two, phone)
    mine = pbx.picked_up(phone, pbx.lifts("2003", code), is_exchanged=bool(exchanged))
    pbx.answers(two, mine, "b1")
    if queue:
        pbx.taken(customer, one, "2001", "b2")
    else:
        pbx.answers(customer, one, "b2")
    pbx.over(b2=(one, customer), b1=(mine, two))
    first = leg("2003", customer, queue="600" if queue else "")
    return pbx, [first, *pbx.private_call("2003", "2002"), *pbx.private_call("2001", "2002")]


@TABLE.case("after the queue's time", "601", "ring group")
def after_the_queues_time(then: str) -> Result:
    pbx = freepbx()
    pbx.logs_on("2002", queue="601")
    customer = pbx.calls_in()
    pbx.waits(customer, "600")
    one, two, phone = pbx.rung_by_queue(customer, "2001")
    pbx.is_not_answered(two, phone, "CANCEL", one, two)
    pbx.gives_up(customer, "600")
    pbx.says("Newexten", block(customer), Application="Dial", AppData="Local/RG-610-2002@from-internal")
    if then == "601":
        pbx.waits(customer, "601")
        one, two, phone = pbx.rung_by_queue(customer, "2002", "601")
        pbx.answers(two, phone, "b1")
        pbx.taken(customer, one, "2002", "b2", "601")
    else:
        one, two = pbx.local("RG-610-2002", "from-internal", customer)
        pbx.dials(customer, one)
        phone = pbx.rung("2002", customer)
        pbx.rings(two, phone)
        pbx.answers(two, phone, "b1")
        pbx.answers(customer, one, "b2")
    pbx.over(b2=(one, customer), b1=(phone, two))
    return pbx, [leg("2002", customer, queue="601" if then == "601" else "")]


@TABLE.case("a second customer while the first is on hold")
def call_waiting() -> Result:
    pbx = freepbx()
    pbx.logs_on("2001", queue="601")
    first = pbx.served("2001")
    pbx.says("Hold", block(first["phone"]))
    second = pbx.served("2001", "601", "d", number="447700900177")
    pbx.ends(second, "d")
    pbx.says("Unhold", block(first["phone"]))
    pbx.ends(first)
    return pbx, [leg("2001", first["customer"], queue="600"), leg("2001", second["customer"], queue="601")]


# -- transfers ------------------------------------------------------------------------------------------------------


@TABLE.case("a member consults by feature code and", "transfers", "comes back")
def consults_by_code(then: str) -> Result:
    pbx = freepbx()
    talk = pbx.served("2001")
    customer, two, phone = talk["customer"], talk["two"], talk["phone"]
    pbx.leaves("b1", phone)
    near, far = pbx.local("2002", "from-internal", customer)
    pbx.enters("b3", phone, near)
    other = pbx.rung("2002", customer)
    pbx.rings(far, other)
    pbx.answers(far, other, "b4")
    consulted = [leg(ext, near, interaction=customer.uid, direction="internal") for ext in ("2001", "2002")]
    right = [leg("2001", customer, queue="600"), *consulted]
    if then == "transfers":
        pbx.leaves("b3", phone, near)
        pbx.enters("b1", near)
        pbx.transferred(phone, phone, DestType="Bridge", DestBridgeUniqueid="b1")
        pbx.hangs_up(phone)
        pbx.over(b2=(customer, talk["one"]), b1=(two, near), b4=(far, other))
        return pbx, [*right, leg("2002", customer, queue="600")]
    pbx.leaves("b4", other, far)
    pbx.leaves("b3", near, phone)
    pbx.enters("b1", phone)
    pbx.hangs_up(other, near, far)
    pbx.ends(talk)
    return pbx, right


@TABLE.case("a member consults by the phone and", "transfers", "comes back")
def consults_by_phone(then: str) -> Result:
    pbx = freepbx()
    talk = pbx.served("2001")
    customer, phone = talk["customer"], talk["phone"]
    pbx.says("Hold", block(phone))
    second = pbx.lifts("2001", "2002")
    other = pbx.rung("2002", second)
    pbx.rings(second, other)
    pbx.answers(second, other, "b3")
    consulted = [leg(ext, second, interaction=customer.uid, direction="internal") for ext in ("2001", "2002")]
    right = [leg("2001", customer, queue="600"), *consulted]
    pbx.leaves("b3", other)
    if then == "transfers":
        pbx.enters("b1", other, swap=phone)
        pbx.leaves("b1", phone)
        pbx.transferred(phone, second, DestType="Bridge", DestBridgeUniqueid="b1")
        pbx.leaves("b3", second)
        pbx.hangs_up(phone, second)
        pbx.ends({**talk, "phone": other})
        return pbx, [*right, leg("2002", customer, queue="600")]
    pbx.leaves("b3", second)
    pbx.hangs_up(other, second)
    pbx.says("Unhold", block(phone))
    pbx.ends(talk)
    return pbx, right


@TABLE.case("a blind transfer to", "2002", "back to 2001", "601", "outside")
def blind(to: str) -> Result:
    pbx = freepbx()
    pbx.logs_on("2002", queue="601")
    customer = pbx.calls_in()
    phone = pbx.rung("2001", customer)
    pbx.rings(customer, phone)
    pbx.answers(customer, phone, "b1")
    blocks = {"Result": "Success"}, block(phone, "Transferer"), block(customer, "Transferee"), place("b1")
    pbx.says("BlindTransfer", *blocks, Context="from-internal-xfer", Extension=to)
    pbx.leaves("b1", phone, customer)
    pbx.hangs_up(phone)
    right = [leg("2001", customer)]
    if to == "601":
        pbx.waits(customer, "601")
        one, two, other = pbx.rung_by_queue(customer, "2002", "601")
        pbx.answers(two, other, "b2")
        pbx.taken(customer, one, "2002", "b3", "601")
        pbx.over(b3=(one, customer), b2=(other, two))
        return pbx, [*right, leg("2002", customer, queue="601")]
    if to == "outside":
        other = pbx.calls_out(customer, customer, "00447700900300@NordTel")
    else:
        other = pbx.rung("2002", customer)
        pbx.rings(customer, other)
        right.append(leg("2002" if to == "2002" else "2001", customer))
    if to == "back to 2001":
        pbx.is_not_answered(customer, other, "NOANSWER")
        other = pbx.rung("2001", customer)
        pbx.rings(customer, other)
    pbx.answers(customer, other, "b2")
    pbx.over(b2=(other, customer))
    return pbx, right


@pytest.mark.parametrize("name", TABLE.names)
def test_a_relative_gives_its_legs_and_no_other_and_every_call_ends(name: str) -> None:
    TABLE.check(name)
