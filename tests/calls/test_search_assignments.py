"""A recording that a person gives to a leg: only where all speaks for it, and over the edges of each condition."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Min
from msgspec.structs import replace

from calls.core.same_time import CallTime
from calls.core.state import LegPhase, LegState
from calls.models import Leg, RecordingSearch, SearchState
from calls.search import assign as assign_module
from calls.search.assign import TOLERANCE, Assignment, NotAssignable, assign_recording, doubts
from calls.storage.codec import LEG_FIELDS, leg_key, leg_row
from cti.api import answers_stream
from flags.models import FlagWrite
from qms.port import Recording
from tests.calls.search_desk import Desk
from tests.calls.test_stored_versions import LEG

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(redis: Any, db: None) -> Desk:
    """Give services, a QMS and a source."""
    return Desk()


def kept(desk: Desk, number: int = 1, at: datetime = NOW, **members: Any) -> Leg:
    """Keep a leg of 2001 that was connected at a moment, for a minute, and has no recording."""
    times = {"connected_source_at": at, "connected_gateway_at": at}
    ends = {"disconnected_source_at": at + MINUTE, "disconnected_gateway_at": at + MINUTE}
    plain = {"number": number, "device_id": "2001", "guid": "", "service": None, "phase": LegPhase.SETTLED}
    leg: LegState = replace(LEG, **{**plain, **times, **ends, **members})
    row = dict(zip(LEG_FIELDS, leg_row(desk.source.pk, leg, at), strict=True))
    source_id, service_id = row.pop("source"), row.pop("service")
    return Leg.objects.create(source_id=source_id, service_id=service_id, **row)


def recording(began: datetime = NOW, ended: datetime | None = NOW + MINUTE) -> Recording:
    return Recording(guid="G", extension="2001", started_at=began, ended_at=ended)


def assign(
    desk: Desk, began: datetime = NOW, number: int = 1, ended: datetime | None = NOW + MINUTE
) -> RecordingSearch:
    wanted = Assignment(
        leg_id=leg_key(desk.source.pk, number), service_id=desk.a.pk, recording=recording(began, ended), by="Uma"
    )
    assign_recording(wanted, NOW + 10 * MINUTE)
    return RecordingSearch.objects.get(recording_guid="G")


def test_a_recording_that_is_assigned_is_the_answer_of_a_search_that_the_consumer_folds(desk: Desk) -> None:
    kept(desk)
    one = assign(desk)

    assert (one.leg_id, one.ordinal, one.source_id, one.service_id) == (
        leg_key(desk.source.pk, 1),
        1,
        desk.source.pk,
        desk.a.pk,
    )
    assert (one.extension, one.state, one.why, one.error) == ("2001", SearchState.FOUND, "assigned", "Uma")
    assert (one.recording_guid, one.recording_started_at) == ("G", NOW)
    assert (one.connected_at, one.not_started_before) == (NOW, NOW)
    assert (one.deadline, one.next_at, one.answered_at) == (NOW + 10 * MINUTE,) * 3
    assert not one.folded


def test_it_is_the_legs_next_search(desk: Desk) -> None:
    kept(desk)
    desk.search(1, ordinal=4, state=SearchState.MISSED)

    assert assign(desk).ordinal == 5


@pytest.mark.parametrize("off", [-TOLERANCE, timedelta(0), TOLERANCE])
def test_a_recording_that_began_within_five_seconds_of_connected_may_be_assigned(desk: Desk, off: timedelta) -> None:
    kept(desk)

    assert assign(desk, NOW + off).recording_started_at == NOW + off


def _is_of_another(desk: Desk) -> None:
    kept(desk)
    kept(desk, 2, NOW - 60 * MINUTE, device_id="2002", guid="G", service=desk.a.pk)


def _has_flags(desk: Desk) -> None:
    """Of a leg that is no longer kept."""
    kept(desk)
    FlagWrite.objects.create(
        leg_id=99, source_id=1, service=desk.a, recording_guid="G", part="base", not_before=NOW, created_at=NOW
    )


def _was_just_assigned(desk: Desk) -> None:
    kept(desk)
    desk.search(2, recording_guid="G", why="assigned", state=SearchState.FOUND)


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda _: None, "no longer kept"),
        (lambda desk: kept(desk, phase=LegPhase.CLOSED), "not settled"),
        (lambda desk: kept(desk, guid="H", service=desk.a.pk), "has a recording"),
        (_is_of_another, "belongs to another leg"),
        (_has_flags, "flags were sent to it"),
        (_was_just_assigned, "just assigned"),
        (lambda desk: kept(desk, at=NOW - TOLERANCE - TICK), "did not begin when"),
        (lambda desk: kept(desk, at=NOW + TOLERANCE + TICK), "did not begin when"),
    ],
)
def test_a_recording_is_not_assigned_where_something_speaks_against_it(
    desk: Desk, prepare: Callable[[Desk], Any], says: str
) -> None:
    prepare(desk)

    with pytest.raises(NotAssignable, match=says):
        assign(desk)


@pytest.mark.parametrize(
    ("began", "ended"),
    [
        (NOW, NOW + MINUTE - TOLERANCE - TICK),
        (NOW, NOW + MINUTE + TOLERANCE + TICK),
        (NOW, None),
        (NOW - TOLERANCE, NOW - TICK),
    ],
)
def test_a_recording_that_did_not_go_on_and_end_with_the_leg_is_not_assigned(
    desk: Desk, began: datetime, ended: datetime | None
) -> None:
    """Before: its begin alone counted, also of one that was over before the leg was connected."""
    kept(desk)

    with pytest.raises(NotAssignable, match="did not go on and end together"):
        assign(desk, began, ended=ended)


@pytest.mark.parametrize("off", [-TOLERANCE, TOLERANCE])
def test_a_recording_that_ended_within_five_seconds_of_the_leg_may_be_assigned(desk: Desk, off: timedelta) -> None:
    kept(desk)

    assert assign(desk, ended=NOW + MINUTE + off).recording_guid == "G"


def test_of_two_short_calls_that_follow_each_other_the_one_does_not_get_the_others_recording(desk: Desk) -> None:
    second = timedelta(seconds=1)
    kept(desk, disconnected_gateway_at=NOW + 4 * second, disconnected_source_at=NOW + 4 * second)

    with pytest.raises(NotAssignable, match="two calls"):
        assign(desk, NOW - 2 * second, ended=NOW + 2 * second)
    assert assign(desk, NOW - second, ended=NOW + 3 * second).recording_guid == "G"


def test_a_leg_that_was_erased_meanwhile_gets_no_recording(desk: Desk) -> None:
    assert assign_module._doubt(kept(desk), CallTime(NOW, NOW + MINUTE), ()) is not None


def test_an_assignment_that_was_folded_does_not_hold_the_recording(desk: Desk) -> None:
    """Its leg has the recording, or the consumer refused it."""
    kept(desk)
    desk.search(2, recording_guid="H", why="assigned", state=SearchState.FOUND)
    old = desk.search(3, recording_guid="G", why="assigned", state=SearchState.FOUND, folded=True)
    assign_recording(
        Assignment(leg_id=leg_key(desk.source.pk, 1), service_id=desk.a.pk, recording=recording(), by="Uma"), NOW
    )

    assert RecordingSearch.objects.filter(recording_guid="G").exclude(pk=old.pk).count() == 1


@pytest.mark.parametrize(
    ("connected", "ended", "doubtful"),
    [
        # Another leg of the extension, from when to when: within five seconds of the recording's beginning, or for more
        # than five seconds while it went on.
        (NOW + TOLERANCE, NOW + MINUTE, True),
        (NOW + MINUTE - TOLERANCE - TICK, NOW + 2 * MINUTE, True),
        (NOW + MINUTE - TOLERANCE, NOW + 2 * MINUTE, False),
        (NOW + TOLERANCE + TICK, NOW + 2 * TOLERANCE, False),
        (NOW - MINUTE, NOW - TOLERANCE, True),
        (NOW - MINUTE, NOW - TOLERANCE - TICK, False),
        (NOW - MINUTE, None, True),
    ],
)
def test_a_recording_is_not_assigned_where_another_leg_was_connected_about_then(
    desk: Desk, connected: datetime, ended: datetime | None, doubtful: bool
) -> None:
    kept(desk)
    kept(desk, 2, connected, disconnected_source_at=ended, disconnected_gateway_at=ended)
    kept(desk, 3, NOW, device_id="2002")

    if doubtful:
        with pytest.raises(NotAssignable, match="Another leg was connected"):
            assign(desk)
    else:
        assert assign(desk).recording_guid == "G"


@pytest.mark.parametrize("hours", [-25, 25])
def test_another_leg_counts_though_its_sources_clock_is_up_to_25_hours_off(desk: Desk, hours: int) -> None:
    """By the gateway's clock both were connected at once."""
    kept(desk)
    kept(desk, 2, connected_source_at=NOW + timedelta(hours=hours))

    with pytest.raises(NotAssignable, match="Another leg was connected"):
        assign(desk)


