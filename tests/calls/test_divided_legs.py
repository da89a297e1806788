"""What the two parts of a leg have when a transfer divides it: each value is kept, cut off or begun, on purpose.

2001 has a customer on hold in C1 and calls 2002 in C2, which is connected at 29.5; at 30 the customer is handed over.
"""

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from calls.core.outcomes import Outcome
from calls.core.result_events import RecordingFound
from calls.core.state import LegPhase, LegState, SearchStatus, WriteStatus
from tests.calls.switchboard import NOON, Switchboard, moment, with_site
from tests.calls.test_gaps import link, snapshot
from tests.calls.test_transfers import attended

pytestmark = pytest.mark.core


def _seconds(value: Any) -> Any:
    return (value - NOON).total_seconds() if isinstance(value, datetime) else value


def _changed(before: LegState, after: LegState) -> dict[str, Any]:
    """Return what is different, times in seconds after noon; but for texts, which others assert."""
    old, new = asdict(before), asdict(after)
    return {
        name: _seconds(value)
        for name, value in new.items()
        if old[name] != value and name not in ("trace", "facts", "call_origin", "reason")
    }


def _consulted(board: Switchboard) -> Switchboard:
    board.agent("LoggedOn", 1, "A7", deviceId="2002", agentName="Uma Ray")
    board.call("Queued", 2, "C1", queueName="Sales", interactionId="I1").call("Established", 5, "C1", "2001")
    board.call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    return board.call("Established", 29.5, "C2", "2002")


def _parts(board: Switchboard) -> list[LegState]:
    return sorted((leg for leg in board.legs if leg.device_id == "2002"), key=lambda leg: leg.connected_source_at)


def test_a_leg_on_hold_is_divided_where_another_recording_began() -> None:
    board = _consulted(Switchboard()).found(29.8, 2, "G2", started=29.6, asked=29.7).hears(attended(30))
    board.call("Held", 30.5, "C3", "2002")
    before = board.state.legs[2]
    first, second = _parts(board.found(31.9, 2, "G3", started=30.3, asked=31.8))

    assert _changed(before, first) == {
        "call_id": "C2",
        "incarnation": 2,
        "phase": LegPhase.DELIVERING,
        "is_held": False,
        "disconnected_source_at": 30,
        "disconnected_gateway_at": 30,
        "pending_transfer": None,
        "base_due": 31,
        "base": WriteStatus.QUEUED,
        "due": None,
    }
    assert _changed(before, second) == {
        "number": 4,
        "ordinal": 2,
        "connected_source_at": 30,
        "connected_gateway_at": 30,
        "agent_source_at": 29.5,
        "searches": 0,
        "held_gateway_at": None,
        "pending_transfer": None,
        "guid": "G3",
        "recording_began": 30.3,
        "found_gateway_at": 31.9,
        "sure_at": 31.8,
        "due": 30 + 12 * 3600,
    }
    assert (first.facts.queue_name, second.facts.queue_name) == ("", "Sales")
    assert [leg.trace[-1].what for leg in (first, second)] == ["write", "connected"]


#: The first part of a leg that was over already when it was divided.
CUT_OFF = {
    "call_id": "C2",
    "incarnation": 2,
    "phase": LegPhase.DELIVERING,
    "disconnected_source_at": 30,
    "disconnected_gateway_at": 30,
    "pending_transfer": None,
    "base_due": 31,
    "base": WriteStatus.QUEUED,
}
#: What a second part has of its own, however it came about.
BEGUN = {
    "number": 4,
    "ordinal": 2,
    "connected_source_at": 30,
    "connected_gateway_at": 30,
    "agent_source_at": 29.5,
    "searches": 0,
    "pending_transfer": None,
}


def test_a_leg_that_is_over_is_divided_and_both_parts_are_written() -> None:
    board = _consulted(Switchboard()).found(29.8, 2, "G2", started=29.6, asked=29.7).hears(attended(30))
    board.call("ConnectionCleared", 35, "C3", "2002").waits(36.5)
    before = board.state.legs[2]
    first, second = _parts(board.found(36.9, 2, "G3", started=30.3, asked=31.8))

    assert _changed(before, first) == CUT_OFF
    assert _changed(before, second) == BEGUN | {
        "phase": LegPhase.DELIVERING,
        "guid": "G3",
        "recording_began": 30.3,
        "found_gateway_at": 36.9,
        "sure_at": 31.8,
        "base": WriteStatus.QUEUED,
    }


