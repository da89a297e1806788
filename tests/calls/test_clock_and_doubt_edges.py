"""Our clock and the source's, and doubts about a recording: each limit just before, at and just after it.

Leg 1 is that of 2001, which was connected at 10; leg 2 is another of 2001. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import MatchKind
from calls.core.clocks import clocks_agree, ended_at, is_on_time, moments_of, note_agreement
from calls.core.doubts import (
    base_due,
    give_up_what_may_be_lost,
    give_up_what_may_be_of_repeat,
    is_close,
    is_doubtful,
    is_sure,
    is_wanted,
    may_be_lost,
    may_be_of_repeat,
    may_contest,
    uncontested,
)
from calls.core.source_state import SourceState
from calls.core.state import CallState, LegState, Party, PartyState, Reconnection, SearchStatus, WriteStatus
from calls.core.unit_of_work import LiveState, UnitOfWork
from tests.calls.call_states import NO_TIMES, WHOLE
from tests.calls.leg_states import HOLDER, SURE, at, leg, over, work
from tests.calls.switchboard import moment, with_site

pytestmark = pytest.mark.core

# Clocks


@pytest.mark.parametrize(
    ("agreed", "now", "site", "agree"),
    [(0, 900, {}, True), (0, 900.001, {}, False), (None, 1, {}, False), (0, 1, NO_TIMES, False)],
)
def test_clocks_agree_for_a_quarter_of_an_hour(
    agreed: float | None, now: float, site: dict[str, Any], agree: bool
) -> None:
    assert clocks_agree(work(source={"agreed_gateway_at": agreed}, **site), moment(now)) is agree


@pytest.mark.parametrize(
    ("agreed", "said", "heard", "noted"),
    [
        (None, 100, 101, 101),
        (None, 101, 100, 100),
        (None, 100, 101.001, None),
        (40, 100, 100, 100),
        (40.001, 100, 100, 40.001),
        (40, 100, 101, 101),
        (40, 100, 101.001, 40),
    ],
)
def test_an_event_that_is_received_within_a_second_of_its_time_is_noted_once_a_minute(
    agreed: float | None, said: float, heard: float, noted: float | None
) -> None:
    one = work(source={"agreed_gateway_at": agreed})
    note_agreement(one, moment(said), moment(heard))

    assert one.source.agreed_gateway_at == at(noted)


@pytest.mark.parametrize(
    ("heard", "site", "is_known"),
    [
        (10, {}, True),
        (10.25, {}, True),
        (9.75, {}, True),
        (10.251, {}, False),
        (10, NO_TIMES, False),
        (10.2, NO_TIMES, True),
        (10.251, NO_TIMES, False),
    ],
)
def test_connected_was_received_as_it_happened_within_a_quarter_of_a_second(
    heard: float, site: dict[str, Any], is_known: bool
) -> None:
    assert is_on_time(work(**site), leg(10, heard)) is is_known


@pytest.mark.parametrize(
    ("heard", "source", "site", "earliest", "latest"),
    [
        (10, {}, {}, 10, 10),
        (16, {}, {}, 10, 10),
        (16.001, {}, {}, 16.001, 16.001),
        (16.001, {"agreed_gateway_at": 15}, {}, 10, 10),
        (9.9, {}, {}, 9.9, 9.9),
        (10, WHOLE, {}, 10, 11),
        (10.4, WHOLE, {}, 10, 10.4),
        (12, WHOLE, {}, 10, 11),
        (12, WHOLE, NO_TIMES, 10, 10),
    ],
)
def test_something_happened_at_the_sources_time_of_it_or_within_a_second_of_that_or_at_its_receipt(
    heard: float, source: dict[str, Any], site: dict[str, Any], earliest: float, latest: float
) -> None:
    found_between = moments_of(work(source=source, **site), moment(10), moment(heard))

    assert found_between == (moment(earliest), moment(latest))


@pytest.mark.parametrize(
    ("one", "source", "ended"),
    [
        (leg(), {}, None),
        (over(leg(), 20, 25), {}, 20),
        (over(leg(), 25, 20), {}, 20),
        (over(leg(), 20, 25), WHOLE, 21),
        (over(leg(), 20, 20.5), WHOLE, 20.5),
        (over(leg(), 20, 25, is_end_unknown=True), {}, 25),
        # Its Connected was very late: the end is taken at its own time only where that was not.
        (over(leg(10, 16), 20, 28), {}, 20),
        (over(leg(10, 16.001), 20, 28), {}, 28),
        (over(leg(10, 16.001), 20, 25), {}, 20),
    ],
)
def test_a_leg_had_ended_by_our_clock_however_late_that_was_reported(
    one: LegState, source: dict[str, Any], ended: float | None
) -> None:
    assert ended_at(work(one, source=source), one) == at(ended)


# Doubts


@pytest.mark.parametrize(
    ("one", "site", "wanted"),
    [
        (leg(), {}, True),
        (leg(is_joined_late=True), {}, False),
        (leg(match=MatchKind.UNMATCHED), {}, False),
        (leg(services=()), {}, False),
        (leg(), {"agents_calls_only": True}, False),
        (leg(agent_id="9101"), {"agents_calls_only": True}, True),
        (leg(is_canary=True), {"agents_calls_only": True}, True),
    ],
)
def test_a_recording_is_sought_where_it_may_be_flagged(one: LegState, site: dict[str, Any], wanted: bool) -> None:
    assert is_wanted(work(**site), one) is wanted


@pytest.mark.parametrize(
    ("holder", "other", "sure"),
    [
        (HOLDER, leg(11, number=2), False),
        (SURE, leg(11, number=2), True),
        (SURE, leg(10.201, number=2), True),
        (SURE, leg(10.2, number=2), False),
        (SURE, leg(11, 11.251, number=2), False),
        (SURE, leg(9, 30, number=0), True),  # It was considered as QMS named the recording.
        (HOLDER, leg(9, number=0), False),
    ],
)
def test_certainty_lapses_for_a_leg_of_before_the_question_that_is_reported_late(
    holder: LegState, other: LegState, sure: bool
) -> None:
    assert is_sure(work(), holder, other) is sure


@pytest.mark.parametrize(
    ("began", "stalled", "close"),
    [
        (10.25, None, True),
        (9.75, None, True),
        (10.251, None, False),
        (9.749, None, False),
        (10, 16, False),
        (10, 4, False),
        (10, 16.001, True),
    ],
)
def test_a_beginning_just_at_connected_means_something_where_the_link_does_not_stall(
    began: float, stalled: float | None, close: bool
) -> None:
    assert is_close(work(source={"stalled_gateway_at": stalled}), leg(), moment(began)) is close


@pytest.mark.parametrize(
    ("other", "holder", "source", "doubtful"),
    [
        (leg(11.1, number=2), HOLDER, {}, True),
        (leg(11.101, number=2), HOLDER, {}, False),
        (leg(9.1, number=2), HOLDER, {}, True),
        (leg(9.099, number=2), HOLDER, {}, False),
        # The recording did not begin just with its holder, or the link stalls: six seconds.
        (leg(16.1, number=2), replace(HOLDER, connected_gateway_at=moment(9.8)), {}, True),
        (leg(16.101, number=2), replace(HOLDER, connected_gateway_at=moment(9.8)), {}, False),
        (leg(16.1, number=2), HOLDER, {"stalled_gateway_at": 12}, True),
        (leg(11, number=2), replace(HOLDER, recording_began=None), {}, False),
        (leg(11, number=2), replace(HOLDER, base=WriteStatus.QUEUED), {}, False),
        (leg(11, number=2), replace(HOLDER, guid=""), {}, False),
        (leg(11, number=2), SURE, {}, False),
    ],
)
def test_a_leg_that_is_heard_of_now_may_have_a_recording_that_began_about_then(
    other: LegState, holder: LegState, source: dict[str, Any], doubtful: bool
) -> None:
    assert is_doubtful(work(source=source), holder, other) is doubtful


@pytest.mark.parametrize(
    ("lost", "said", "heard", "began", "may"),
    [
        (None, 10, 10, 12, False),
        (9, 10, 10, 12, True),
        (8.999, 10, 10, 12, False),
        (18, 10, 10, 12, True),
        (18.001, 10, 10, 12, False),
        (None, 10, 10, 11, False),
        (9, 10, 10, 11, True),
        (8.999, 10, 10, 11, False),
        (17, 10, 10, 11, True),
        (17.001, 10, 10, 11, False),
        (12, 10, 10, 10.25, False),  # It began just as the leg was connected.
        (12, 10, 10, 10.251, True),
        (12, 10, 10, 9.75, False),
        (12, 10, 10, 9.749, True),
        (12, 10, 13, 10, True),
        (12, 10, 13, 10.2, True),  # It was heard of after the loss: anything may have been missed.
        (12, 10, 12, 10.2, False),
    ],
)
def test_a_recording_may_be_of_a_call_that_the_link_lost(
    lost: float | None, said: float, heard: float, began: float, may: bool
) -> None:
    one = work(source={"lost_gateway_at": lost})

    assert may_be_lost(one, moment(said), moment(heard), moment(began)) is may


@pytest.mark.parametrize(
    ("other", "holder", "may"),
    [
        (leg(16.1, number=2), HOLDER, True),
        (leg(16.101, number=2), HOLDER, False),
        (leg(10.101, number=2), HOLDER, True),
        (leg(10.1, number=2), HOLDER, False),
        (leg(12, number=2, services=()), HOLDER, False),
        (leg(12, number=2), SURE, False),
        (leg(12, number=2), replace(HOLDER, base=WriteStatus.WRITTEN), False),
        (leg(12, number=2), replace(HOLDER, recording_began=None), False),
    ],
)
def test_a_leg_of_within_six_seconds_decides_by_its_own_search(other: LegState, holder: LegState, may: bool) -> None:
    assert may_contest(work(), other, holder) is may


CONTESTED = replace(HOLDER, contested_by=2)


@pytest.mark.parametrize(
    ("contender", "holder", "guid", "contested"),
    [
        (leg(12, number=2), CONTESTED, "G", 2),
        (leg(12, number=2, search=SearchStatus.MISSED), CONTESTED, "", None),
        (leg(12, number=2, search=SearchStatus.FOUND, guid="H"), CONTESTED, "G", None),
        (leg(12, number=2, search=SearchStatus.FOUND, guid="G"), CONTESTED, "", None),
        (leg(12, number=2, search=SearchStatus.MISSED), replace(CONTESTED, base=WriteStatus.QUEUED), "G", None),
        (leg(12, number=3), CONTESTED, "", None),
    ],
)
def test_a_contested_recording_is_kept_where_the_other_leg_has_its_own(
    contender: LegState, holder: LegState, guid: str, contested: int | None
) -> None:
    after = uncontested(work(contender), holder, moment(30))

    assert (after.guid, after.contested_by) == (guid, contested)


@pytest.mark.parametrize(
    ("one", "ended", "due"),
    [
        (HOLDER, 12, 13),
        (replace(HOLDER, recording_began=moment(10.3)), 12, 17.3),
        (replace(HOLDER, recording_began=moment(10.3)), 17, 18),
        (replace(HOLDER, recording_began=moment(10.3), sure_at=moment(10.4)), 12, 13),
        (replace(HOLDER, recording_began=None), 12, 13),
        (replace(HOLDER, base_due=moment(99)), None, 99),
    ],
)
def test_flags_wait_a_second_after_the_end_and_longer_where_another_call_may_still_be_heard_of(
    one: LegState, ended: float | None, due: float
) -> None:
    assert base_due(work(), one, at(ended)) == moment(due)


# Recordings that are given up


@pytest.mark.parametrize(
    ("one", "lost", "guid"),
    [
        (replace(HOLDER, recording_began=moment(10.3)), 12, ""),
        (HOLDER, 12, "G"),  # It began just as the leg was connected.
        (replace(HOLDER, recording_began=moment(10.3), sure_at=moment(10.4)), 10.65, ""),
        (replace(HOLDER, recording_began=moment(10.3), sure_at=moment(10.4)), 10.651, "G"),
        (replace(HOLDER, recording_began=moment(10.3), base=WriteStatus.QUEUED), 12, "G"),
        (replace(HOLDER, recording_began=None), 12, "G"),
    ],
)
def test_a_lost_link_takes_a_recording_that_it_may_have_been_about_to_report_for_another_call(
    one: LegState, lost: float, guid: str
) -> None:
    board = work(one, source={"lost_gateway_at": lost})
    give_up_what_may_be_lost(board, moment(lost))

    assert board.legs[1].guid == guid


def test_a_leg_that_is_given_up_decides_the_contests_that_waited_for_it() -> None:
    other = leg(8, number=2, guid="H", sure_at=8.2, recording_began=8.1, contested_by=1, search=SearchStatus.FOUND)
    board = work(replace(HOLDER, recording_began=moment(10.3)), other, source={"lost_gateway_at": 12})
    give_up_what_may_be_lost(board, moment(12))

    assert (board.legs[2].guid, board.legs[2].contested_by) == ("", None)


def repeated(one: LegState, *reports: float, heard: float | None = None, **site: Any) -> UnitOfWork:
    """Return the core's work with a call in which 2001 and 2002 are reported as connected again."""
    made = [Reconnection(at=moment(at), gateway_at=moment(at if heard is None else heard)) for at in reports]
    parties = {
        name: Party(
            device_id=name, state=PartyState.CONNECTED, since=moment(10), again=made[0], repeats=tuple(made[1:])
        )
        for name in ("2001", "2002")
    }
    call = CallState(incarnation=1, call_id="C1", born_at=moment(0), touched_gateway_at=moment(0), parties=parties)
    state = SourceState(slug="pbx", has_fractions=site.pop("has_fractions", True))
    live = LiveState(source=state, calls={1: call}, legs={1: one, 2: replace(one, number=2, device_id="2002")})
    return UnitOfWork(live, with_site(**site))


