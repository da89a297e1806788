"""A recording that a consultation did not get, because it may be another leg's, is not given to that other leg later.

Seconds after noon, without times of the source. 2001 answers a customer and consults 2002, heard at once at the end of
a stall; a conference follows. The recorder goes on with the consultation's recording R2: QMS names it then.
"""

import pytest
from msgspec.structs import replace

from calls.core.outcomes import Outcome
from calls.core.state import LegPhase, LegState
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core

CUSTOMER, CONSULTATION = 1, 3


def consulting(customer: float = 9.7, answered: float = 10.1) -> Switchboard:
    """2001 consults 2002; ``customer`` and ``answered``: when we heard of the two calls."""
    board = Switchboard(with_site(has_source_times=False, devices=frozenset({"2001", "2002"})))
    board.call("Established", customer, "C1", "2001", callingNumber="+49301", queueName="Sales")
    board.call("Held", customer + 0.1, "C1", "2001")
    board.call("Originated", customer + 0.11, "C2", "2001", callingNumber="2001", cause="consultation")
    return board.call("Established", answered, "C2", "2002", callingNumber="2001")


def joined(board: Switchboard, new: str = "C3", at: float = 11) -> Switchboard:
    ids = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": new}
    return board.hears(event("Conferenced", at, conferencingDeviceId="2001", addedPartyId="2002", **ids))


def of_customer(board: Switchboard, call_id: str = "C3") -> LegState:
    """Let 2001 leave, and all be settled; return the leg of the customer's call."""
    return board.call("ConnectionCleared", 15.4, call_id, "2001").waits(60).state.legs[CUSTOMER]


@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize("until", [11.95, 12.001, 13, 18])
def test_what_the_consultation_did_not_get_is_not_the_customers_however_late_that_is_asked_for(
    new: str, until: float
) -> None:
    board = joined(consulting(), new).found(11.94, CONSULTATION, "R2", started=9.27, asked=11.91)
    board.waits(until).found(until + 0.4, CUSTOMER, "R2", started=9.27, asked=until + 0.3)
    leg = of_customer(board, new)

    assert (leg.guid, leg.outcome, leg.reason_code) == ("", Outcome.WINDOW_MISSED, "next_call")
    assert board.state.legs[CONSULTATION].outcome is Outcome.WINDOW_MISSED


def test_nor_where_the_consultation_was_over_without_a_conference() -> None:
    board = consulting().call("ConnectionCleared", 11, "C2", "2001").call("Retrieved", 11.1, "C1", "2001")
    board.found(11.94, CONSULTATION, "R2", started=9.27, asked=11.91).waits(12.3)

    assert not of_customer(board.found(12.4, CUSTOMER, "R2", started=9.27, asked=12.38), "C1").guid


@pytest.mark.parametrize("why", ["late", "unreachable", "none"])
def test_nor_where_qms_named_none_for_the_consultation(why: str) -> None:
    board = joined(consulting()).missed(11.5, CONSULTATION, why).waits(12.3)

    assert not of_customer(board.found(12.4, CUSTOMER, "R2", started=9.27, asked=12.38)).guid


def test_nor_where_the_consultations_answer_was_heard_after_the_conference() -> None:
    board = Switchboard(with_site(devices=frozenset({"2001", "2002"})))
    board.call("Established", 9.71, "C1", "2001", callingNumber="+49301").call("Held", 9.8, "C1", "2001")
    board.call("Originated", 9.81, "C2", "2001", cause="consultation")
    answer = event("Established", 10.01, callId="C2", deviceId="2002")
    joined(board, "C2", 10.05).hears(replace(answer, gatewaytime=moment(10.1))).waits(12.3)

    assert not of_customer(board.found(12.4, CUSTOMER, "R2", started=10.02, asked=12.38), "C2").guid


@pytest.mark.parametrize("is_named_before", [False, True])
def test_nor_where_it_began_by_chance_as_the_customers_call_was_heard_of(is_named_before: bool) -> None:
    board = joined(consulting(customer=9.3, answered=9.8))
    if is_named_before:
        board.found(11.94, CONSULTATION, "R2", started=9.27, asked=11.91)

    assert not of_customer(board.found(12.4, CUSTOMER, "R2", started=9.27, asked=12.38)).guid


@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize(("is_conference", "owners"), [(True, [CONSULTATION]), (False, [])])
def test_what_the_consultation_has_is_not_taken_from_it_because_a_conference_goes_on_with_it(
    new: str, is_conference: bool, owners: list[int]
) -> None:
    """Where the consultation ended otherwise, and QMS names its recording still, it was not the consultation's."""
    board = Switchboard(with_site(devices=frozenset({"2001", "2002"})))
    board.call("Established", 8.9, "C1", "2001", callingNumber="+49301").call("Held", 9.2, "C1", "2001")
    board.call("Originated", 9.25, "C2", "2001", callingNumber="2001", cause="consultation")
    board.hears(replace(event("Established", 9.85, callId="C2", deviceId="2002"), gatewaytime=moment(10.2)))
    board.found(10.3, CONSULTATION, "R2", started=9.95, asked=10.25)
    if is_conference:
        joined(board, new)
    else:
        board.call("ConnectionCleared", 11, "C2", "2001")
    board.found(11.6, CUSTOMER, "R2", started=9.95, asked=11.5)

    assert [leg.number for leg in board.legs if leg.guid] == owners


def test_what_began_with_the_customers_call_is_its_own_where_qms_names_the_consultations_too() -> None:
    board = consulting(customer=3).found(3.1, CUSTOMER, "R1", started=3, asked=3.05)
    leg = of_customer(joined(board.found(10.5, CONSULTATION, "R2", started=10.1, asked=10.4)))

    assert (leg.guid, board.state.legs[CONSULTATION].guid) == ("R1", "R2")


@pytest.mark.parametrize(("at", "phase"), [(24.6, LegPhase.CLOSED), (24.7, LegPhase.SETTLED)])
def test_a_leg_without_recording_is_settled_when_the_searches_beside_it_are_over(at: float, phase: LegPhase) -> None:
    board = joined(consulting()).missed(11.5, CONSULTATION, "late")

    assert board.waits(at).state.legs[CONSULTATION].phase is phase
    assert board.state.legs[CONSULTATION].outcome is Outcome.WINDOW_MISSED


@pytest.mark.parametrize("other", [None, 12.01])
def test_it_is_settled_a_second_after_its_end_where_no_other_was_sought_by_then(other: float | None) -> None:
    board = joined(consulting().found(10.2, CUSTOMER, "R1", started=9.7, asked=9.75))
    board.missed(11.5, CONSULTATION, "late")
    if other is not None:
        board.waits(other - 0.01).call("Established", other, "C9", "2001")

    assert board.waits(12.02).state.legs[CONSULTATION].phase is LegPhase.SETTLED


def test_of_calls_one_after_the_other_none_waits_for_more_than_the_next_one() -> None:
    board = Switchboard(with_site(has_source_times=False))
    for number in range(1, 9):
        at = 10.0 * number
        board.call("Established", at, f"C{number}", "2001").call("ConnectionCleared", at + 9.5, f"C{number}", "2001")
        board.missed(at + 9.6, number, "none")

    assert [leg.number for leg in board.legs if leg.phase is not LegPhase.SETTLED] == [7, 8]
