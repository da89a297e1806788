"""Rules of the core that no other table reaches, each over its edges: which life of an id, ends, gaps, transfers."""

from typing import Any

import pytest
from msgspec.structs import asdict, replace

from calls.core.attended_transfer import _over_at
from calls.core.call_end import _give_written
from calls.core.call_evidence import _has_failed, _is_found_in_another_queue, _is_interaction_of_none
from calls.core.clocks import CLOSE, TICK
from calls.core.commands import ChangeSession
from calls.core.flag_facts import leg_facts
from calls.core.gaps import is_missed
from calls.core.handlers.connections import _connect_before, _doubt_after_end_again, _hand_on_late
from calls.core.handlers.results import _was_answered_before
from calls.core.handlers.transfer_conference import _reached
from calls.core.legs import close_leg, note_stalled_end
from calls.core.result_events import attempts_text
from calls.core.source_state import PartialGap, Snapshot
from calls.core.state import LegData, LegPhase, TimedValue, WriteStatus
from cti.events import ConnectionCleared, Established
from tests.calls.call_states import I1, I2, NO_TIMES, call, event, holding, left, made, party, work
from tests.calls.leg_states import HOLDER, found, leg, over, pending
from tests.calls.leg_states import work as works
from tests.calls.switchboard import Everybody, Switchboard, moment

pytestmark = pytest.mark.core


# --- which life of an id ---


def lives(board: Switchboard, *times: float) -> Switchboard:
    """Let calls wait in a queue under one id, each of another caller."""
    for number, at in enumerate(times):
        board.call("Queued", at, "C1", "5000", queueName=f"Q{number}", callingNumber=f"+4930{number}")
    return board


@pytest.mark.parametrize(("times", "known"), [((1, 10), "Q1"), ((1, 5, 10), "Q2"), ((1, 9), "")])
def test_a_clearing_in_the_second_in_which_an_ids_next_call_began_is_of_the_call_before(
    times: tuple[float, ...], known: str
) -> None:
    """Of times in whole seconds. Where the next one began earlier, it is that one's."""
    board = lives(Switchboard(), *times).call("CallCleared", 10, "C1").call("Established", 12, "C1", "2001")

    assert board.leg.facts.queue_name == known


@pytest.mark.parametrize(("before", "now", "is_of_none"), [(I1, I2, True), (I2, I1, False), (I2, I2, True)])
def test_an_interaction_is_compared_with_that_of_an_ids_latest_call_alone(
    before: dict[str, Any], now: dict[str, Any], is_of_none: bool
) -> None:
    first, second = (
        call(interaction=one["interactionId"], incarnation=number) for number, one in enumerate((before, now), start=1)
    )
    said = event("Transferred", 20, "2001", primaryOldCallId="C1", **I1)

    assert _is_interaction_of_none(holding(first, second), said) is is_of_none


# --- ends ---


@pytest.mark.parametrize(
    ("first", "later", "site", "is_doubtful"),
    [
        (20, CLOSE, {}, False),
        (20, CLOSE + TICK, {}, True),
        (20, -CLOSE, {}, False),
        (None, CLOSE + TICK, {}, False),
        (20, CLOSE + TICK, {"has_source_times": False}, False),
    ],
)
def test_a_further_end_puts_a_call_in_doubt_where_it_is_no_repeat_of_the_first(
    first: float | None, later: Any, site: dict[str, Any], is_doubtful: bool
) -> None:
    one, ended_at = call(party(since=1)), moment(20) + later
    held = holding(one, **site)
    _doubt_after_end_again(held, one, made(15, ended=first), ended_at)

    assert held.calls[1].doubtful_since == (ended_at if is_doubtful else None)


@pytest.mark.parametrize(
    ("device", "had_leg", "heard", "had_failed"),
    [("2001", True, 10, True), ("2001", False, 9, True), ("2001", True, 9, False), ("2002", True, 10, False)],
)
def test_an_end_is_that_of_a_failed_call_where_its_device_was_not_connected_or_failed(
    device: str, had_leg: bool, heard: float, had_failed: bool
) -> None:
    parted = left(had_leg=had_leg, cleared_gateway_at=moment(heard))
    failed = call(parted, failed_gateway_at=10)
    end = event("ConnectionCleared", 12, device)

    assert isinstance(end, ConnectionCleared)
    assert _has_failed(failed, end) is had_failed
    assert not _has_failed(call(parted), end)


