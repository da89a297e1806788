"""The answer of a consultation that is heard after its conference: who consulted has a leg until then.

Seconds after noon. 2001 talks with a customer in C1, dials C2 at 9, and a conference is made at 15.
"""

from datetime import datetime

import pytest

from calls.core.outcomes import Outcome
from calls.core.state import LegPhase, LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


def conferenced(new: str = "C2") -> Switchboard:
    board = Switchboard(with_site()).call("Queued", 1, "C1", callerName="Uma", queueName="Sales")
    board.call("Established", 5.01, "C1", "2001").found(6, 1, "G1").call("Held", 8, "C1", "2001")
    board.call("Originated", 9, "C2", "2001", cause="consultation")
    names = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": new}
    return board.hears(event("Conferenced", 15, conferencingDeviceId="2001", addedPartyId="2002", **names))


def consulting(board: Switchboard) -> list[tuple[float, float]]:
    """Return from when until when 2001 had legs beside that of the customer's call."""
    legs = [leg for leg in board.legs if leg.device_id == "2001" and leg.connected_source_at > moment(6)]
    return [(_seconds(leg.connected_source_at), _seconds(leg.disconnected_source_at)) for leg in legs]


def _seconds(at: datetime | None) -> float:
    return (at - moment(0)).total_seconds() if at is not None else 0.0


def leg_of_consultation(board: Switchboard) -> LegState:
    return next(leg for leg in board.legs if leg.device_id == "2001" and leg.connected_source_at > moment(6))


@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize(("answered", "spans"), [(8.5, []), (9, [(9, 15)]), (14.4, [(14.4, 15)]), (15.1, [])])
def test_who_consulted_has_a_leg_from_the_answer_to_the_conference_however_that_is_heard(
    new: str, answered: float, spans: list[tuple[float, float]]
) -> None:
    board = conferenced(new).waits(15.3).call("Established", answered, "C2" if answered < 15 else new, "2002")

    assert consulting(board) == spans


def test_it_is_heard_also_after_who_consulted_has_left() -> None:
    board = conferenced().call("ConnectionCleared", 15.4, "C2", "2001").call("Established", 14.4, "C2", "2002")

    assert consulting(board) == [(14.4, 15)]


@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize("device_id", ["2001", "2003"])
def test_an_answer_in_the_customers_call_says_nothing_of_the_consultation(new: str, device_id: str) -> None:
    """2003 joined the customer's call, or another monitor reports 2001 there; the consultation's is heard last."""
    board = conferenced(new).call("Established", 14.2, "C1", device_id)
    assert consulting(board) == []

    assert consulting(board.call("Established", 14.4, "C2", "2002")) == [(14.4, 15)]


def test_the_answer_that_is_heard_twice_makes_one_leg() -> None:
    board = conferenced()
    for _ in range(2):
        board.call("Established", 14.4, "C2", "2002")

    assert consulting(board) == [(14.4, 15)]


def test_an_answer_that_was_heard_in_time_makes_no_further_leg() -> None:
    board = Switchboard(with_site()).call("Established", 5.01, "C1", "2001").call("Held", 8, "C1", "2001")
    board.call("Originated", 9, "C2", "2001").call("Established", 14, "C2", "2002")
    names = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C2"}
    board.hears(event("Conferenced", 15, conferencingDeviceId="2001", addedPartyId="2002", **names))
    board.call("Established", 14.1, "C2", "2003")

    assert consulting(board) == [(14, 15)]


def test_it_says_why_it_has_no_recording_and_the_customers_leg_keeps_its_own() -> None:
    board = conferenced().waits(15.3).call("Established", 14.4, "C2", "2002").waits(20)
    leg = leg_of_consultation(board)

    assert (leg.outcome, leg.phase) == (Outcome.WINDOW_MISSED, LegPhase.SETTLED)
    assert "reported so late" in leg.reason
    assert board.legs[0].guid == "G1"
    assert board.legs[0].phase is LegPhase.OPEN


def test_what_is_known_of_the_customer_is_not_written_to_a_recording_that_a_person_gives_it() -> None:
    board = conferenced().waits(15.3).call("Established", 14.4, "C2", "2002")

    assert {"caller_name", "queue_name"} <= set(leg_of_consultation(board).withheld)
