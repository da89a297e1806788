"""What is not known is not assumed: trunks that are silent, links that were lost, agents who were reported late."""

import pytest

from agents.core.matching import MatchKind
from calls.core.outcome_rules import CONTEST
from calls.core.outcomes import Outcome
from tests.calls.switchboard import Everybody, Switchboard, event, moment, with_site
from tests.calls.test_call_events import queue_call
from tests.calls.test_gaps import link, snapshot
from tests.calls.test_transfers import consultation

pytestmark = pytest.mark.core


def _dialled(board: Switchboard, device: str = "2001") -> Switchboard:
    return board.call("Originated", 101, "C1", device).call("NetworkReached", 102, "C1", device).waits(110)


def test_a_trunk_is_silent_again_once_a_gap_is_over() -> None:
    board = Switchboard().hears(link("Lost", 2), link("Restored", 5), snapshot("Began", 6), snapshot("Ended", 7))

    assert _dialled(board).spans() == [("2001", 102.0, None)]


def test_the_silence_of_a_trunk_in_a_gap_says_nothing() -> None:
    assert _dialled(Switchboard().hears(link("Lost", 2))).legs == []


def test_the_silence_of_a_trunk_connects_no_device_that_is_no_extension() -> None:
    board = Switchboard(with_site(devices=frozenset({"2001"})))

    assert _dialled(board, "2009").legs == []
    assert len(_dialled(Switchboard(with_site(devices=frozenset({"2001"})))).legs) == 1


def test_an_answer_after_all_asks_for_no_recording_of_an_extension_without_a_qms_user() -> None:
    board = Switchboard(Everybody(x2001=MatchKind.UNMATCHED)).call("Originated", 1, "C1", "2001")
    board.call("NetworkReached", 2, "C1", "T18:1", outside=True).waits(4.5)
    board.call("Established", 6, "C1", "T18:1", outside=True)

    assert (board.searches, board.leg.outcome) == ([], Outcome.USER_UNMATCHED)


@pytest.mark.parametrize(
    ("source", "kept"), [("isdn", "isdn"), (None, "unknown"), ("global_phonebook", "global_phonebook")]
)
def test_a_callers_name_is_kept_with_where_it_is_from(source: str | None, kept: str) -> None:
    data = {"callerNameSource": source} if source else {}
    board = Switchboard().call("Established", 0, "C1", "2001", callerName="Jo", **data)

    assert (board.leg.facts.caller_name, board.leg.facts.caller_name_source) == ("Jo", kept)


def test_another_agents_state_just_after_connected_does_not_change_who_answered() -> None:
    board = Switchboard().agent("LoggedOn", -60, "9101", deviceId="2001").call("Established", 5, "C1", "2001")
    board.agent("Busy", 5.5, "9102", deviceId="2001")

    assert board.leg.agent_id == "9101"


def test_an_agent_whom_a_whole_snapshot_does_not_name_is_not_that_of_a_call_it_found() -> None:
    board = Switchboard().agent("LoggedOn", -60, "9101", deviceId="2001")
    board.hears(link("Lost", 2), link("Restored", 5), snapshot("Began", 6)).call("Established", 6.1, "C1", "2001")
    assert board.leg.agent_id == "9101"

    board.hears(event("Ended", 7, family="snapshot", agentsTold=True))
    assert (board.leg.agent_id, board.leg.agent_origin) == ("", None)


def test_the_time_until_qms_named_a_recording_is_kept() -> None:
    board = queue_call(Switchboard()).found(5.4, 1, "G1", started=5.1)

    assert board.leg.found_gateway_at == moment(5.4)


def test_a_conference_takes_who_was_on_hold_off_it() -> None:
    board = consultation(Switchboard())
    assert [leg.is_held for leg in board.legs if leg.call_id == "C1"] == [True]
    items = [
        {"old": {"callId": one, "deviceId": device}, "new": {"callId": "C1", "deviceId": device}}
        for one, device in (("C1", "2001"), ("C2", "2002"))
    ]
    board.hears(
        event("Conferenced", 30, primaryOldCallId="C1", secondaryOldCallId="C2", resultingCallId="C1",
              conferencingDeviceId="2001", addedPartyId="2002", connections=items)
    )  # fmt: skip

    assert [leg.is_held for leg in board.legs if leg.call_id == "C1"] == [False, False]


def test_a_leg_in_doubt_looks_again_a_quarter_of_a_minute_after_its_flags_were_due() -> None:
    board = queue_call(Switchboard(with_site(has_source_times=False))).found(5.3, 1, "G1", started=5.2)
    board.call("Held", 7.9, "C1", "2001").call("Established", 8, "C2", "2001").call(
        "ConnectionCleared", 9, "C1", "2001"
    )
    leg = board.state.legs[1]

    assert leg.base_due == moment(10)
    assert leg.due == moment(10) + CONTEST


def test_a_leg_of_which_nothing_is_heard_is_given_up_after_twelve_hours_and_not_before() -> None:
    board = Switchboard().call("Established", 0, "C1", "2001").waits(12 * 3600 - 1)
    assert board.leg.disconnected_source_at is None

    board.waits(12 * 3600 + 1)
    assert board.leg.is_end_unknown
