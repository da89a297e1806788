"""A person gives a leg the recording that QMS did not name in time: only to a leg that surely has none."""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from calls.core.result_events import RecordingAssigned
from calls.core.state import LegPhase, SearchStatus, WriteStatus
from tests.calls.switchboard import Switchboard, moment

pytestmark = pytest.mark.core


def _missed() -> Switchboard:
    """Let 2001's call be over, and QMS have named no recording of it."""
    board = Switchboard().call("Established", 0, "C1", "2001").missed(10, 1)
    return board.call("ConnectionCleared", 20, "C1", "2001").waits(22)


def _assigned(board: Switchboard, **more: Any) -> Switchboard:
    answer = RecordingAssigned(
        leg=1, search=2, guid="G", service=3, started_at=moment(0.1), by="Ann", at=moment(500), holder=None
    )
    return board.hears(replace(answer, **more))


def test_an_assigned_recording_gets_its_flags_at_once() -> None:
    board = _assigned(_missed())
    leg = board.leg

    assert (leg.guid, leg.service, leg.search, leg.searches, leg.missed) == ("G", 3, SearchStatus.FOUND, 2, "")
    assert (leg.recording_began, leg.base_due, leg.phase) == (moment(0.1), moment(500), LegPhase.DELIVERING)
    assert board.writes == [(1, "base")]
    assert [step.what for step in leg.trace[-2:]] == ["assigned", "write"]
    assert "Ann assigned recording G" in leg.trace[-2].text


def test_an_assigned_recording_that_another_leg_has_by_now_is_not_taken() -> None:
    """Another leg that is known here, or one that is settled in the database."""
    board = _missed().call("Established", 30, "C2", "2001").found(30.3, 2, "G", started=30.1, asked=30.2)
    for holder in (None, 2):
        leg = _assigned(board, holder=holder).state.legs[1]
        assert (leg.guid, leg.outcome, leg.trace[-1].what) == ("", Outcome.NOT_RECORDED, "assigned")
        assert "belongs to another leg by now" in leg.trace[-1].text
    assert _assigned(_missed(), holder=9).leg.guid == ""
    assert board.writes == []


@pytest.mark.parametrize(
    "changed",
    [
        {"guid": "G1"},
        {"search": SearchStatus.OPEN},
        {"search": SearchStatus.NONE},
        {"base": WriteStatus.REFUSED},
        {"phase": LegPhase.OPEN},
        {"disconnected_gateway_at": None},
    ],
    ids=str,
)
def test_a_leg_that_has_a_recording_or_flags_or_is_not_over_gets_none_assigned(changed: dict[str, Any]) -> None:
    board = _missed()
    before = replace(board.leg, **changed)
    board.state = replace(board.state, legs={1: before})

    assert _assigned(board).state.legs[1] == before
    assert board.writes == []


def test_an_assigned_recording_of_an_unknown_leg_changes_nothing() -> None:
    board = _missed()

    assert _assigned(board, leg=7).leg.guid == ""