def test_the_consumer_is_woken_by_an_assignment(desk: Desk, redis: Any) -> None:
    kept(desk)
    assign(desk)

    assert redis.exists(answers_stream(desk.source.pk))


def test_a_long_name_of_who_assigned_is_cut(desk: Desk) -> None:
    kept(desk)
    wanted = Assignment(leg_id=leg_key(desk.source.pk, 1), service_id=desk.a.pk, recording=recording(), by="U" * 200)
    assign_recording(wanted, NOW)

    assert RecordingSearch.objects.get().error == "U" * 150


def test_of_two_who_assign_to_one_leg_at_once_one_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both found the same last search; the database takes one of them."""
    kept(desk)
    for ordinal in (1, 2):
        desk.search(1, ordinal=ordinal, state=SearchState.MISSED)
    monkeypatch.setattr(assign_module, "Max", Min)

    with pytest.raises(NotAssignable, match="Somebody else"):
        assign(desk)


def test_the_doubts_of_many_legs_are_told_with_the_others_whose_the_recording_may_be(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calls.search.assign.AT_ONCE", 1)
    sure = kept(desk).pk
    contested, other = kept(desk, 2, device_id="2002").pk, kept(desk, 3, device_id="2002").pk
    late = kept(desk, 4, device_id="2003").pk

    then = CallTime(NOW, NOW + MINUTE)
    found = doubts({sure: then, contested: then, late: CallTime(NOW + MINUTE, NOW + 2 * MINUTE), 99: then})
    assert {key: one.legs for key, one in found.items()} == {contested: (other,), late: ()}
