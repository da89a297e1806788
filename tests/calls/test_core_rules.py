"""Rules of calls and legs that only their edges show: what a late, repeated or foreign event must not do."""

from datetime import timedelta

import pytest

from calls.core.commands import CancelSearch, CloseGap, NameQueue
from calls.core.outcomes import Outcome
from calls.core.reducer import fold_into
from calls.core.result_events import TimePassed
from calls.core.source_state import SourceState
from calls.core.state import LegPhase, SearchStatus, WriteStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from tests.calls.switchboard import NOON, Everybody, Switchboard, event, moment, with_site
from tests.calls.test_call_events import queue_call
from tests.calls.test_gaps import link, snapshot
from tests.calls.test_transfers import attended, consultation

pytestmark = pytest.mark.core


def names(board: Switchboard) -> list[tuple[str, str]]:
    return [(one.device_id, one.name) for one in board.commands if isinstance(one, NameQueue)]


# Queues


def test_a_queues_name_is_kept_once_for_each_device_and_name() -> None:
    board = Switchboard()
    for number, name in enumerate(["Sales", "Sales", "Sales and Service", "Sales and Service"]):
        board.call("Queued", number, f"C{number}", "5000", queueName=name)
    board.call("Queued", 9, "C9", "5001", queueName="Sales")

    assert names(board) == [("5000", "Sales"), ("5000", "Sales and Service"), ("5001", "Sales")]


def test_a_queue_without_a_device_or_without_a_name_is_none_to_be_kept() -> None:
    board = Switchboard().call("Queued", 0, "C1", queueName="Sales").call("Queued", 1, "C2", "5000")

    assert names(board) == []


@pytest.mark.parametrize(
    ("device", "name", "queue"), [("5000", "Sales", "Sales"), ("5000", None, "5000"), (None, "Sales", "Sales")]
)
def test_a_call_is_of_the_queues_name_else_of_its_device(device: str | None, name: str | None, queue: str) -> None:
    data = {"queueName": name} if name else {}
    board = Switchboard().call("Queued", 0, "C1", device, **data).call("Established", 5, "C1", "2001")

    assert board.leg.facts.queue_name == queue


def test_a_queue_device_that_rings_is_named_and_opens_no_connection() -> None:
    board = Switchboard(with_site(queues=frozenset({"5000"}))).call("Delivered", 0, "C1", "5000", queueName="Sales")

    assert names(board) == [("5000", "Sales")]
    assert board.state.calls[1].parties == {}


# Legs that end, on hold or while another recording is sought


def test_a_leg_that_ends_on_hold_is_on_hold_no_more() -> None:
    board = queue_call(Switchboard()).call("Held", 10, "C1", "2001")
    assert board.leg.is_held

    assert not board.call("ConnectionCleared", 20, "C1", "2001").leg.is_held


def test_the_first_part_of_a_divided_leg_that_had_no_recording_says_that_the_transfer_ended_its_search() -> None:
    board = consultation(Switchboard()).hears(attended(25.1))
    (leg,) = [one for one in board.legs if one.device_id == "2002"]
    board.found(26.6, leg.number, "G2", started=26.5, asked=26.5)
    parts = [one for one in board.legs if one.device_id == "2002"]

    assert [(one.search, one.guid, one.missed) for one in parts] == [
        (SearchStatus.MISSED, "", "transfer"),
        (SearchStatus.FOUND, "G2", ""),
    ]


def test_a_leg_that_is_divided_after_it_left_leaves_the_extensions_present_leg_alone() -> None:
    """2002 left after the transfer and came back into the call; then QMS says that there were two recordings."""
    board = consultation(Switchboard())
    (leg,) = [one for one in board.legs if one.device_id == "2002"]
    board.found(25.2, leg.number, "G2", started=25, asked=25.1).hears(attended(30))
    board.call("Established", 31, "C3", "2003")  # The call goes on meanwhile.
    board.call("ConnectionCleared", 32, "C3", "2002").call("Established", 33.4, "C3", "2002")
    board.found(33.6, leg.number, "G3", started=30.1, asked=31.9)
    (present,) = [one for one in board.legs if one.device_id == "2002" and one.phase is LegPhase.OPEN]
    assert present.connected_source_at == moment(33.4)
    assert [call.parties["2002"].leg for call in board.state.calls.values() if call.call_id == "C3"] == [present.number]
    board.call("ConnectionCleared", 60, "C3", "2002").waits(80)

    ends = [(end is not None) for device, _, end in board.spans() if device == "2002"]
    assert ends == [True] * len(ends)
    assert max(end for device, _, end in board.spans() if device == "2002" and end is not None) == 60


