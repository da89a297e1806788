"""Connections and their ends that are heard twice or late, and who counts in a gap. Seconds after noon."""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.connections import connect_device, connection_of
from calls.core.ends_heard_first import connect_as_heard, end_of_unheard, note_end_of_absent
from calls.core.gap_tally import GapTally
from calls.core.origins import Origin, OriginRule
from calls.core.state import CallState, Party, PartyState
from cti.events import ConnectionCleared, Established
from tests.calls.call_states import NO_TIMES, WHOLE, call, event, handed, holding, left, made, party, snapshot
from tests.calls.leg_states import at, leg
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core


# --- an end that is heard before the beginning ---


@pytest.mark.parametrize(
    ("one", "time", "site", "is_over"),
    [
        (left(left_again=20), 20, {}, True),
        (left(left_again=20), 20.001, {}, False),
        (left(left_again=20), 21, NO_TIMES, True),
        (left(left_again=20), 21.001, NO_TIMES, False),
        (left(), 20, {}, False),
        (party(left_again=20), 20, {}, False),
        (None, 20, {}, False),
    ],
)
def test_a_connection_of_one_who_had_left_is_over_where_its_end_was_heard_first(
    one: Party | None, time: float, site: dict[str, Any], is_over: bool
) -> None:
    if one is not None and one.left_again is not None:
        one = replace(one, left_again=moment(20))
    held = holding(call(*([one] if one else [])), **site)
    said = event("Established", time, "2001")

    assert isinstance(said, Established)
    assert end_of_unheard(held, held.calls[1], "2001", said) == (moment(20) if is_over else None)


@pytest.mark.parametrize(
    ("one", "time", "site", "is_noted"),
    [
        (left(at=10), 10.001, {}, True),
        (left(at=10), 10, {}, False),
        (left(at=10), 11, NO_TIMES, False),
        (left(at=10), 11.001, NO_TIMES, True),
        (party(), 20, {}, False),
        (party(cleared_at=10), 20, {}, False),
        (party(state=PartyState.NULL), 20, {}, False),
    ],
)
def test_a_further_end_of_one_who_had_left_is_noted(
    one: Party, time: float, site: dict[str, Any], is_noted: bool
) -> None:
    held, said = holding(call(one), **site), event("ConnectionCleared", time, "2001")

    assert isinstance(said, ConnectionCleared)
    note_end_of_absent(held, held.calls[1], one, said)
    assert held.calls[1].parties["2001"].left_again == (moment(time) if is_noted else None)
    note_end_of_absent(held, held.calls[1], None, said)


@pytest.mark.parametrize(
    ("one", "is_again"),
    [
        (call(left(again=made(12)), party("2002")), True),
        (call(left(again=made(11)), party("2002")), False),
        (call(left(), party("2002")), False),
        (call(party(again=made(12)), party("2002")), False),
        (call(left(again=made(12))), False),
        (call(party("2002")), False),
    ],
)
def test_a_device_is_connected_in_the_call_that_goes_on_by_a_report_of_after_its_leaving(
    one: CallState, is_again: bool
) -> None:
    held = holding(one)
    connect_as_heard(held, 1, "2001", handed(11))

    assert ([two.connected_source_at for two in held.legs.values()] == [moment(12)]) is is_again


# --- gaps ---


def test_legs_that_were_joined_late_or_are_a_canarys_count_neither_as_saved_nor_as_lost() -> None:
    others = [leg(number=3, is_joined_late=True), leg(number=4, is_canary=True)]
    open_ = [leg(number=1), leg(number=2, device_id="2002"), *others]
    gone = [
        leg(number=2, device_id="2002"),
        leg(number=5, guid="G"),
        leg(number=6, is_joined_late=True),
        leg(number=7, is_canary=True),
    ]
    tally = GapTally(open_, gone, snapshot(late=("2001", "2003")))

    assert tally.of() == (1, 3)
    assert tally.of({"2001"}) == (1, 1)
    assert tally.of({"2002"}) == (0, 1)
    assert tally.of({"2003"}) == (0, 1)
    assert tally.of(()) == (0, 0)


# --- connections ---


def test_a_connection_is_known_by_its_event_and_names_the_agent_of_its_own_device_alone() -> None:
    said = event("Established", 5, "2001", heard=6, agentId="9001", interactionId="I1")

    by = Origin("Established", said.id, moment(5), OriginRule.CONNECTED)
    assert connection_of(said, "2001") == made(5, 6, agent_id="9001", interaction_id="I1", origin=by)
    assert connection_of(said, "2002").agent_id == ""


@pytest.mark.parametrize(
    ("time", "site", "is_kept"),
    [(5, {}, False), (5.000001, {}, True), (5.1, NO_TIMES, False), (5.100001, NO_TIMES, True)],
)
def test_a_further_report_of_a_connection_is_kept_where_it_is_no_other_monitors(
    time: float, site: dict[str, Any], is_kept: bool
) -> None:
    held = holding(call(party(since=5, leg=1, had_leg=True)), legs=(leg(5),), **site)
    connect_device(held, held.calls[1], "2001", made(time, heard=time + 0.5))

    assert (held.calls[1].parties["2001"].again is not None) is is_kept
    assert (held.calls[1].due == moment(time + 1.5)) is is_kept


def test_a_device_that_is_connected_waits_no_more_and_has_a_connection_of_its_own() -> None:
    before = left(at=8, interaction_id="I0", left_again=moment(9), repeats=(made(3),), cleared_gateway_at=moment(8))
    for since, waits in ((13, True), (12.999, False)):
        held = holding(call(before, waits_since=since, waits_at="5000"), source=WHOLE)
        connect_device(held, held.calls[1], "2001", made(11.999, heard=12, interaction_id="I1", is_vouched=True))
        one = held.calls[1].parties["2001"]

        assert (held.calls[1].waits_since is not None, held.calls[1].waits_at) == (waits, "5000" if waits else "")
        assert one == party(
            "2001", since=11.999, heard_at=12, leg=1, had_leg=True, ordinal=1, interaction_id="I1", is_vouched=True
        )


@pytest.mark.parametrize(
    ("before", "since", "left_before"),
    [
        (party(state=PartyState.ALERTING, since=7), 7, None),
        (party(state=PartyState.ALERTING, since=20), 12, None),
        (party(state=PartyState.NULL, since=7, cleared_at=8), 12, 8),
        (left(at=8), 12, None),
    ],
)
def test_a_connection_began_with_its_ringing_and_knows_of_an_end_before_that_had_no_leg(
    before: Party, since: float, left_before: float | None
) -> None:
    held = holding(call(before))
    connect_device(held, held.calls[1], "2001", made(12))
    one = held.calls[1].parties["2001"]

    assert (one.since, one.left_before) == (moment(since), at(left_before))
