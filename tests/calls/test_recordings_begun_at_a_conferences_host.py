"""Another recording that begins at a conference at its host: the host has two legs where QMS says so.

2001 talks with a customer in C1 since 5.05, consults 2002 in C2 from 25 on, and all confer from 30 to 50. Times are
seconds after noon.
"""

from typing import Any

import pytest

from calls.core.commands import StartSearch
from calls.core.state import LegState
from tests.calls.switchboard import Switchboard, event, with_site

pytestmark = pytest.mark.core

CUSTOMERS, CONSULTED, HOSTS = 1, 2, 3
RESULTS = ["C1", "C2", "C3"]


def _joined(result: str = "C2", *, times: str = "fractions", is_known: bool = True) -> Switchboard:
    board = Switchboard(with_site(has_source_times=times != "none"))
    board.call("Established", 5 + 0.05 * (times != "whole"), "C1", "2001", queueName="Sales")
    if is_known:
        board.found(6, CUSTOMERS, "R1", started=5.1, asked=5.5)
    board.call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001", cause="consultation")
    board.call("Established", 25, "C2", "2002").found(26, CONSULTED, "R2", started=25.1, asked=25.5)
    board.found(26, HOSTS, "R3", started=25.1, asked=25.5)
    olds = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": result}
    board.hears(event("Conferenced", 30, conferencingDeviceId="2001", addedPartyId="2002", **olds))
    return board.missed(41, CONSULTED, asked=32, first=30.2)


def _is_over(board: Switchboard, result: str = "C2") -> list[LegState]:
    board.call("ConnectionCleared", 50, result, "2002").call("ConnectionCleared", 50.1, result, "2001").waits(70)
    return [leg for leg in board.legs if leg.device_id == "2001" and leg.number != HOSTS]


def _parts(legs: list[LegState]) -> list[tuple[str, str, str]]:
    return [(leg.guid, leg.call_id, leg.facts.queue_name) for leg in legs]


@pytest.mark.parametrize("times", ["none", "whole", "fractions"])
@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("began", [29.9, 30, 30.1, 31.2])
def test_a_recording_that_begins_at_a_conference_at_its_host_has_a_leg_of_its_own(
    began: float, result: str, times: str
) -> None:
    board = _joined(result, times=times).found(32, CUSTOMERS, "R4", started=began, asked=31.5)

    assert _parts(_is_over(board, result)) == [("R1", "C1", "Sales"), ("R4", result, "Sales")]


@pytest.mark.parametrize(
    "answer",
    [
        lambda board: board.missed(41, CUSTOMERS, asked=32, first=30.2),
        lambda board: board.missed(41, CUSTOMERS, "late"),
        lambda board: board.missed(41, CUSTOMERS, "unreachable"),
        lambda board: board.found(31, CUSTOMERS, "R1", started=5.1, asked=30.5),
        lambda board: board.found(31, CUSTOMERS, "R3", started=25.1, asked=30.5),  # The consultation's goes on.
        lambda board: board.found(31, CUSTOMERS, "R9", started=29.6, asked=30.5),  # It began with nothing known.
        lambda board: board.found(35, CUSTOMERS, "R9", started=33, asked=34.5),
    ],
    ids=["none", "late", "unreachable", "the same", "the consultation's", "one of before it", "one of after it"],
)
@pytest.mark.parametrize("result", RESULTS)
def test_the_hosts_leg_goes_on_unless_qms_names_what_began_with_the_conference(result: str, answer: Any) -> None:
    board = answer(_joined(result))

    assert _parts(_is_over(board, result)) == [("R1", result, "Sales")]
    assert board.writes.count((CUSTOMERS, "base")) == 1


def test_what_is_named_as_the_host_has_left_may_be_another_calls_so_that_its_leg_says_what_is_sure() -> None:
    board = _joined().call("ConnectionCleared", 30.6, "C2", "2001")
    board.found(30.8, CUSTOMERS, "R4", started=30.3, asked=30.5).waits(70)
    first = next(leg for leg in board.legs if leg.guid == "R1")

    assert (first.call_id, "call_id" in first.withheld) == ("C1", True)


