"""A wrap-up states its call's data, and is heard before the talk's end and after the id's next call.

Times are seconds after noon. Uma (C) talks with 2001 from 3 to 4.7, Ben is queued under C at 4.9, without a number, and
answered at 2002; the wrap-up is of 5.0, and that 2001 left is heard last.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"callerName": "Uma", "callerNameSource": "isdn", "callingNumber": "+4930001"}
QUEUED = event("Queued", 0.2, callId="C", queueName="Doctors", **UMA)
TALKS = event("Established", 3, callId="C", deviceId="2001")
NEXT = event("Queued", 4.9, callId="C", callerName="Ben", callerNameSource="isdn", queueName="Sales")
LEFT = replace(event("ConnectionCleared", 4.7, callId="C", deviceId="2001"), gatewaytime=moment(5.3))
ANSWERED = event("Established", 6.9, callId="C", deviceId="2002")
OVER = event("ConnectionCleared", 9, callId="C", deviceId="2002")


def _wrapped_up(**data: Any) -> Any:
    return event("CallInformation", 5, callId="C", deviceId="2001", wrapup={"template": "t", "result": "sold"}, **data)


@pytest.mark.parametrize("queue", [{}, {"queueName": "Doctors"}], ids=["", "its queue"])
@pytest.mark.parametrize("is_called", [True, False], ids=["its caller", ""])
def test_the_next_call_has_nothing_of_what_the_wrap_up_states(is_called: bool, queue: dict[str, Any]) -> None:
    said = _wrapped_up(**(UMA if is_called else {}), **queue)
    board = Switchboard(with_site()).hears(QUEUED, TALKS, NEXT, said, LEFT, ANSWERED, OVER).waits(30)
    uma, ben = board.legs

    assert (uma.facts.caller_name, uma.facts.queue_name, uma.wrapup_result) == ("Uma", "Doctors", "sold")
    assert (ben.facts.caller_name, ben.facts.queue_name, ben.wrapup_result) == ("Ben", "Sales", "")


def test_a_wrap_up_while_the_call_lasts_tells_what_was_not_known_of_it() -> None:
    said = _wrapped_up(**UMA, queryData={"IMPORTANT": "yes"})
    (leg,) = Switchboard(with_site()).hears(TALKS, said, replace(LEFT, time=moment(8))).waits(30).legs

    assert (leg.facts.caller_name, leg.facts.query_data) == ("Uma", {"IMPORTANT": "yes"})
