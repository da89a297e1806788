"""A call that is handed on, in whole seconds, under an id whose call ended in that second, is no part of that call.

2001 and 2003 talk in C1 from 17 to 18. In the second 18 they talk again, in C2, which 2001 hands on to 2002: the result
has the id C1. Times are seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

HANDED_ON: dict[str, Any] = {"primaryOldCallId": "C2", "resultingCallId": "C1", "transferringDeviceId": "2001"}
#: How the transfer names who has the call then.
NAMED: dict[str, dict[str, Any]] = {
    "the destination": {"transferredToDeviceId": "2002"},
    "the device that reports it": {"transferredToDeviceId": "2002", "deviceId": "2001"},
    "nobody": {},
}


class _Link:
    """A link of whole seconds."""

    def __init__(self) -> None:
        listed = {"devices": frozenset({"2001", "2002", "2003"}), "queues": frozenset({"5000"})}
        self.board = Switchboard(with_site(has_source_times=True, **listed))

    def hears(self, kind: str, at: float, call_id: str = "", device: str = "", **data: Any) -> "_Link":
        where = {"callId": call_id, "deviceId": device}
        told = event(kind, int(at), **{name: one for name, one in where.items() if one} | data)
        self.board.hears(replace(told, gatewaytime=moment(at)))
        return self

    def calls(self, call_id: str, caller: str, called: str, at: float) -> "_Link":
        self.hears("Originated", at, call_id, caller).hears("Established", at + 0.1, call_id, called)
        return self.hears("Established", at + 0.11, call_id, caller)

    def of(self, device: str) -> list[LegState]:
        return [leg for leg in self.board.legs if leg.device_id == device]


def _interactions(legs: list[LegState]) -> set[str]:
    return {leg.facts.interaction_id for leg in legs}


@pytest.mark.parametrize("named", NAMED)
@pytest.mark.parametrize("ends", [["2001", "2003"], ["2003", "2001"]])
def test_a_call_handed_on_under_an_id_that_ended_in_that_second_has_an_interaction_of_its_own(
    ends: list[str], named: str
) -> None:
    link = _Link().calls("C1", "2001", "2003", 17.1)
    link.hears("ConnectionCleared", 18.04, "C1", ends[0]).hears("ConnectionCleared", 18.06, "C1", ends[1])
    link.calls("C2", "2003", "2001", 18.3).hears("Transferred", 18.9, **HANDED_ON, **NAMED[named])
    link.hears("Established", 21.2, "C1", "2002")

    first = _interactions([link.of("2001")[0], link.of("2003")[0]])
    assert len(first) == 1
    assert _interactions([link.of("2002")[0], link.of("2001")[1], link.of("2003")[-1]]).isdisjoint(first)
    assert len(_interactions([link.of("2002")[0], link.of("2003")[-1]])) == 1


@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_so_has_one_that_joins_a_consultation(kind: str) -> None:
    """2001 consults 2002 about a caller of 2003 in that second."""
    link = _Link().calls("C1", "2001", "2003", 17.1)
    link.hears("ConnectionCleared", 18.04, "C1", "2001").hears("ConnectionCleared", 18.06, "C1", "2003")
    link.calls("C2", "2003", "2001", 18.2).hears("Held", 18.4, "C2", "2001").calls("C3", "2001", "2002", 18.5)
    olds = {"primaryOldCallId": "C2", "secondaryOldCallId": "C3", "resultingCallId": "C1"}
    host = {"Transferred": "transferringDeviceId", "Conferenced": "conferencingDeviceId"}[kind]
    to = {"Transferred": "transferredToDeviceId", "Conferenced": "addedPartyId"}[kind]
    link.hears(kind, 18.9, **olds, **{host: "2001", to: "2002"}).hears("ConnectionCleared", 30.1, "C1", "2002")
    link.hears("ConnectionCleared", 30.2, "C1", "2003").board.waits(60)

    first = link.of("2001")[0].facts.interaction_id
    later = [leg for leg in link.board.legs if leg.connected_source_at >= moment(18)]
    assert len(later) >= 4
    assert first not in _interactions(later)


@pytest.mark.parametrize("listed", [{}, {"transferredToDeviceId": "2002"}])
def test_what_began_and_ended_in_the_second_of_the_transfer_is_its_result(listed: dict[str, Any]) -> None:
    """2002 answers under the resulting id and hangs up, and so does 2003, before the transfer is heard."""
    link = _Link().calls("C2", "2003", "2001", 17.1).hears("Established", 18.2, "C1", "2002")
    link.hears("ConnectionCleared", 18.4, "C1", "2002").hears("Transferred", 18.6, **HANDED_ON, **listed)

    assert _interactions(link.of("2002")) == _interactions(link.of("2003"))


@pytest.mark.parametrize(("heard", "end"), [(29.9, "CallCleared"), (29.9, ""), (29.3, "CallCleared")])
def test_an_agent_who_logs_on_in_the_second_of_a_call_and_is_heard_after_its_answer_is_not_named(
    heard: float, end: str
) -> None:
    link = _Link().hears("Queued", 27.8, "C1", "5000").hears("Established", 29.2, "C1", "2003", queueName="Sales")
    link.hears("Established", 29.22, "C1", "T5")
    said = replace(event("LoggedOn", 29, family="agent", agentId="9105", deviceId="2003"), gatewaytime=moment(heard))
    if heard < 29.6:
        link.board.hears(said)
    link.hears("ConnectionCleared", 29.6, "C1", "2003")
    if end:
        link.hears(end, 29.64, "C1")
    link.board.hears(said)

    assert [leg.agent_id for leg in link.of("2003")] == [""]
