"""What the end of a call is the first to state is of that call, and not of who came just before it was heard.

2001 talks in C1 since 14. Something comes under the id within the second before the end of 2001, which states whose
call it was. Times are seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

UMA: dict[str, Any] = {"interactionId": "I1", "callerName": "Uma", "callerNameSource": "isdn"}
BOB: dict[str, Any] = {"callerName": "Bob", "callerNameSource": "isdn", "callingNumber": "+4930222"}
#: Who comes under the id before that: of this call, or of the next one.
COMING: dict[str, tuple[str, dict[str, Any]]] = {
    "a trunk": ("Established", {"deviceId": "T1"}),
    "an outside party": ("Established", {"deviceId": "T1", "outside": True}),
    "a phone": ("Established", {"deviceId": "2002"}),
    "a phone that rings": ("Delivered", {"deviceId": "2002"}),
    "a queue": ("Queued", {"deviceId": "5000", "queueName": "Sales"}),
}
#: What ends the call of 2001.
ENDS: dict[str, dict[str, Any]] = {"ConnectionCleared": {"deviceId": "2001"}, "CallCleared": {}}
SITE: dict[str, Any] = {"devices": frozenset({"2001", "2002"}), "queues": frozenset({"5000"})}


class _Link:
    """A link of a source without times, or with whole seconds."""

    def __init__(self, *, is_whole: bool) -> None:
        self.board, self.is_whole = Switchboard(with_site(has_source_times=is_whole, **SITE)), is_whole

    def hears(self, kind: str, at: float, **data: Any) -> "_Link":
        time = int(at) if self.is_whole else at
        self.board.hears(replace(event(kind, time, callId="C1", **data), gatewaytime=moment(at)))
        return self

    def of(self, device: str) -> list[LegState]:
        return [leg for leg in self.board.legs if leg.device_id == device]


def _known(leg: LegState) -> tuple[str, bool]:
    return leg.facts.caller_name, leg.facts.interaction_id == "I1"


def _begun(*, is_whole: bool, coming: str) -> _Link:
    kind, who = COMING[coming]
    return _Link(is_whole=is_whole).hears("Established", 14.03, deviceId="2001").hears(kind, 16.4, **who)


def _called_back(link: _Link) -> _Link:
    link.hears("Queued", 25, deviceId="5000", queueName="Sales", **BOB)
    link.hears("Established", 30, deviceId="2002", callingNumber="+4930222").hears(
        "ConnectionCleared", 45, deviceId="2002"
    )
    link.board.waits(90)
    return link


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("coming", COMING)
@pytest.mark.parametrize("end", ENDS)
def test_what_an_end_is_the_first_to_state_is_of_its_call_and_not_of_the_next_caller(
    end: str, coming: str, is_whole: bool
) -> None:
    link = _called_back(_begun(is_whole=is_whole, coming=coming).hears(end, 16.9, **ENDS[end], **UMA))

    assert _known(link.of("2001")[0]) == ("Uma", True)
    assert [_known(leg)[1] for leg in link.of("2002")] == [False] * len(link.of("2002"))
    assert _known(link.of("2002")[-1]) == ("Bob", False)


@pytest.mark.parametrize("is_whole", [False, True])
def test_what_the_end_of_a_first_connection_states_is_not_of_the_second(is_whole: bool) -> None:
    """2001 is connected under the id again before the end of its first call is heard."""
    link = _Link(is_whole=is_whole).hears("Established", 14.03, deviceId="2001")
    link.hears("Established", 16.4, deviceId="2001").hears("ConnectionCleared", 16.9, deviceId="2001", **UMA)
    link.hears("ConnectionCleared", 30, deviceId="2001").board.waits(60)

    assert [_known(leg) for leg in link.of("2001")] == [("Uma", True), ("", False)]


@pytest.mark.parametrize("is_whole", [False, True])
def test_what_a_queue_states_as_its_caller_leaves_is_not_of_the_phone_that_answered_just_before(is_whole: bool) -> None:
    link = _Link(is_whole=is_whole).hears("Queued", 10, deviceId="5000", queueName="Sales")
    link.hears("Established", 16.4, deviceId="2001").hears("ConnectionCleared", 16.9, deviceId="5000", **UMA)
    link.hears("ConnectionCleared", 30, deviceId="2001").board.waits(60)

    assert [_known(leg) for leg in link.of("2001")] == [("", False)]


@pytest.mark.parametrize("is_whole", [False, True])
@pytest.mark.parametrize("answered", [15.9, 16.3])
@pytest.mark.parametrize("end", ENDS)
def test_what_the_end_of_a_short_call_states_is_of_who_dialled_in_it_and_answered_last(
    end: str, answered: float, is_whole: bool
) -> None:
    """2001 dials 2002; both are connected less than a second before the end."""
    link = _Link(is_whole=is_whole).hears("Originated", 14.5, deviceId="2001", calledNumber="2002")
    link.hears("Established", answered, deviceId="2002").hears("Established", answered + 0.01, deviceId="2001")
    link.hears(end, 16.8, **ENDS[end], **UMA).hears("ConnectionCleared", 16.9, deviceId="2002", **UMA)
    link.board.waits(60)

    assert [_known(leg) for leg in (*link.of("2001"), *link.of("2002"))] == [("Uma", True)] * 2