def test_the_end_of_one_of_two_in_a_call_does_not_let_the_call_be_forgotten() -> None:
    board = Switchboard().call("Established", 0, "C1", "2001").call("Established", 1, "C1", "2002")
    board.call("ConnectionCleared", 10, "C1", "2002")
    (call,) = board.state.calls.values()

    assert call.due is not None
    assert call.due > moment(3600)
    assert board.waits(200).call("ConnectionCleared", 300, "C1", "2001").spans()[0] == ("2001", 0.0, 300.0)


def test_a_call_that_is_over_is_forgotten_a_minute_later() -> None:
    board = Switchboard().call("Established", 0, "C1", "2001").call("ConnectionCleared", 10, "C1", "2001")

    assert len(board.waits(69.9).state.calls) == 1
    assert len(board.waits(70.1).state.calls) == 0


@pytest.mark.parametrize(("wait", "kept"), [(30.0, 60.0), (120.0, 125.0)])
def test_a_call_that_is_over_is_kept_for_its_wrap_up_and_five_seconds(wait: float, kept: float) -> None:
    board = Switchboard(with_site(wrapup_wait_seconds=wait)).call("Established", 0, "C1", "2001")
    board.call("ConnectionCleared", 10, "C1", "2001")

    assert len(board.waits(9.9 + kept).state.calls) == 1
    assert len(board.waits(10.1 + kept).state.calls) == 0


# Conferences, trunks, failures


def conference(at: float, *joined: str) -> Switchboard:
    board = Switchboard(with_site(devices=frozenset({"2001", "2002", "2003"})))
    board.call("Established", 0, "C1", "2001").call("Established", 1, "C1", "2003")
    board.call("ConnectionCleared", 5, "C1", "2003").call("Established", 8, "C2", "2001")
    items = [{"new": {"callId": "C1", "deviceId": one}} for one in joined]
    return board.hears(
        event("Conferenced", at, primaryOldCallId="C1", secondaryOldCallId="C2", resultingCallId="C1",
              conferencingDeviceId="2001", connections=items)
    )  # fmt: skip


def test_a_conference_opens_a_leg_for_a_listed_extension_that_was_never_seen_to_answer() -> None:
    assert ("2002", 10.0, None) in conference(10, "2001", "2002").spans()


def test_a_conference_that_lists_an_extension_which_has_left_opens_no_leg_for_it() -> None:
    assert [one for one in conference(10, "2001", "2003").spans() if one[0] == "2003"] == [("2003", 1.0, 5.0)]


def test_an_answer_after_all_starts_another_search_beside_the_one_that_runs_and_either_finds_for_both() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.waits(4.5).call("Established", 6, "C1", "T18:1", outside=True)

    assert [one.search for one in board.searches] == [1, 2]
    assert [one for one in board.commands if isinstance(one, CancelSearch)] == []
    board.found(6.4, 1, "G1", started=6.1)
    assert [one for one in board.commands if isinstance(one, CancelSearch)] == [CancelSearch(1)]


def test_a_search_that_was_the_only_one_is_not_cancelled_as_it_finds() -> None:
    board = Switchboard().call("Established", 1, "C1", "2001").found(1.4, 1, "G1", started=1.1)

    assert [one for one in board.commands if isinstance(one, CancelSearch)] == []


def test_an_answer_after_all_keeps_a_recording_that_is_known_and_asks_no_more() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", "T18:1", outside=True)
    board.waits(4.5).found(4.7, 1, "G1").call("Established", 6, "C1", "T18:1", outside=True)

    assert (board.leg.guid, len(board.searches)) == ("G1", 1)
    assert [one for one in board.commands if isinstance(one, CancelSearch)] == []


def test_the_network_is_not_waited_for_where_somebody_talks_already() -> None:
    board = Switchboard().call("Established", 0, "C1", "2001").call("Originated", 1, "C1", "2002")
    board.call("NetworkReached", 2, "C1", "2002").waits(30)

    assert [leg.is_unconfirmed for leg in board.legs] == [False] * len(board.legs)


def test_a_device_whose_call_failed_is_in_it_no_more() -> None:
    board = Switchboard().call("Originated", 0, "C1", "2001").call("Failed", 2, "C1", "2001", cause="busy").waits(61)

    assert [call.is_over for call in board.state.calls.values()] == [True]
    assert board.legs == []


# The link


