"""What of a connection is heard late, and who came just before an event: each condition at its edges.

C1 began at 0. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest

from calls.core.connections import _begun_earlier, _is_taken_back, _late_connect, note_seen
from calls.core.newcomers import _comings, _lasts, doubtful_from, reported_again
from calls.core.state import CallState, Party, PartyState
from tests.calls.call_states import NO_TIMES, WHOLE, call, holding, left, made, party, snapshot
from tests.calls.leg_states import at, leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- connections that are heard late ---


@pytest.mark.parametrize(
    ("one", "number", "began", "ended", "heard"),
    [
        (left(at=10, since=8, had_leg=False, cleared_gateway_at=moment(10)), 1, 9, 10, 10),
        (left(at=10, since=8, had_leg=False, cleared_gateway_at=moment(10.999)), 1, 9, 10, 10.999),
        (left(at=10, since=8, had_leg=False, cleared_gateway_at=moment(11)), 1, 9, 10, 12),
        (left(at=10, outside=True, had_leg=False, cleared_gateway_at=moment(10)), 0, None, None, None),
        (left("2009", at=10, had_leg=False, cleared_gateway_at=moment(10)), 0, None, None, None),
        (left(at=10, cleared_gateway_at=moment(10)), 0, None, None, None),
    ],
)
def test_a_leg_whose_end_was_heard_first_is_opened_and_ended(
    one: Party, number: int, began: float | None, ended: float | None, heard: float | None
) -> None:
    held = holding(call(one, waits_since=9.5, waits_at="5000"))
    _late_connect(held, held.calls[1], one, made(9, heard=12))
    now = held.calls[1]

    assert len(held.legs) == number
    assert (now.waits_since is None) is (number == 1)
    if number:
        opened = held.legs[1]
        assert (opened.connected_source_at, opened.disconnected_source_at) == (at(began), at(ended))
        assert opened.disconnected_gateway_at == at(heard)
        party_now = now.parties["2001"]
        assert (party_now.state, party_now.leg, party_now.had_leg) == (PartyState.NULL, None, True)
        assert (party_now.cleared_at, party_now.since) == (moment(10), moment(8))


@pytest.mark.parametrize(
    ("since", "reported", "site", "is_kept"),
    [(8, 8.001, {}, True), (8, 8, {}, False), (None, 8, {}, True), (8, 9, NO_TIMES, False)],
)
def test_a_further_report_of_who_left_is_kept_as_a_repeat(
    since: float | None, reported: float, site: dict[str, Any], is_kept: bool
) -> None:
    one = left(at=10, since=since)
    held = holding(call(one), **site)
    _late_connect(held, held.calls[1], one, made(reported))

    assert held.calls[1].parties["2001"].repeats == ((made(reported),) if is_kept else ())


@pytest.mark.parametrize(("site", "is_kept"), [({}, True), (NO_TIMES, False)])
def test_a_leg_begins_at_its_earlier_report_and_the_first_one_is_kept(site: dict[str, Any], is_kept: bool) -> None:
    one = party(since=10, leg=1, had_leg=True)
    held = holding(call(one), legs=(leg(10, heard=10.2, incarnation=1),), **site)
    _begun_earlier(held, held.calls[1], one, made(9.5, heard=10.5))
    now = held.calls[1]

    assert (held.legs[1].connected_source_at, held.legs[1].connected_gateway_at) == (moment(9.5), moment(10.2))
    assert now.parties["2001"].since == moment(9.5)
    assert now.parties["2001"].again == (made(10, heard=10.2) if is_kept else None)
    assert now.due == (moment(11.5) if is_kept else None)


@pytest.mark.parametrize(
    ("one", "began", "reported", "source", "is_back"),
    [
        (left(at=10), 5, 10, WHOLE, True),
        (left(at=10), 10, 10, WHOLE, False),
        (left(at=10), 5, 11, WHOLE, False),
        (left(at=10), 5, 10, {}, False),
        (left(at=10, had_leg=False), 5, 10, WHOLE, False),
    ],
)
def test_a_device_has_its_call_back_in_the_second_of_its_end(
    one: Party, began: float, reported: float, source: dict[str, Any], is_back: bool
) -> None:
    held = holding(call(one), legs=(over(leg(began, incarnation=1), 10),), source=source)

    assert _is_taken_back(held, held.calls[1], one, made(reported)) is is_back
    assert not _is_taken_back(holding(call(one), source=source), call(one), one, made(reported))


@pytest.mark.parametrize(
    ("more", "seen", "late"),
    [
        ({"is_joined_late": True}, (), ("2001",)),
        ({}, (), ()),
        ({"is_joined_late": True}, (1,), ()),
        ({"is_joined_late": True, "heard": 9.999}, (), ()),
    ],
)
def test_a_leg_that_a_snapshot_names_first_was_found_late(
    more: dict[str, Any], seen: tuple[int, ...], late: tuple[str, ...]
) -> None:
    one = leg(5, **{"heard": 10, **more})
    held = holding(legs=(one,), source={"snapshot": snapshot(10, seen=seen)})
    note_seen(held, one)
    quiet = holding(legs=(one,))
    note_seen(quiet, one)

    assert held.source.snapshot is not None
    assert (held.source.snapshot.seen[-1], held.source.snapshot.found_late) == (1, late)
    assert quiet.source.snapshot is None


# --- newcomers ---


@pytest.mark.parametrize(
    ("source", "site", "since"),
    [
        ({}, {}, None),
        (WHOLE, {}, 10),
        ({}, NO_TIMES, 9),
        (WHOLE, {"settle_seconds": 0.0}, None),
        ({}, {**NO_TIMES, "settle_seconds": 0.0}, None),
    ],
)
def test_what_was_heard_before_an_event_may_be_of_after_it(
    source: dict[str, Any], site: dict[str, Any], since: float | None
) -> None:
    assert doubtful_from(holding(source=source, **site), moment(10)) == at(since)


@pytest.mark.parametrize(
    ("one", "site", "found"),
    [
        (party(since=5, again=made(9)), NO_TIMES, 9),
        (party(since=5, again=made(10)), NO_TIMES, 10),
        (party(since=5, again=made(10.001)), NO_TIMES, None),
        (party(since=5, again=made(8.9)), NO_TIMES, None),
        (party(since=8.5, again=made(9.5)), NO_TIMES, None),
        (party(since=8.5, again=made(9.501)), NO_TIMES, 9.501),
        (party(since=None, again=made(9.5)), NO_TIMES, None),
        (party(since=5, again=made(9.5)), {}, None),
        (party(since=5, repeats=(made(9.2),), again=made(9.5)), NO_TIMES, 9.2),
    ],
)
def test_a_report_of_just_before_may_be_of_the_next_call(one: Party, site: dict[str, Any], found: float | None) -> None:
    again = reported_again(holding(**site), one, moment(10))

    assert (again.at if again else None) == at(found)


@pytest.mark.parametrize(
    ("one", "lasts"),
    [
        (party(), True),
        (left(at=10, since=9, heard_at=moment(9)), False),
        (left(at=10.001, since=10, heard_at=moment(9)), True),
        (left(at=10, since=10, heard_at=moment(9)), False),
        (left(at=11, since=10), False),
        (left(at=11, since=9, heard_at=moment(9)), False),
    ],
)
def test_a_device_is_in_a_call_or_came_at_that_moment_and_left_later(one: Party, lasts: bool) -> None:
    assert _lasts(one, moment(10)) is lasts


@pytest.mark.parametrize(
    ("one", "announced", "since"),
    [
        (call(party(since=9)), (), [9]),
        (call(party(since=9)), ("2001",), []),
        (call(party(since=9), party("2009", since=8)), ("2002",), [9, 8]),
        (call(party("2009", since=8)), ("2002",), []),
        (call(party("2002", since=8, outside=True)), ("2001",), []),
        (call(party(since=9, is_vouched=True)), (), []),
        (call(party(since=None)), (), []),
        (call(waits_since=9), (), [9]),
        (call(waits_since=9, is_wait_vouched=True), (), []),
        (call(party(since=5, again=made(9.5))), (), [5, 9.5]),
    ],
)
def test_who_is_in_a_call_came_into_it_unless_it_is_announced_or_vouched_for(
    one: CallState, announced: tuple[str, ...], since: list[float]
) -> None:
    held = holding(one, **NO_TIMES)

    assert [two.since for two in _comings(held, one, moment(10), announced)] == [moment(two) for two in since]


def test_who_was_heard_with_an_announced_leg_came_with_it() -> None:
    one = call(party(since=9, leg=1), party("2002", since=9.1), party("2003", since=9.101))
    held = holding(one, legs=(leg(9, incarnation=1),), **NO_TIMES)

    assert [two.since for two in _comings(held, one, moment(10), ["2001"])] == [moment(9.101)]
