"""A transfer reported for each of its calls is heard after the call that goes on was cleared, and its id used again.

Times are seconds after noon. Uma (C1) is queued, answered at 2001, and put on hold; 2001 consults 2002 (C2), hands Uma
on at 9.7 under C1, and C1 is cleared at 9.8. Ben is queued under C1 at 10.
"""

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

BEFORE = [
    event("Queued", 0.5, callId="C1", callerName="Uma", callerNameSource="isdn", queueName="Sales"),
    event("Established", 2.5, callId="C1", deviceId="2001"),
    event("Held", 5.5, callId="C1", deviceId="2001", cause="consultation"),
    event("Originated", 6, callId="C2", deviceId="2001", cause="consultation"),
    event("Established", 7.5, callId="C2", deviceId="2002"),
]
LEFT = event("ConnectionCleared", 9.8, callId="C1", deviceId="2002")
CLEARED = event("CallCleared", 9.8, callId="C1")
NEXT = [
    event("Queued", 10.65, callId="C1", callingNumber="+4930002", queueName="Support"),
    event("Established", 12, callId="C1", deviceId="2003"),
    event("ConnectionCleared", 20, callId="C1", deviceId="2003"),
]


def _report(call: str, heard: float) -> AnyEvent:
    said = {"primaryOldCallId": call, "resultingCallId": "C1"}
    said |= {"transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    return replace(event("Transferred", 9.7, **said), gatewaytime=moment(heard))


REPORTS = {
    "who was consulted first": [_report("C2", 10.5), _report("C1", 10.6)],
    "who consulted first": [_report("C1", 10.5), _report("C2", 10.6)],
    "who was consulted alone": [_report("C2", 10.5)],
}
ENDS = {"its last extension leaves": [LEFT, CLEARED], "cleared alone": [CLEARED], "cleared first": [CLEARED, LEFT]}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("reports", REPORTS.values(), ids=REPORTS)
def test_the_call_that_was_cleared_has_who_was_consulted_and_the_next_has_not(
    reports: list[AnyEvent], ends: list[AnyEvent]
) -> None:
    site = with_site(devices=frozenset({"2001", "2002", "2003"}))
    board = Switchboard(site).hears(*BEFORE, *ends, *reports, *NEXT).waits(30)
    consulted = next(leg for leg in board.legs if leg.device_id == "2002")
    ben = next(leg for leg in board.legs if leg.device_id == "2003")

    assert (consulted.call_id, consulted.disconnected_source_at) == ("C1", moment(9.8))
    assert consulted.facts.queue_name in ("", "Sales")
    assert (ben.facts.queue_name, ben.facts.caller_name) == ("Support", "")
    assert ben.incarnation != consulted.incarnation