def test_the_gap_of_the_link_ends_in_the_ledger_when_the_link_is_back_and_again_with_the_snapshot() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1").hears(link("Lost", 20), link("Restored", 25))
    ends = [(one.ended_at - NOON).total_seconds() for one in board.commands if isinstance(one, CloseGap)]
    board.hears(snapshot("Began", 26), snapshot("Ended", 27))
    closed = [one for one in board.commands if isinstance(one, CloseGap)]

    assert ends == [25.0]
    assert [((one.ended_at - NOON).total_seconds(), one.legs_saved, one.legs_lost) for one in closed] == [
        (25.0, 0, 0),
        (27.0, 1, 0),
    ]


# Refusals


def test_a_refused_wrap_up_gives_its_reason() -> None:
    board = queue_call(Switchboard(with_site(wrapup_wait_seconds=120))).found(6, 1, "G1")
    board.call("ConnectionCleared", 60, "C1", "2001").waits(62).settled(63, 1)
    board.call("CallInformation", 80, "C1", "2001", wrapup={"result": "Sold"})
    board.settled(81, 1, "wrapup", WriteStatus.REFUSED, error="The value is too long.")

    assert board.leg.reason == "All flags but the wrap-up are written: The value is too long."


def test_a_refused_leg_gives_its_reason() -> None:
    board = queue_call(Switchboard()).found(6, 1, "G1").call("ConnectionCleared", 60, "C1", "2001").waits(62)
    board.settled(63, 1, status=WriteStatus.REFUSED, error="The Flag does not exist.")

    assert (board.leg.outcome, board.leg.reason) == (Outcome.REFUSED, "The Flag does not exist.")


# What is kept from batch to batch


def test_of_two_legs_of_an_extension_one_that_is_forgotten_takes_nothing_of_the_other_with_it() -> None:
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), Everybody())
    fold_into(
        work, [event("Established", 0, callId="C1", deviceId="2001"), event("Held", 1, callId="C1", deviceId="2001")]
    )
    fold_into(work, [event("Established", 2, callId="C2", deviceId="2001")])
    fold_into(work, [event("ConnectionCleared", 3, callId="C2", deviceId="2001"), TimePassed(moment(30))])
    settled = [leg.number for leg in work.legs.values() if leg.phase is LegPhase.SETTLED]
    work.begin_batch(Everybody())

    assert settled == []  # A search that nobody answers keeps the leg.
    assert [leg.call_id for leg in work.legs_at("2001")] == ["C1", "C2"]


def test_a_settled_leg_is_forgotten_with_the_batch_and_the_open_one_beside_it_is_found() -> None:
    unmatched = with_site(agents_calls_only=True)
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), unmatched)
    fold_into(
        work, [event("Established", 0, callId="C1", deviceId="2001"), event("Held", 1, callId="C1", deviceId="2001")]
    )
    fold_into(work, [event("Established", 2, callId="C2", deviceId="2001")])
    fold_into(work, [event("ConnectionCleared", 3, callId="C2", deviceId="2001"), TimePassed(moment(30))])
    work.begin_batch(unmatched)

    assert [leg.call_id for leg in work.legs.values()] == ["C1"]
    assert [leg.call_id for leg in work.legs_at("2001")] == ["C1"]
    assert [leg.call_id for leg in work.legs_in(1)] == ["C1"]
    assert work.legs_in(2) == []


def test_the_time_of_the_fold_never_goes_back() -> None:
    work = UnitOfWork(LiveState(source=SourceState(slug="pbx")), Everybody())
    fold_into(work, [TimePassed(moment(50)), event("Established", 20, callId="C1", deviceId="2001")])

    assert work.source.folded_gateway_at == moment(50)
    fold_into(work, [TimePassed(moment(50) + timedelta(seconds=1))])
    assert work.source.folded_gateway_at == moment(51)


def test_a_call_began_with_its_earliest_event_though_that_is_reported_late() -> None:
    """It decides which of two calls is the customer's in a conference."""
    board = Switchboard().call("Established", 10, "C1", "2001").call("Queued", 9.5, "C1", queueName="Sales")

    assert [call.born_at for call in board.state.calls.values()] == [moment(9.5)]


@pytest.mark.parametrize(("cause", "interaction"), [({"cause": "consultation"}, "I1"), ({}, "its own")])
def test_a_call_that_is_dialled_while_none_is_held_consults_only_where_the_pbx_says_so(
    cause: dict[str, str], interaction: str
) -> None:
    board = Switchboard().call("Established", 10, "C1", "2001", interactionId="I1")
    board.call("Originated", 20, "C2", "2001", **cause).call("Established", 22, "C2", "2002")

    consulted = next(leg for leg in board.legs if leg.device_id == "2002")
    assert (consulted.facts.interaction_id if consulted.facts.interaction_id == "I1" else "its own") == interaction
