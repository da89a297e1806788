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