def test_a_leg_that_vanished_in_a_gap_is_divided_where_qms_could_not_be_asked_and_the_first_end_is_known() -> None:
    board = _consulted(Switchboard()).found(29.8, 2, "G2", started=29.6, asked=29.7).hears(attended(30))
    board.hears(link("Lost", 31), link("Restored", 33), snapshot("Began", 33), snapshot("Ended", 33.1))
    before = board.state.legs[2]
    first, second = _parts(board.missed(42, 2, "none", asked=41))

    assert before.is_end_unknown
    assert _changed(before, first) == CUT_OFF | {"is_end_unknown": False, "due": None}
    assert _changed(before, second) == BEGUN | {
        "phase": LegPhase.SETTLED,
        "search": SearchStatus.MISSED,
        "missed": "undecided",
        "guid": "",
        "recording_began": None,
        "sure_at": None,
        "service": None,
        "outcome": Outcome.WINDOW_MISSED,
        "reason_code": "undecided",
        "found_gateway_at": None,
        "due": None,
    }


#: The part of a leg whose flags are written: it has none of the leg's recording, flags and wrap-up.
NEVER_WRITTEN = {
    "number": 4,
    "ordinal": 2,
    "phase": LegPhase.SETTLED,
    "search": SearchStatus.MISSED,
    "guid": "",
    "recording_began": None,
    "sure_at": None,
    "service": None,
    "base_due": 53,
    "base": WriteStatus.NONE,
    "wrapup_due": None,
    "outcome": Outcome.WINDOW_MISSED,
    "found_gateway_at": None,
    "flagged_gateway_at": None,
    "due": None,
}


def _written(began: float) -> Switchboard:
    """Let 2002's flags be written and its wrap-up be awaited, its recording having begun then."""
    board = _consulted(Switchboard(with_site(wrapup_wait_seconds=60.0)))
    board.found(began + 0.2, 2, "R", started=began, asked=began + 0.1).call("ConnectionCleared", 35, "C2", "2002")
    return board.waits(37).settled(37.5, 2)


def test_a_written_leg_whose_recording_began_with_a_late_transfer_is_the_second_part() -> None:
    board = _written(30.1)
    before = board.state.legs[2]
    board.hears(replace(attended(30), gatewaytime=moment(53)))
    part = board.legs[-1]

    assert board.state.legs[2] == before
    assert _changed(before, part) == NEVER_WRITTEN | {
        "disconnected_source_at": 30,
        "disconnected_gateway_at": 53,
        "missed": "transfer",
        "reason_code": "transfer",
    }
    assert [step.what for step in part.trace] == ["disconnected"]


def test_a_written_leg_whose_recording_began_before_a_late_transfer_is_the_first_part() -> None:
    board = _written(29.6)
    before = board.state.legs[2]
    board.hears(replace(attended(30), gatewaytime=moment(53)))
    part = board.legs[-1]

    assert board.state.legs[2] == before
    assert _changed(before, part) == NEVER_WRITTEN | {
        "call_id": "C3",
        "incarnation": 3,
        "connected_source_at": 30,
        "connected_gateway_at": 53,
        "agent_source_at": 29.5,
        "searches": 0,
        "missed": "undecided",
        "reason_code": "undecided",
    }


@pytest.mark.parametrize(
    ("began", "missed"), [(29.749, "undecided"), (29.75, "undecided"), (29.751, "transfer"), (30.5, "transfer")]
)
def test_a_recording_began_with_a_transfer_from_a_quarter_of_a_second_before_it_on(began: float, missed: str) -> None:
    """It began over a quarter of a second after Connected, too: that was at 29.5."""
    board = _written(began).hears(replace(attended(30), gatewaytime=moment(53)))

    assert board.legs[-1].missed == missed