def test_a_connection_that_is_first_seen_on_hold_is_traced_as_such() -> None:
    board = Switchboard().call("Held", 5, "C1", "2001").waits(7)

    texts = [step.text for step in board.leg.trace]
    assert "The call was first seen while the extension was already connected." in texts


def test_a_leg_whose_end_is_not_known_keeps_its_recording() -> None:
    one = works(HOLDER)
    closed = close_leg(one, HOLDER, moment(10), moment(99), "Nothing was heard of it for long.", is_end_unknown=True)

    assert (closed.phase, closed.guid) == (LegPhase.CLOSED, "G")


@pytest.mark.parametrize(("site", "ended_since"), [({"has_source_times": False}, 8), ({}, None)])
def test_only_without_times_of_the_source_a_stall_holds_back_the_end_of_a_leg(
    site: dict[str, Any], ended_since: float | None
) -> None:
    one = works(over(leg(5), 9), **site)
    note_stalled_end(one, 1, replace(event("ConnectionCleared", 9, "2001"), heldsince=moment(8)))

    assert one.legs[1].ended_since == (None if ended_since is None else moment(ended_since))


@pytest.mark.parametrize(("base", "guid"), [(WriteStatus.NONE, ""), (WriteStatus.QUEUED, "G")])
def test_a_stall_takes_no_recording_from_a_leg_whose_flags_are_on_their_way(base: WriteStatus, guid: str) -> None:
    one = works(over(replace(HOLDER, recording_began=moment(12)), 20, base=base), **NO_TIMES)
    note_stalled_end(one, 1, replace(event("ConnectionCleared", 20, "2001"), heldsince=moment(11)))

    assert (one.legs[1].guid, one.legs[1].ended_since) == (guid, moment(11))


@pytest.mark.parametrize(
    ("connected", "ended", "site", "earliest"),
    [
        (10, 33, {}, 30),
        (12, 33, {}, 32),  # Its beginning was heard two seconds late, its end three: one of these is a stall.
        (13, 33, {}, 33),
        (14, 33, {}, 33),
        (10, 33, {"has_source_times": False}, 32),
    ],
)
def test_a_leg_may_have_been_over_by_as_much_as_its_end_was_heard_later_than_its_beginning(
    connected: float, ended: float, site: dict[str, Any], earliest: float
) -> None:
    one = over(leg(10, connected), 30, ended)

    assert _over_at(works(one, **site), one) == moment(earliest)


@pytest.mark.parametrize(("again", "is_before"), [(15, True), (15.001, True), (14.999, False)])
def test_a_connection_of_before_an_end_is_heard_late_where_the_device_was_connected_again_from_that_end_on(
    again: float, is_before: bool
) -> None:
    one = call(party(leg=1, since=again, left_before=moment(15)), entered_at=0)
    said = event("Established", 12, "2001")

    assert isinstance(said, Established)
    assert _connect_before(holding(one, legs=(leg(again, incarnation=1),)), one, "2001", said) is is_before


@pytest.mark.parametrize(("other", "is_exchanged"), [("C1", True), ("C2", False)])
def test_a_written_leg_is_exchanged_with_one_of_the_same_id_alone(other: str, is_exchanged: bool) -> None:
    """Leg 1 was taken for 10 to 20, and its recording began at 15, as leg 2 was connected; the device left at 12."""
    written, later = over(leg(10, recording_began=15), 20), leg(15, number=2, call_id=other)
    one = call(left(at=12))
    held = holding(one, replace(call(), incarnation=2, call_id=other), legs=(written, later))
    _give_written(held, one, "2001", moment(12), moment(20))

    began = [(held.legs[number].connected_source_at - moment(0)).total_seconds() for number in (1, 2)]
    assert began == ([15, 10] if is_exchanged else [10, 15])


