"""Calls of which is heard when QMS names their recordings no more."""

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from calls.core.reducer import fold
from calls.core.source_state import SourceState
from calls.core.unit_of_work import LiveState
from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("late", "until", "agree", "why"),
    [
        (1.0, 20.5, False, "none"),  # Out of order, no more.
        (1.001, 20.5, False, "heard_late"),
        (5.0, 24.0, False, "heard_late"),  # It was over as it was heard of.
        (5.0, 25.0, False, "heard_late"),
        (5.0, 25.001, False, "none"),
        (8.0, 24.0, False, "none"),  # A time of longer ago counts only where the clocks are known to agree.
        (8.0, 24.0, True, "heard_late"),
        (10.0, 60.0, True, "none"),  # QMS names a recording for ten seconds.
        (10.001, 60.0, True, "heard_late"),
    ],
)
def test_where_a_call_is_heard_of_when_qms_names_its_recording_no_more_qms_is_not_said_to_have_had_none(
    late: float, until: float, agree: bool, why: str
) -> None:
    first = replace(event("CallInformation", 1.5, callId="C9"), gatewaytime=moment(10))  # With fractions, and late.
    board = Switchboard().hears(first)
    if agree:
        board.call("Established", 10.5, "C9", "2009")
    leg = len(board.legs) + 1
    heard = [(20.0, "Established"), (until, "ConnectionCleared")]
    events = [
        (at, replace(event(kind, at, callId="C1", deviceId="2001"), gatewaytime=moment(at + late)))
        for at, kind in heard
    ]
    board.hears(events[0][1])
    if until < 30:
        board.hears(events[1][1]).missed(30 + late, leg, asked=20 + late)
    else:
        board.missed(30 + late, leg, asked=20 + late).hears(events[1][1])

    assert board.state.legs[leg].missed == why


def received(seconds: float, kind: str, at: float, **data: str) -> AnyEvent:
    """Tell of an event that an HTTP source posted at a time."""
    return replace(event(kind, at, callId="C1", deviceId="2001", **data), gatewayreceived=moment(seconds))


@pytest.mark.parametrize("why", ["late", "none"])
@pytest.mark.parametrize(
    ("posted", "until", "is_senders"),
    [
        (28.999, 60, False),  # The gateway had it while QMS named the recording.
        (29, 60, True),  # Nearly over: the clocks of QMS and the gateway may be a second apart.
        (7200, 60, True),
        (25, 24.999, True),  # QMS names a recording only while it runs.
        (25, 25.001, False),
    ],
)
def test_where_the_gateway_got_the_event_too_late_the_delay_is_not_its_own(
    posted: float, until: float, is_senders: bool, why: str
) -> None:
    """Connected at 20; QMS names the recording until 30."""
    board = Switchboard(with_site(guid_window_seconds=10)).hears(received(posted, "Established", 20))
    board.hears(received(max(posted, until), "ConnectionCleared", until)).missed(max(posted, until) + 9, 1, why)

    assert board.legs[0].reason_code == ("heard_late" if is_senders else why)
    assert board.legs[0].outcome == (Outcome.WINDOW_MISSED if is_senders or why == "late" else Outcome.NOT_RECORDED)


@pytest.mark.parametrize(("posted", "why"), [(None, "late"), (7200, "heard_late")])
def test_so_it_is_where_the_next_call_of_the_extension_came_in_the_same_post(posted: float | None, why: str) -> None:
    late = moment(posted) if posted is not None else None
    found = [("Established", 20, "C1"), ("ConnectionCleared", 25, "C1"), ("Established", 60, "C2")]
    events = [event(kind, at, callId=call, deviceId="2001") for kind, at, call in found]
    board = Switchboard(with_site(guid_window_seconds=10)).hears(
        *(replace(one, gatewayreceived=late) for one in events)
    )

    assert board.legs[0].reason_code == why


def test_what_falls_due_after_a_late_event_is_not_of_that_event() -> None:
    """It would depend on how the events were cut into batches."""
    late = replace(event("Delivered", 5.2, callId="C8", deviceId="2002"), gatewayreceived=moment(9000))
    events = [event("Held", 5, callId="C9", deviceId="2001"), late, event("CallInformation", 60, callId="C7")]
    work = fold(events, LiveState(source=SourceState(slug="pbx")), with_site())

    assert [(leg.call_id, leg.received_at) for leg in work.legs.values()] == [("C9", None)]


@pytest.mark.parametrize(("has_source_times", "why"), [(True, "heard_late"), (False, "none")])
@pytest.mark.parametrize("until", [20.5, 24.0])
def test_only_a_sources_own_times_say_that_a_call_was_over_when_it_was_heard_of(
    until: float, has_source_times: bool, why: str
) -> None:
    heard = [("Established", 20.0), ("ConnectionCleared", until)]
    board = Switchboard(with_site(has_source_times=has_source_times))
    board.hears(*(replace(event(kind, at, callId="C1", deviceId="2001"), gatewaytime=moment(25)) for kind, at in heard))

    assert board.missed(35, 1, asked=25).leg.reason_code == why