def test_the_flags_of_a_second_part_whose_recording_is_in_doubt_wait_for_a_call_that_is_heard_of_late() -> None:
    """Nobody sees how late events are, and the recording did not begin just as the call was handed on."""
    board = _consulted(Switchboard(with_site(has_source_times=False))).found(29.8, 2, "G2", started=29.6)
    board.hears(attended(30)).call("ConnectionCleared", 32, "C3", "2002")
    _, second = _parts(board.found(32.5, 2, "G3", started=30.4, asked=31.9))

    assert _seconds(second.base_due) == 37.4


def test_the_first_part_raises_no_doubt_about_a_recording_that_began_a_little_before_the_transfer() -> None:
    board = _consulted(Switchboard()).hears(attended(30))
    first, second = _parts(board.found(31.9, 2, "G3", started=29.9, asked=31.8))

    assert (first.guid, first.missed, second.guid, _seconds(second.sure_at)) == ("", "transfer", "G3", 31.8)


def test_both_parts_say_why_they_have_no_recording_where_qms_could_not_be_asked() -> None:
    first, second = _parts(_consulted(Switchboard()).hears(attended(30, newSegment=True)).missed(42, 2, "unreachable"))

    assert (first.missed, second.missed) == ("unreachable", "unreachable")


def test_a_leg_that_is_not_sought_is_divided_where_the_pbx_begins_a_new_segment() -> None:
    board = Switchboard(with_site(agents_calls_only=True)).call("Established", 5, "C1", "2001")
    board.call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001").call("Established", 29.5, "C2", "2002")
    first, second = _parts(board.hears(attended(30, newSegment=True)))

    assert [leg.search for leg in (first, second)] == [SearchStatus.NONE, SearchStatus.NONE]
    assert (_seconds(first.disconnected_source_at), _seconds(second.connected_source_at)) == (30, 30)


def test_both_parts_of_a_leg_that_a_snapshot_found_were_joined_late() -> None:
    board = Switchboard().hears(link("Restored", 0), snapshot("Began", 1)).call("Established", 1, "C1", "2001")
    board.call("Established", 1, "C2", "2002").hears(snapshot("Ended", 2), attended(30, newSegment=True))
    first, second = _parts(board.call("ConnectionCleared", 60, "C3", "2002").waits(70))

    assert [leg.outcome for leg in (first, second)] == [Outcome.JOINED_LATE, Outcome.JOINED_LATE]
    assert (_seconds(first.disconnected_source_at), _seconds(second.connected_source_at)) == (30, 30)


def test_a_leg_without_a_recording_gets_that_of_its_second_part_though_another_calls_was_named_meanwhile() -> None:
    """QMS names the recording of 2002's call before until after the transfer; asked without it, it names the next."""
    board = _consulted(Switchboard()).found(29.8, 2, "G0", started=20, asked=29.7).hears(attended(30))
    answer = RecordingFound(
        leg=2,
        search=board.state.legs[2].searches,
        guid="G3",
        service=1,
        started_at=moment(30.5),
        attempts=2,
        at=moment(31.9),
        asked_at=moment(31.8),
        why="same",
    )
    first, second = _parts(board.hears(answer))

    assert (first.guid, second.guid, _seconds(second.connected_source_at)) == ("", "G3", 30)


@pytest.mark.parametrize(("at", "part"), [(29.9, 0), (30.6, 1), (32, 1)])
@pytest.mark.parametrize("is_found", [True, False])
def test_a_wrap_up_that_comes_before_a_leg_is_divided_is_of_the_part_that_it_wraps_up(
    at: float, part: int, is_found: bool
) -> None:
    """2002 leaves half a second after the transfer, so that QMS may never name a recording of that."""
    board = _consulted(Switchboard(with_site(wrapup_wait_seconds=60.0)))
    board.found(29.8, 2, "G2", started=29.6, asked=29.7)
    if at < 30:
        board.call("CallInformation", at, "C2", "2002", wrapup={"result": "Sold"})
    board.hears(attended(30)).call("ConnectionCleared", 30.5, "C3", "2002")
    if at > 30:
        board.call("CallInformation", at, "C3", "2002", wrapup={"result": "Sold"})
    if is_found:
        board.found(32.1, 2, "G3", started=30.3, asked=30.4)
    else:
        board.missed(41, 2)

    assert [leg.wrapup_result for leg in _parts(board.waits(60))] == [
        "Sold" if place == part else "" for place in (0, 1)
    ]