@pytest.mark.parametrize(
    ("why", "began", "ended", "is_pending", "was_answered"),
    [
        ("same", 31, 30, True, True),
        ("same", 20.1, 20, True, True),
        ("unreachable", 20.1, 20, True, False),
        ("none", 31, 30, True, True),
        ("unreachable", 31, 30, True, False),
        ("", 31, 30, True, False),
        ("none", 29.999, 30, True, False),
        ("none", 30, 30, True, True),
        ("none", 31, None, True, False),
        ("none", 31, 30, False, False),
        ("same", 20.25, 30, True, False),
        ("same", 20.251, 30, True, True),
    ],
)
def test_qms_had_answered_while_a_leg_lasted_where_it_named_no_other_recording_in_time(
    why: str, began: float, ended: float | None, is_pending: bool, was_answered: bool
) -> None:
    handed_on = replace(HOLDER, pending_transfer=pending(20) if is_pending else None)
    one = handed_on if ended is None else over(handed_on, ended)

    assert _was_answered_before(works(one), one, replace(found(began), why=why)) is was_answered


# --- gaps ---


@pytest.mark.parametrize(
    ("site", "later", "is_of_other"), [({}, 0, False), ({}, 0.5, True), (NO_TIMES, 0.5, False), (NO_TIMES, 1.5, True)]
)
def test_a_report_after_a_short_gap_is_of_another_connection_where_it_is_no_repeat(
    site: dict[str, Any], later: float, is_of_other: bool
) -> None:
    """A repeat has the time of the first report; without times of the source it is heard within a second of that."""
    one, lost = call(party(leg=1)), {"lost_at": 10.1, "lost_gateway_at": 10.1}
    work = holding(one, legs=(leg(10),), source=lost, **site)

    assert is_missed(work, one, event("Established", 10 + later, "2001", heard=12)) is is_of_other


@pytest.mark.parametrize(("began", "is_of_other"), [(9.0, True), (10.0, False), (11.0, False)])
def test_another_devices_event_shows_what_was_missed_only_of_a_gap_that_had_begun(
    began: float, is_of_other: bool
) -> None:
    gap = PartialGap(began_at=moment(began), devices=frozenset({"2001"}))
    one = call(party(since=1))

    assert is_missed(holding(one, source={"partial": (gap,)}), one, event("Delivered", 10, "2002")) is is_of_other


@pytest.mark.parametrize(
    ("since", "queue", "known", "is_another"),
    [
        (1, "Sales", "Support", True),
        (1, "Support", "Support", False),
        (1, "", "Support", False),
        (1, "Sales", "", False),
        (20, "Sales", "Support", False),
        (19.999, "Sales", "Support", True),
        (None, "Sales", "Support", False),
    ],
)
def test_a_snapshot_finds_a_device_in_another_queues_call_only_where_it_talked_before_the_snapshot(
    since: float | None, queue: str, known: str, is_another: bool
) -> None:
    stated: dict[str, Any] = {"queueName": queue} if queue else {}
    said = event("Established", 21, "2001", **stated)
    one = call(facts={"queue_name": (TimedValue(moment(0), known),)} if known else {})
    device = party(since=since)

    found = work(source={"snapshot": Snapshot(began_at=moment(20), began_gateway_at=moment(20))})
    assert _is_found_in_another_queue(found, one, device, said) is is_another
    assert not _is_found_in_another_queue(work(), one, device, said)


# --- transfers ---


@pytest.mark.parametrize(
    ("phase", "base", "ended", "is_reached"),
    [
        (LegPhase.OPEN, WriteStatus.NONE, None, True),
        (LegPhase.CLOSED, WriteStatus.NONE, 20.001, True),
        (LegPhase.CLOSED, WriteStatus.NONE, 20, False),
        (LegPhase.CLOSED, WriteStatus.QUEUED, 20.001, False),
        (LegPhase.DELIVERING, WriteStatus.QUEUED, 20.001, False),
        (LegPhase.SETTLED, WriteStatus.NONE, 20.001, False),
        (LegPhase.SETTLED, WriteStatus.WRITTEN, 20.001, False),
    ],
)
def test_a_transfer_reaches_a_leg_that_is_open_or_ended_after_it_and_is_not_decided(
    phase: LegPhase, base: WriteStatus, ended: float | None, is_reached: bool
) -> None:
    one = leg(base=base) if ended is None else replace(over(leg(base=base), ended), phase=phase)

    said = event("Transferred", 20, "2001", primaryOldCallId="C1", resultingCallId="C1", transferringDeviceId="2001")
    assert _reached(one, said) is is_reached


