"""What an event at a device does, rule by rule: answers, holds and ends that are late, repeated or of a gap.

Seconds after noon. The source's own times are known unless a test says otherwise.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.dispatch import apply
from calls.core.state import CallState, Party, PartyState
from calls.core.unit_of_work import UnitOfWork
from cti.events import CallEvent
from tests.calls.call_states import NO_TIMES, call, holding, left, made, party
from tests.calls.call_states import event as event_in_c1
from tests.calls.switchboard import Switchboard, event, moment
from tests.calls.test_transfer_edges import TRUNK, attended, calls_of, consulting, talking

pytestmark = pytest.mark.core


def after(one: CallState, said: CallEvent, **site: Any) -> UnitOfWork:
    work = holding(one, **site)
    apply(said, work)
    return work


def gap(board: Switchboard, lost: float, back: float) -> Switchboard:
    """The link is lost and back, and a snapshot begins."""
    board.hears(event("Lost", lost, family="link"), event("Restored", back, family="link"))
    return board.hears(event("Began", back, family="snapshot"))


# Ends


GONE = left(at=14, since=5, cleared_gateway_at=14)


@pytest.mark.parametrize(
    ("who", "at", "site", "ended"),
    [
        (GONE, 10, {}, 10),  # An end of before the one that was heard first is the first call's.
        (replace(GONE, since=None), 10, {}, 10),
        (replace(GONE, since=moment(10)), 10, {}, 10),
        (replace(GONE, since=moment(12)), 10, {}, 14),  # It is of an earlier connection.
        (GONE, 10, NO_TIMES, 14),
        (GONE, 14.5, {}, 14),  # Another monitor reports the same end.
        (replace(GONE, had_leg=False), 14.5, {}, 14),
    ],
)
def test_an_end_is_that_of_the_connection_which_lasted_then(
    who: Party, at: float, site: dict[str, Any], ended: float
) -> None:
    one = call(who, party("2002", since=1, had_leg=True))
    work = after(one, event_in_c1("ConnectionCleared", at, "2001"), **site)

    assert work.calls[1].parties["2001"].cleared_at == moment(ended)


@pytest.mark.parametrize(
    ("reports", "again", "at", "ended"),
    [
        ((), 10, 12, [12]),
        ((), 12, 12, [12]),
        ((10,), 12, 12, [None, 12]),
        ((13,), 10, 12, [None, 12]),
        ((8,), 10, 12, [None, 12]),
    ],
)
def test_an_end_is_kept_with_the_last_report_of_a_connection_before_it(
    reports: tuple[float, ...], again: float, at: float, ended: list[float | None]
) -> None:
    who = party(since=5, had_leg=True, again=made(again), repeats=tuple(made(one) for one in reports))
    here = after(call(who), event_in_c1("ConnectionCleared", at, "2001")).calls[1].parties["2001"]

    assert here.again is not None
    kept = [one.ended_at for one in (*here.repeats, here.again)]
    assert kept == [None if one is None else moment(one) for one in ended]


def test_the_earliest_end_of_a_report_counts() -> None:
    who = party(since=5, had_leg=True, again=made(10, ended=11))
    here = after(call(who), event_in_c1("ConnectionCleared", 12, "2001")).calls[1].parties["2001"]

    assert here.again == made(10, ended=11)


OVER = call(left(at=10), entered_at=0)


@pytest.mark.parametrize(
    ("one", "at", "ended"),
    [
        (OVER, 12, 10),
        (OVER, 10, 10),
        (OVER, 9, 10),
        (replace(OVER, entered_at=None), 10.5, 10.5),  # Its beginning is still to be reported.
    ],
)
def test_the_end_of_a_trunk_after_the_end_of_a_call_is_of_no_call_that_is_known(
    one: CallState, at: float, ended: float
) -> None:
    work = after(one, event_in_c1("ConnectionCleared", at, TRUNK, outside=True))

    assert work.calls[1].ended_at == moment(ended)
    assert (TRUNK in work.calls[1].parties) is (at <= ended)


@pytest.mark.parametrize(("at", "call_id"), [(29.9, "C2"), (30, "C2"), (30.1, "C3")])
def test_a_device_that_left_by_the_moment_of_a_transfer_was_in_the_call_before(at: float, call_id: str) -> None:
    board = consulting().hears(attended()).call("ConnectionCleared", at, "C2", "2002")

    assert (board.legs[1].call_id, board.legs[1].disconnected_source_at) == (call_id, moment(at))


def test_a_phone_that_rings_after_a_clearing_is_in_the_ids_next_call_alone() -> None:
    board = talking().call("Delivered", 20.3, "C1", "2002").call("CallCleared", 20, "C1")

    first, second = sorted(calls_of(board, "C1"), key=lambda one: one.born_at)
    assert (list(first.parties), list(second.parties)) == (["2001"], ["2002"])


def test_a_caller_who_gives_up_in_the_queue_ends_the_call_then() -> None:
    board = Switchboard().call("Queued", 1, "C1", "5000").call("ConnectionCleared", 4, "C1", "5000")

    (one,) = calls_of(board, "C1")
    assert (one.ended_at, one.cleared_at, one.waits_since, one.waits_at) == (moment(4), moment(4), None, "")
    assert board.call("Established", 3, "C1", "2001").spans() == [("2001", 3, 4)]


def test_a_phone_that_hangs_up_before_its_trunk_said_anything_was_connected_since_the_network_was_reached() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", TRUNK, outside=True)
    board.call("ConnectionCleared", 3, "C1", "2001")

    assert board.spans() == [("2001", 2, 3)]


# Answers


def test_an_answer_that_is_heard_late_is_no_second_report_of_who_dialled() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("Established", 3, "C1", "2002")
    board.call("ConnectionCleared", 10, "C1", "2001").call("Established", 5, "C1", "2003")

    assert calls_of(board, "C1")[0].parties["2001"].repeats == ()
    assert [one for one in board.spans() if one[0] == "2001"] == [("2001", 3, 10)]


def test_who_dialled_and_left_before_the_answer_is_reported_was_connected() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("Delivered", 2, "C1", "2002")
    board.call("ConnectionCleared", 10, "C1", "2001").call("Established", 5, "C1", "2002")

    assert sorted(board.spans()) == [("2001", 5, 10), ("2002", 5, None)]


def test_who_only_rang_and_left_after_the_answer_of_another_was_not_connected() -> None:
    board = Switchboard().call("Delivered", 2, "C1", "2003").call("Delivered", 2, "C1", "2002")
    board.call("ConnectionCleared", 10, "C1", "2003").call("Established", 5, "C1", "2002")

    assert board.spans() == [("2002", 5, None)]


def test_who_dialled_and_left_before_the_answer_was_not_connected() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("Delivered", 2, "C1", "2002")
    board.call("ConnectionCleared", 4, "C1", "2001").call("Established", 5, "C1", "2002")

    assert board.spans() == [("2002", 5, None)]


@pytest.mark.parametrize(("answered", "is_handed_on"), [(29.9, True), (30, False)])
def test_a_leg_that_is_reported_after_a_transfer_was_in_the_consultation_if_it_began_before(
    answered: float, is_handed_on: bool
) -> None:
    board = talking().call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    board.call("Delivered", 22, "C2", "2002").hears(attended())
    board.call("Established", answered, "C2", "2002")

    leg = next(one for one in board.legs if one.device_id == "2002")
    assert (leg.pending_transfer is not None) is is_handed_on


def test_a_leg_of_the_customers_own_call_that_is_reported_after_a_transfer_was_not_handed_on() -> None:
    board = consulting().hears(attended()).call("Established", 29, "C1", "2003")

    leg = next(one for one in board.legs if one.device_id == "2003")
    assert (leg.pending_transfer, leg.facts.queue_name) == (None, "Sales")


@pytest.mark.parametrize(
    ("beginning", "spans"),
    [
        # 2001 left at 15.75, and is connected again at 16; that it was connected before is heard last.
        (15.55, [(15.55, 15.75), (16, None)]),
        (15.8, [(15.8, None)]),  # The second connection was reported twice.
    ],
)
def test_a_beginning_that_is_heard_last_is_of_the_connection_that_it_was_before(
    beginning: float, spans: list[tuple[float, float | None]]
) -> None:
    board = Switchboard().call("Established", 5, "C1", "2002").call("ConnectionCleared", 15.75, "C1", "2001")
    board.call("Established", 16, "C1", "2001").call("Established", beginning, "C1", "2001")

    assert sorted(one[1:] for one in board.spans() if one[0] == "2001") == spans


def test_an_answer_of_the_phone_itself_confirms_a_call_on_a_trunk_that_says_nothing() -> None:
    board = Switchboard().call("Originated", 1, "C1", "2001").call("NetworkReached", 2, "C1", TRUNK, outside=True)
    board.waits(4.5)
    assert board.leg.is_unconfirmed

    board.call("Established", 2, "C1", "2001")
    assert not board.leg.is_unconfirmed


def test_an_answer_that_is_heard_after_its_end_shows_that_nobody_waits_any_more() -> None:
    board = Switchboard().call("Queued", 1, "C1", "5000", queueName="Sales")
    board.call("ConnectionCleared", 9, "C1", "2001").call("Established", 5, "C1", "2001")
    assert calls_of(board, "C1")[0].is_over

    board.call("Established", 12, "C1", "2002")
    assert [leg.facts.queue_name for leg in board.legs] == ["Sales", ""]


@pytest.mark.parametrize(("state", "has_dialled", "connects"), [("ORIGINATED", True, True), ("ALERTING", False, False)])
def test_only_who_dialled_is_connected_by_the_silence_of_a_trunk(state: str, has_dialled: bool, connects: bool) -> None:
    who = party(state=PartyState[state], since=0, has_dialled=has_dialled)
    work = after(call(who, reached_at=2, reached_gateway_at=2), event_in_c1("ConnectionCleared", 3, "2001"))

    assert (len(work.legs) == 1) is connects


def test_the_silence_of_a_trunk_does_not_connect_who_only_rang_beside_the_one_who_dialled() -> None:
    dials = party("2002", PartyState.ORIGINATED, since=0, has_dialled=True)
    rings = party(state=PartyState.ALERTING, since=1)
    work = after(call(rings, dials, reached_at=2, reached_gateway_at=2), event_in_c1("ConnectionCleared", 3, "2001"))

    assert (work.legs, work.calls[1].reached_at) == ({}, moment(2))


def test_a_clearing_under_an_id_that_was_handed_on_changes_nothing_there() -> None:
    board = consulting().hears(attended()).call("CallCleared", 30.5, "C1")

    assert [leg.disconnected_source_at for leg in board.legs if leg.device_id == "2002"] == [None]
    assert calls_of(board, "C1")[0].cleared_at is None


# Holds


@pytest.mark.parametrize(("kind", "held"), [("Held", True), ("Retrieved", False)])
@pytest.mark.parametrize("has_rung", [True, False])
def test_a_device_that_is_held_and_was_never_seen_to_answer_is_connected_after_a_second(
    kind: str, held: bool, has_rung: bool
) -> None:
    """It joined late, unless it was known to ring: then only its answer is missing."""
    board = Switchboard().call("Delivered", 1, "C1", "2001") if has_rung else Switchboard()
    board.call(kind, 5, "C1", "2001").waits(5.9)
    assert board.legs == []

    board.waits(6)
    assert (board.leg.is_held, board.leg.is_joined_late) == (held, not has_rung)


@pytest.mark.parametrize("kind", ["Held", "Retrieved"])
def test_a_hold_after_the_end_is_none(kind: str) -> None:
    board = talking().call("Established", 6, "C1", "2002").call("ConnectionCleared", 10, "C1", "2001")
    board.call(kind, 9, "C1", "2001").waits(12)

    assert board.spans() == [("2001", 5, 10), ("2002", 6, None)]
    assert calls_of(board, "C1")[0].parties["2001"].state is PartyState.NULL


@pytest.mark.parametrize("kind", ["Held", "Retrieved"])
def test_a_hold_shows_in_the_trace_once(kind: str) -> None:
    board = talking().call("Held", 8, "C1", "2001").call("Retrieved", 9, "C1", "2001")
    board.call(kind, 10, "C1", "2001").call(kind, 11, "C1", "2001")

    whats = [step.what for step in board.leg.trace if step.what in ("held", "retrieved")]
    assert whats == (["held", "retrieved", "held"] if kind == "Held" else ["held", "retrieved"])
    assert board.leg.is_held is (kind == "Held")


# What a snapshot finds


@pytest.mark.parametrize("kind", ["Established", "Held", "Retrieved"])
def test_a_leg_that_a_snapshot_names_goes_on(kind: str) -> None:
    board = gap(talking(), 20, 22).call(kind, 22.1, "C1", "2001").hears(event("Ended", 23, family="snapshot"))

    assert board.spans() == [("2001", 5, None)]


@pytest.mark.parametrize("kind", ["Established", "Held", "Retrieved"])
def test_the_first_leg_that_a_snapshot_finds_is_the_first_of_its_extension(kind: str) -> None:
    board = gap(Switchboard(), 20, 22).call(kind, 22.1, "C1", "2001").hears(event("Ended", 23, family="snapshot"))

    assert (board.leg.ordinal, board.leg.is_joined_late, board.leg.is_held) == (1, True, kind == "Held")


def test_a_leg_that_a_snapshot_finds_after_another_is_the_next_of_its_extension() -> None:
    board = talking().call("Established", 6, "C1", "2002").call("ConnectionCleared", 8, "C1", "2001")
    gap(board, 20, 30).call("Established", 30.1, "C1", "2001")

    assert [leg.ordinal for leg in board.legs if leg.device_id == "2001"] == [1, 2]


def test_a_phone_that_rang_again_before_a_gap_and_is_on_hold_after_it_has_its_next_leg() -> None:
    board = talking().call("Established", 6, "C1", "2002").call("ConnectionCleared", 8, "C1", "2001")
    gap(board.call("Delivered", 10, "C1", "2001"), 20, 30).call("Held", 30.1, "C1", "2001")

    assert [leg.ordinal for leg in board.legs if leg.device_id == "2001"] == [1, 2]


@pytest.mark.parametrize(("back", "late"), [(23, False), (23.1, True)])
def test_a_phone_that_dialled_before_a_gap_may_have_had_others_in_a_long_one(back: float, late: bool) -> None:
    board = gap(Switchboard().call("Originated", 19, "C1", "2001", interactionId="I1"), 20, back)
    board.call("Established", back + 0.1, "C1", TRUNK, outside=True, interactionId="I1")

    assert board.leg.is_joined_late is late


@pytest.mark.parametrize(
    ("before", "late"),
    [
        ([("Delivered", 19)], False),
        ([("Delivered", 18), ("ConnectionCleared", 19)], True),
        ([("Established", 19)], True),
        ([], True),
    ],
)
def test_a_phone_that_rang_under_an_id_before_a_short_gap_has_no_older_leg_in_whichever_call_it_is(
    before: list[tuple[str, float]], late: bool
) -> None:
    board = Switchboard().call("Established", 5, "C1", "2002", interactionId="I1")
    for kind, at in before:
        board.call(kind, at, "C1", "2001")
    gap(board, 20, 22).call("Established", 22.1, "C1", "2001", interactionId="I2")

    assert board.legs[-1].is_joined_late is late