def _moved(moved: float, *, times: str, retrieved: float | None = None) -> Switchboard:
    """2001 holds C1 at 20; 2004 hands it on from there to 2003, as C5, when ``moved``; all confer at 30."""
    board = Switchboard(with_site(has_source_times=times != "none"))
    begun = 5 + 0.05 * (times != "whole")
    board.call("Established", begun, "C1", "2001").found(6, CUSTOMERS, "R1", started=5.1, asked=5.5)
    board.call("Established", begun, "C1", "2004").call("Established", 10, "C4", "2003")
    moves = event(
        "Transferred",
        moved,
        primaryOldCallId="C1",
        secondaryOldCallId="C4",
        resultingCallId="C5",
        transferringDeviceId="2004",
        transferredToDeviceId="2003",
    )
    told = [moves, event("Held", 20, callId="C5" if moved < 20 else "C1", deviceId="2001")]
    if retrieved is not None:
        told.append(event("Retrieved", retrieved, callId="C5" if moved < retrieved else "C1", deviceId="2001"))
    board.hears(*sorted(told, key=lambda one: one.time)).call("Originated", 24, "C2", "2001", cause="consultation")
    board.call("Established", 25, "C2", "2002")
    olds = {"primaryOldCallId": "C5", "secondaryOldCallId": "C2", "resultingCallId": "C2"}
    board.hears(event("Conferenced", 30, conferencingDeviceId="2001", addedPartyId="2002", **olds))
    return board.found(32, CUSTOMERS, "R9", started=30.1, asked=31.5)


@pytest.mark.parametrize("times", ["none", "whole", "fractions"])
@pytest.mark.parametrize(
    ("moved", "retrieved", "is_sure"),
    [(15, None, True), (22, None, False), (22, 29.9, False), (29, 28, True)],
    ids=["before the hold", "on hold", "on hold, then retrieved", "after it was retrieved"],
)
def test_what_a_host_had_before_a_hold_in_which_its_call_moved_may_have_ended_there(
    moved: float, retrieved: float | None, is_sure: bool, times: str
) -> None:
    board = _moved(moved, times=times, retrieved=retrieved).waits(70)
    first = next(leg for leg in board.legs if leg.guid == "R1")
    second = next(leg for leg in board.legs if leg.guid == "R9")

    assert (first.call_id, second.call_id) == ("C5", "C2")
    assert ("call_id" not in first.withheld) is is_sure


@pytest.mark.parametrize(("named", "keeps"), [("R4", True), ("R1", False)])
def test_a_hosts_recording_is_not_given_up_for_what_its_consultation_is_named_and_does_not_get(
    named: str, keeps: bool
) -> None:
    """Without times R1 is contested by the consultation until its search ends: with what began at the conference."""
    board = Switchboard(with_site(has_source_times=False)).call("Established", 21, "C1", "2001")
    board.found(21.1, 1, "R1", started=20.95, asked=21.05).call("Held", 24.6, "C1", "2001")
    board.call("Originated", 25, "C2", "2001", cause="consultation").call("Established", 25.3, "C2", "2002")
    board.call("Established", 25.3, "C2", "2001")
    olds = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C2"}
    board.hears(event("Conferenced", 26.5, conferencingDeviceId="2001", addedPartyId="2002", **olds))
    own = next(leg for leg in board.legs if leg.device_id == "2001" and leg.number != 1)
    board.found(26.6, own.number, named, started=26.35 if named == "R4" else 20.95, asked=26.55)

    assert (board.state.legs[own.number].guid, board.state.legs[1].guid) == ("", "R1" if keeps else "")


@pytest.mark.parametrize("is_known", [False, True])
def test_it_is_asked_only_where_the_leg_has_a_recording(is_known: bool) -> None:
    board = _joined(is_known=is_known)

    assert [one.search for one in board.commands if isinstance(one, StartSearch) and one.leg == CUSTOMERS] == (
        [1, 2] if is_known else [1]
    )


def test_a_single_step_conference_asks_nothing_of_its_host() -> None:
    board = Switchboard(with_site(has_source_times=True)).call("Established", 5, "C1", "2001")
    board.found(6, CUSTOMERS, "R1", started=5.1, asked=5.5)
    board.hears(
        event(
            "Conferenced",
            30,
            primaryOldCallId="C1",
            resultingCallId="C2",
            conferencingDeviceId="2001",
            addedPartyId="2002",
        )
    )

    assert board.leg.pending_transfer is None
