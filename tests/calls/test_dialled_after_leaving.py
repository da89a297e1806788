"""A phone that dials in a call which all phones have left dials another one, whatever interaction it states.

Uma talks to 2001 in C1, over the trunk T1 whose end is not reported, and hangs up at 33 while 2001 consults 2002. The
id names a further consultation of 2001 at 41.5, about what Uma wanted: it states her interaction. Times are seconds
after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "callingNumber": "+4930111"}
MINE: dict[str, Any] = {"interactionId": "I1"}
TIMES = ["fractions", "whole", "none"]


class _Link:
    """A link of a source with fractions of a second, with whole seconds, or without times."""

    def __init__(self, times: str) -> None:
        listed = {"devices": frozenset({"2001", "2002", "2003"}), "queues": frozenset({"5000"})}
        self.board, self.times = Switchboard(with_site(has_source_times=times != "none", **listed)), times

    def hears(self, kind: str, at: float, call_id: str, device: str, **data: Any) -> "_Link":
        time = int(at) if self.times == "whole" else at
        told = event(kind, time, callId=call_id, deviceId=device, **data)
        self.board.hears(replace(told, gatewaytime=moment(at + 0.03 * (self.times != "none"))))
        return self

    def last(self, device: str, call_id: str) -> LegState:
        return [leg for leg in self.board.legs if (leg.device_id, leg.call_id) == (device, call_id)][-1]


def _known(leg: LegState) -> tuple[str, str, bool]:
    return leg.facts.caller_name, leg.facts.queue_name, leg.facts.interaction_id == "I1"


def _uma_has_left(times: str, trunk: dict[str, Any]) -> _Link:
    link = _Link(times).hears("Queued", 10.1, "C1", "5000", queueName="Sales", **MINE, **UMA)
    link.hears("Established", 15.1, "C1", "2001").hears("Established", 15.2, "C1", **trunk)
    link.hears("Held", 25.1, "C1", "2001").hears("Originated", 26.1, "C2", "2001", **MINE)
    return link.hears("Established", 28.1, "C2", "2002").hears("ConnectionCleared", 33.1, "C1", "2001")


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("trunk", [{"device": "T1"}, {"device": "+4930111", "outside": True}])
@pytest.mark.parametrize("openings", [["Originated"], ["ServiceInitiated", "Originated"]])
@pytest.mark.parametrize("dials_at", [34.5, 41.5])
def test_a_further_consultation_under_the_id_of_a_customer_who_hung_up_knows_her_interaction_alone(
    dials_at: float, openings: list[str], trunk: dict[str, Any], times: str
) -> None:
    link = _uma_has_left(times, trunk).hears("Held", 34.2, "C2", "2001")
    for number, opening in enumerate(openings):
        link.hears(opening, dials_at + number, "C1", "2001", **MINE)
    link.hears("Established", 45.1, "C1", "2003")

    assert _known(link.last("2003", "C1")) == ("", "", True)
    assert _known(link.last("2001", "C1")) == ("", "", True)
    assert link.last("2001", "C1").connected_source_at == link.last("2003", "C1").connected_source_at


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(("device", "stated"), [("2001", UMA), ("2002", MINE), ("2003", MINE | UMA)])
def test_any_phone_that_dials_in_a_call_that_phones_have_left_dials_another(
    device: str, stated: dict[str, Any], times: str
) -> None:
    link = _uma_has_left(times, {"device": "T1"}).hears("ConnectionCleared", 34.1, "C2", "2001")
    link.hears("ConnectionCleared", 34.2, "C2", "2002").hears("Originated", 41.5, "C1", device, **stated)
    link.hears("Established", 45.1, "C1", "0301", outside=True)

    assert link.last(device, "C1").connected_source_at >= moment(45)
    assert link.last(device, "C1").facts.queue_name == ""


@pytest.mark.parametrize("times", ["fractions", "none"])
def test_the_dialling_of_a_short_call_that_is_heard_after_its_end_is_its_own(times: str) -> None:
    link = _Link(times).hears("Established", 20.1, "C1", "T1", **MINE).hears("Established", 20.2, "C1", "2001")
    link.hears("ConnectionCleared", 20.4, "C1", "2001")
    dialled = event("Originated", 19.9 if times == "fractions" else 20.6, callId="C1", deviceId="2001", **MINE)
    link.board.hears(replace(dialled, gatewaytime=moment(20.6)))
    link.hears("Queued", 30, "C1", "5000", queueName="Sales").hears("Established", 32, "C1", "2002")

    assert {leg.facts.interaction_id for leg in link.board.legs if leg.device_id == "2001"} == {"I1"}
    assert _known(link.last("2002", "C1")) == ("", "Sales", False)
