"""Lost links and snapshots, rule by rule: what is over, what is doubted, and what the ledger of gaps says.

Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.commands import ChangeSession
from calls.core.dispatch import apply
from calls.core.handlers.link_events import forget_abandoned_snapshot
from calls.core.source_state import Snapshot
from calls.core.state import CallState, PartyState
from tests.calls.call_states import call, holding, left, party
from tests.calls.switchboard import NOON, Switchboard, event, moment
from tests.calls.test_gaps import ledger, missed, stock
from tests.calls.test_transfer_edges import TRUNK, calls_of, talking

pytestmark = pytest.mark.core


def lost(at: float) -> Any:
    return event("Lost", at, family="link", reason="test")


def restored(at: float) -> Any:
    return event("Restored", at, family="link")


def began(at: float, **data: Any) -> Any:
    return event("Began", at, family="snapshot", **data)


def ended(at: float, **data: Any) -> Any:
    return event("Ended", at, family="snapshot", **data)


def seconds(at: Any) -> float | None:
    return None if at is None else (at - NOON).total_seconds()


# The link


def test_a_link_that_is_lost_twice_was_lost_as_late_as_is_known() -> None:
    """A listener that begins states when it was seen last, which can be before the loss that is known."""
    for first, second, known in ((10, 12, 12), (12, 10, 12)):
        board = Switchboard().hears(lost(first), lost(second))
        assert seconds(board.state.source.lost_gateway_at) == known


def test_a_loss_after_the_link_was_whole_is_known_by_its_own_time() -> None:
    board = Switchboard().hears(lost(12), restored(13), began(14), ended(15), lost(11))

    assert seconds(board.state.source.lost_gateway_at) == 11


@pytest.mark.parametrize("what", [lost(20), restored(20), began(20, reason="lost messages")])
def test_events_are_missed_until_a_loss_and_until_the_link_is_back(what: Any) -> None:
    assert seconds(Switchboard().hears(what).state.source.missed_gateway_at) == 20


def test_a_snapshot_without_a_reason_misses_nothing() -> None:
    board = Switchboard().hears(began(20))

    assert (board.state.source.missed_gateway_at, board.state.source.lost_at, ledger(board)) == (None, None, [])


def test_a_loss_discards_the_snapshot_in_progress() -> None:
    board = Switchboard().hears(lost(1), restored(2), began(3), lost(4))

    assert board.state.source.snapshot is None
    assert board.hears(ended(5)).state.source.lost_at is not None


def test_a_loss_after_what_was_missed_while_the_link_stood_is_a_gap_of_its_own() -> None:
    board = Switchboard().hears(began(3, reason="lost messages"), lost(5), restored(6), began(7), ended(8))

    assert ledger(board) == [(3, None, 0, 0), (5, 8, 0, 0)]


def test_a_reason_within_a_gap_of_the_link_opens_no_second_one() -> None:
    board = Switchboard().hears(lost(3), began(5, reason="lost messages"), ended(8))

    assert ledger(board) == [(3, 8, 0, 0)]


def test_a_link_that_was_not_lost_is_back_without_a_word_in_the_ledger() -> None:
    assert ledger(Switchboard().hears(restored(3))) == []


def test_the_end_of_a_snapshot_that_never_began_ends_nothing() -> None:
    board = talking().hears(lost(20), ended(25))

    assert ledger(board) == [(20, None, 0, 0)]
    assert board.spans() == [("2001", 5, None)]


@pytest.mark.parametrize(("at", "kept"), [(300, True), (300.001, False)])
def test_a_snapshot_that_nobody_ends_is_dropped_after_five_minutes(at: float, kept: bool) -> None:
    snapshot = Snapshot(began_at=moment(0), began_gateway_at=moment(0))
    work = holding(source={"snapshot": snapshot})
    forget_abandoned_snapshot(work, moment(at))

    assert (work.source.snapshot is not None) is kept


# What a snapshot shows to be over


def test_a_snapshot_of_some_devices_says_nothing_of_the_others() -> None:
    board = talking().call("Established", 6, "C2", "2002").hears(missed(20, "2001"), stock("Began", 30, "2001"))
    board.hears(stock("Ended", 31, "2001"))

    assert board.spans() == [("2001", 5, 20), ("2002", 6, None)]


def test_a_leg_that_began_during_the_snapshot_need_not_be_named_in_it() -> None:
    board = Switchboard().hears(lost(20), restored(22), began(22)).call("Queued", 22.5, "C1", "5000")
    board.call("Delivered", 22.6, "C1", "2001").call("Established", 22.7, "C1", "2001").hears(ended(23))

    assert board.spans() == [("2001", 22.7, None)]


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([lost(20), restored(22), began(24), ended(25)], 20),
        ([missed(18, "2001"), began(24), ended(25)], 18),
        ([began(24), ended(25)], 24),
        ([lost(3), restored(22), began(24), ended(25)], 5),  # Not before its beginning.
    ],
)
def test_a_leg_that_a_snapshot_does_not_name_ended_as_its_events_were_missed(events: list[Any], end: float) -> None:
    board = talking().hears(*events)

    assert (board.spans(), board.leg.is_end_unknown) == ([("2001", 5, end)], True)
    assert seconds(board.leg.disconnected_gateway_at) == 24
    there = calls_of(board, "C1")[0].parties["2001"]
    assert (there.state, seconds(there.cleared_at)) == (PartyState.NULL, end)


@pytest.mark.parametrize(
    ("inside", "queue"),
    [
        ([], ""),  # All who talked before the gap have left.
        ([("Established", 6, "2003", {})], "Sales"),  # 2003 talks on: 2002 has joined it.
        ([("Established", 6, TRUNK, {"outside": True})], ""),  # That a trunk is left need not be reported.
        ([("Established", 6, "2003", {}), ("ConnectionCleared", 8, "2003", {})], ""),
    ],
)
def test_who_a_snapshot_finds_is_in_another_call_if_all_who_talked_in_it_have_left(
    inside: list[tuple[str, float, str, dict[str, Any]]], queue: str
) -> None:
    board = talking()
    for kind, at, device, more in inside:
        board.call(kind, at, "C1", device, **more)
    board.hears(lost(20), restored(22), began(22)).call("Established", 22, "C1", "2002")
    if queue:
        board.call("Established", 22.1, "C1", "2003")
    board.hears(ended(23))

    leg = next(one for one in board.legs if one.device_id == "2002")
    assert leg.facts.queue_name == queue


def test_a_call_that_a_snapshot_does_not_name_is_not_divided_where_nobody_is_in_it() -> None:
    board = talking().call("Established", 6, "C1", TRUNK, outside=True)
    board.hears(lost(20), restored(22), began(22)).call("Established", 22, "C1", TRUNK, outside=True).hears(ended(23))

    assert len(calls_of(board, "C1")) == 1


# Calls that are doubted


def doubted(one: CallState, source: dict[str, Any], **data: Any) -> float | None:
    work = holding(one, source=source)
    apply(began(30, **data), work)
    return seconds(work.calls[1].doubtful_since)


LOST: dict[str, Any] = {"lost_at": 20, "lost_gateway_at": 20}
WAITS = call(waits_since=1, waits_at="5000", touched_gateway_at=2)


@pytest.mark.parametrize(
    ("one", "source", "data", "since"),
    [
        (WAITS, LOST, {}, 20),
        (WAITS, {}, {}, 30),
        (call(party(state=PartyState.ALERTING, since=1), touched_gateway_at=2), LOST, {}, 20),
        (call(party(since=1), touched_gateway_at=2), LOST, {}, None),  # Its phone will be named.
        (call(left(at=3), touched_gateway_at=2), LOST, {}, None),  # It is over.
        (replace(WAITS, touched_gateway_at=moment(29.9)), LOST, {}, 20),
        (replace(WAITS, touched_gateway_at=moment(30)), LOST, {}, None),
        # A snapshot of some devices concerns the calls at them, and those of which nothing was heard since the loss.
        (WAITS, {}, {"devices": ["5000"]}, 30),
        (WAITS, {}, {"devices": ["5001"]}, None),
        (WAITS, LOST, {"devices": ["5001"]}, 20),
        (replace(WAITS, touched_gateway_at=moment(21)), LOST, {"devices": ["5001"]}, None),
        (call(party(state=PartyState.ALERTING, since=1), touched_gateway_at=2), {}, {"devices": ["2001"]}, 30),
    ],
)
def test_a_call_in_which_nobody_talks_is_doubted_after_a_gap(
    one: CallState, source: dict[str, Any], data: dict[str, Any], since: float | None
) -> None:
    assert doubted(one, source, **data) == since


# Agents


def test_agents_whom_a_snapshot_of_all_does_not_name_have_left() -> None:
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").agent("LoggedOn", 1, "9102", deviceId="2002")
    board.hears(began(30)).agent("Ready", 30.1, "9102", deviceId="2002").hears(ended(31, agentsTold=True))

    assert list(board.state.sessions) == ["2002"]
    (change,) = [one.change for one in board.commands if isinstance(one, ChangeSession) and one.change.session is None]
    assert (change.device_id, seconds(change.at)) == ("2001", 30)
    assert change.ended is not None
    assert change.ended.agent_id == "9101"


def test_an_agent_who_logs_off_during_a_snapshot_is_not_seated_there() -> None:
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").hears(began(30))
    board.agent("LoggedOff", 30.1, "9101", deviceId="2001").hears(ended(31, agentsTold=True))

    assert list(board.state.sessions) == []


@pytest.mark.parametrize(("agent", "named"), [({}, ""), ({"agentId": "9101"}, "9101")])
def test_who_left_in_the_gap_is_not_the_agent_of_a_leg_that_the_snapshot_found(
    agent: dict[str, Any], named: str
) -> None:
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").hears(lost(20), restored(30), began(30))
    board.call("Established", 30.1, "C1", "2001", **agent).hears(ended(31, agentsTold=True))

    assert board.leg.agent_id == named


def test_who_left_in_the_gap_stays_the_agent_of_a_leg_of_before() -> None:
    board = Switchboard().agent("LoggedOn", 1, "9101", deviceId="2001").call("Established", 5, "C1", "2001")
    board.hears(lost(20), restored(30), began(30)).call("Established", 30.1, "C1", "2001")
    board.hears(ended(31, agentsTold=True))

    assert board.leg.agent_id == "9101"
