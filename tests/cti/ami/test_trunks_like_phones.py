"""A trunk that looks like a phone gives no customer's call another customer's interaction."""

from typing import Any

import pytest

from tests.cti.ami.pbx import Line, Pbx, block
from tests.cti.ami.test_field_cases import legs_of, shown
from tests.cti.ami.traces import play


def arrives(pbx: Pbx, peer: str, number: str) -> Line:
    caller = pbx.line(peer, number=number, caller_name=f"Caller {number}", context="inbound", state=4)
    pbx.waits(caller)
    return caller


def answered(pbx: Pbx, caller: Line, extension: str, bridge: str) -> Line:
    agent = pbx.phone(extension, like=caller)
    pbx.offers(caller, agent, "")
    pbx.passes(2)
    pbx.agent_answers(caller, agent, "")
    pbx.enters(bridge, agent, caller)
    pbx.passes(2)
    return agent


def legs(pbx: Pbx) -> list[dict[str, Any]]:
    return [shown(leg) for leg in legs_of(play(pbx.data).events)]


def interactions(pbx: Pbx) -> dict[str, str]:
    return {leg["extension"]: leg["interaction"] for leg in legs(pbx) if leg["extension"] in ("2001", "2002")}


@pytest.mark.parametrize(
    ("peer", "first", "second"),
    [
        ("SIP/1234567", "447700900101", "447700900102"),
        ("SIP/7001", "447700900101", "447700900102"),
        ("PJSIP/62001", "447700900101", "02079460000"),
        ("PJSIP/carrier", "110", "62850"),
        ("PJSIP/branch", "3001", "3002"),
    ],
)
def test_a_trunk_on_hold_gives_its_interaction_to_no_other_call(peer: str, first: str, second: str) -> None:
    pbx = Pbx()
    pbx.member("2001", "")
    pbx.member("2002", "")
    held = arrives(pbx, peer, first)
    one = answered(pbx, held, "2001", "b1")
    pbx.says("Hold", block(held))
    pbx.passes(1)
    other = arrives(pbx, peer, second)
    two = answered(pbx, other, "2002", "b2")
    pbx.leaves("b2", two, other)
    pbx.leaves("b1", one, held)
    pbx.hangs_up(two, other, one, held)

    assert interactions(pbx) == {"2001": held.uid, "2002": other.uid}


def test_a_trunk_that_is_dialled_by_a_uri_with_a_number_is_no_phone() -> None:
    pbx = Pbx()
    caller = pbx.phone("2001")
    line = pbx.line("PJSIP/carrier", caller)
    pbx.dials(caller, line, "carrier/sip:02079460000@sip.example.net")
    pbx.rings_off(caller, line, "ANSWER")
    pbx.enters("b1", line, caller)
    pbx.passes(2)
    pbx.leaves("b1", line, caller)
    pbx.hangs_up(line, caller)

    assert [(leg["extension"], leg["direction"]) for leg in legs(pbx)] == [("2001", "outbound")]


@pytest.mark.parametrize("contact", ["2005", "alice", "8h3k2j"])
def test_a_phone_that_is_dialled_by_its_contact_is_a_phone(contact: str) -> None:
    pbx = Pbx()
    caller = pbx.customer()
    phone = pbx.line("PJSIP/alice", caller)
    pbx.dials(caller, phone, f"alice/sip:{contact}@192.0.2.7:5060")
    pbx.rings_off(caller, phone, "ANSWER")
    pbx.enters("b1", phone, caller)
    pbx.passes(2)
    pbx.leaves("b1", phone, caller)
    pbx.hangs_up(phone, caller)

    assert [leg["extension"] for leg in legs(pbx)] == ["alice"]


@pytest.mark.parametrize("number", ["441632960100", "4930123462001", "2001"])
def test_a_phone_that_shows_the_sites_own_number_stays_a_phone(number: str) -> None:
    pbx = Pbx()
    for _ in range(2):
        caller = pbx.line("PJSIP/62001", number=number, state=4)
        called = pbx.phone("2002", like=caller)
        pbx.call(caller, called, "b1")
        pbx.leaves("b1", called, caller)
        pbx.hangs_up(called, caller)

    assert sorted({leg["extension"] for leg in legs(pbx)}) == ["2002", "62001"]