@pytest.mark.parametrize(
    ("one", "again", "began", "may"),
    [
        (leg(), 10.6, 10.6, True),
        (leg(), 10.6, 10.35, True),
        (leg(), 10.6, 10.349, False),
        (leg(), 10.2, 10.251, True),
        (leg(), 10.2, 10.25, False),  # It began with the connection itself.
        (leg(), 10, 12, False),
        (over(leg(), 10.6), 10.6, 10.6, False),
        (over(leg(), 10.601), 10.6, 10.6, True),
        (leg(device_id="2003"), 10.6, 10.6, False),
        (leg(incarnation=9), 10.6, 10.6, False),
    ],
)
def test_a_recording_may_be_of_the_ids_next_call_where_it_began_with_a_later_report_of_the_connection(
    one: LegState, again: float, began: float, may: bool
) -> None:
    assert may_be_of_repeat(repeated(one, again), one, moment(began)) is may


def test_without_times_of_the_source_a_later_report_of_the_connection_says_nothing() -> None:
    assert not may_be_of_repeat(repeated(leg(), 10.6, **NO_TIMES), leg(), moment(10.6))


@pytest.mark.parametrize(("began", "may"), [(11.3, True), (11.25, False)])
def test_of_whole_seconds_the_later_report_may_be_as_early_as_its_time_says(began: float, may: bool) -> None:
    assert may_be_of_repeat(repeated(leg(), 11, heard=11.8, **WHOLE), leg(), moment(began)) is may


def test_a_recording_that_began_with_a_repeat_is_taken_from_the_extension_that_was_connected_again() -> None:
    board = repeated(replace(HOLDER, recording_began=moment(10.6)), 10.6)
    give_up_what_may_be_of_repeat(board, 1, "2001", moment(11))

    assert [(board.legs[number].guid, board.legs[number].missed) for number in (1, 2)] == [("", "repeat"), ("G", "")]