def test_a_leg_is_not_handed_on_late_from_a_call_that_was_not_handed_on() -> None:
    """That of C1 from 0 on was not; the resulting call has the same id; 2001 is in it since 11."""
    before, resulting = call(), call(party(leg=1, since=11), incarnation=2, main=9, joined_at=20, born_at=20)
    one = leg(10, incarnation=2)
    held = holding(before, resulting, call(incarnation=9, call_id="C9"), legs=(one,))
    said = event("Established", 10, "2001")

    assert isinstance(said, Established)
    _hand_on_late(held, said, resulting, "2001")
    assert held.legs[1] == one


@pytest.mark.parametrize("said_at", [20, 20.5])
def test_a_name_that_is_said_of_the_resulting_call_from_its_first_moment_on_is_that_of_the_customer(
    said_at: float,
) -> None:
    board = Switchboard().call("Queued", 1, "C1", "5000", queueName="Sales").call("Established", 5, "C1", "2001")
    board.call("Held", 10, "C1", "2001").call("Originated", 11, "C2", "2001", cause="consultation")
    board.call("Established", 15, "C2", "2002")
    moved = {"primaryOldCallId": "C1", "secondaryOldCallId": "C2", "resultingCallId": "C3"}
    board.call("Transferred", 20, "C1", "2001", transferringDeviceId="2001", transferredToDeviceId="2002", **moved)
    board.call("CallInformation", said_at, "C3", callerName="Uma", callerNameSource="isdn")

    (taken,) = [one for one in board.call("ConnectionCleared", 40, "C3", "2002").legs if one.device_id == "2002"]
    assert taken.facts.caller_name == "Uma"


# --- agents ---


def test_each_move_of_an_agent_is_told_to_who_keeps_the_sessions() -> None:
    board = Switchboard().agent("LoggedOn", 1, "A1", deviceId="2001").agent("LoggedOn", 5, "A1", deviceId="2002")
    board.agent("LoggedOff", 9, "A1", deviceId="2002")

    changes = [one.change for one in board.commands if isinstance(one, ChangeSession)]
    seats = [(one.device_id, one.session.agent_id if one.session else "") for one in changes]
    assert seats == [("2001", "A1"), ("2001", ""), ("2002", "A1"), ("2002", "")]


# --- what flags are made from ---

TEXTS = ("interaction_id", "queue_name", "caller_name", "caller_name_source", "calling_number", "called_number")
OWN = ("call_id", "device_id", "agent_id", "agent_name", "wrapup_template", "wrapup_result")


def test_flags_are_made_from_all_that_a_leg_knows_of_its_call_and_of_itself() -> None:
    of_call: dict[str, Any] = {name: f"the {name}" for name in (*TEXTS, "direction")}
    own: dict[str, Any] = {name: f"the {name}" for name in OWN}
    one = leg(facts=LegData(**of_call, query_data={"a": "b"}), **own)

    assert asdict(leg_facts(one)) == {**of_call, **own, "query_data": {"a": "b"}}


@pytest.mark.parametrize(("count", "text"), [(0, "0 attempts"), (1, "1 attempt"), (2, "2 attempts")])
def test_a_trace_counts_how_often_qms_was_asked(count: int, text: str) -> None:
    assert attempts_text(count) == text


# --- what is kept in memory ---


def test_a_leg_that_is_forgotten_leaves_no_entry_by_its_recording() -> None:
    one = works(HOLDER)
    assert one.holder_of("G") == 1
    one.evict(0, [HOLDER])

    assert (one.holder_of("G"), one._by_guid) == (None, {})


def test_moments_that_are_few_are_not_sorted_anew_with_each_batch() -> None:
    busy = holding(call(party(), due=50))
    for at in range(100, 200):
        busy.put_call(call(party(), due=at))
    moments = busy._dues

    busy.begin_batch(Everybody())
    assert busy._dues is moments
    assert len(moments) > 2 * len(busy.calls)
