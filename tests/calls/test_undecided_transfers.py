"""A recording that may have gone on after a transfer, or not: it gets the flags that are the same for both parts."""

import pytest

from calls.core.flag_facts import leg_facts
from calls.core.outcome_rules import WITHHELD
from calls.core.outcomes import Outcome
from calls.core.state import LegState
from flags.catalogue.values import FIELDS, flag_texts
from tests.calls.switchboard import Switchboard, with_site
from tests.calls.test_transfers import attended

pytestmark = pytest.mark.core


def _consulted(interaction: str = "I1") -> Switchboard:
    """2001 has Uma of Sales in C1, and consults A7 at 2002 in C2 from 25 on; G2 is recorded there. C3 from 30 on."""
    board = Switchboard(with_site(wrapup_wait_seconds=60)).agent("LoggedOn", 1, "A7", deviceId="2002")
    board.call("Queued", 2, "C1", queueName="Sales", interactionId="I1", callerName="Uma", callerNameSource="isdn")
    board.call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    board.call("Established", 25, "C2", "2002", interactionId=interaction)
    return board.found(25.5, 2, "G2").hears(attended(30))


def _first(board: Switchboard) -> LegState:
    (leg,) = [leg for leg in board.legs if leg.guid == "G2"]
    return leg


def _flags(leg: LegState) -> dict[str, str]:
    return {one.name: one.value for one in flag_texts(FIELDS, leg_facts(leg), "base")}


@pytest.mark.parametrize(
    ("why", "asked", "ended"),
    [("none", 39, 31.501), ("none", 39, 33), ("late", None, 60), ("unreachable", None, 60), ("unreachable", 31.4, 60)],
)
def test_where_qms_could_not_be_asked_in_time_the_recording_gets_what_both_parts_have_in_common(
    why: str, asked: float | None, ended: float
) -> None:
    """It may be of C2 alone, or of C2 and then C3, where it would be labelled with C3, Sales and Uma."""
    board = _consulted().call("ConnectionCleared", ended, "C3", "2002").missed(61, 2, why, asked=asked).waits(63)
    first = _first(board.settled(64, 2))

    assert _flags(first) == {"AgentId": "A7", "InteractionGuid": "I1"}
    assert (first.outcome, first.reason) == (Outcome.FLAGGED, WITHHELD)


@pytest.mark.parametrize("ended", [30.4, 31.5])
def test_a_recording_that_can_have_gone_on_for_a_moment_only_has_the_flags_of_before_the_transfer(ended: float) -> None:
    """QMS is asked 1.5 s after a transfer: the call was over by then, on a healthy link."""
    board = _consulted().call("ConnectionCleared", ended, "C3", "2002").missed(41, 2, "none", asked=31.5).waits(43)

    assert _flags(_first(board))["CTICallRef"] == "C2"


@pytest.mark.parametrize(("why", "asked", "flags"), [("none", 31.5, "C2"), ("same", 31.5, "C3")])
def test_where_qms_was_asked_in_time_the_call_reference_is_written(why: str, asked: float, flags: str) -> None:
    board = _consulted().missed(40, 2, why, asked=asked).call("ConnectionCleared", 60, "C3", "2002").waits(63)

    assert _flags(_first(board))["CTICallRef"] == flags
    assert _first(board).withheld == ()


def test_an_interaction_that_is_not_the_same_after_the_transfer_is_not_written() -> None:
    board = _consulted("I2").missed(41, 2, "unreachable").call("ConnectionCleared", 60, "C3", "2002").waits(63)

    assert _flags(_first(board)) == {"AgentId": "A7"}


@pytest.mark.parametrize("at", [28, 32])
def test_no_wrap_up_is_written_to_a_recording_of_which_it_is_not_known_how_long_it_went_on(at: float) -> None:
    """The wrap-up of the talk with the customer is the recording's, if that went on."""
    board = _consulted().missed(41, 2, "unreachable").waits(43).settled(44, 2)
    board.call("CallInformation", at, "C2", "2002", wrapup={"result": "Sold"}).waits(120)

    assert board.writes == [(2, "base")]
    assert _first(board).outcome is Outcome.FLAGGED
