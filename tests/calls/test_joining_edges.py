"""Which calls a transfer joins, who consulted in which, and what each part keeps: each condition at its edges.

C1 began at 0. 2001 to 2005 are extensions. Seconds after noon.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_facts import INHERITED
from calls.core.consultation import (
    _dials,
    _is_open_besides,
    customers_first,
    disinherit,
    ended,
    has_consulted,
    inherit,
    inherit_again,
    inherit_late,
    own_ends,
)
from calls.core.joined_calls import (
    _is_joined_now,
    _is_moved_now,
    _is_with,
    _others_of,
    _seniority,
    is_repeated,
    old_calls,
    resulting_id,
)
from calls.core.origins import Origin, OriginRule
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState
from tests.calls.call_states import ORIGINATES, RINGS, call, handed, history, holding, left, other, party
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

# --- which calls are joined ---


@pytest.mark.parametrize(
    ("one", "is_another"),
    [
        (leg(11, number=2, incarnation=2), True),
        (over(leg(11, number=2, incarnation=2), 15), False),
        (leg(11, number=2, incarnation=1), False),
        (leg(11, number=2, incarnation=7), False),
        (leg(11, number=2, incarnation=2, device_id="2002"), False),
    ],
)
def test_a_host_is_in_another_call_where_a_leg_of_it_is_open_there(one: LegState, is_another: bool) -> None:
    held = holding(call(party()), other(party()), legs=(one,))

    assert ([two.call_id for two in _others_of(held, held.calls[1], "2001", moment(20))] == ["C2"]) is is_another
    gone = holding(call(party()), other(left()), legs=(one,))
    assert _others_of(gone, gone.calls[1], "2001", moment(20)) == []


@pytest.mark.parametrize(
    ("at", "cleared", "site", "is_another"),
    [
        (14.9, 15, {}, True),
        (15, 15, {}, False),
        (14.9, 14.9, {}, False),
        (11, 15, {}, False),
        (14.9, None, {}, False),
        (14.9, 15, {"has_source_times": False}, False),
    ],
)
def test_a_host_was_in_another_call_that_was_cleared_since(
    at: float, cleared: float | None, site: dict[str, Any], is_another: bool
) -> None:
    gone = other(left(at=15), cleared_at=None if cleared is None else moment(cleared))
    held = holding(call(party()), gone, legs=(over(leg(11, number=2, incarnation=2), 15),), **site)

    assert bool(_others_of(held, held.calls[1], "2001", moment(at))) is is_another


@pytest.mark.parametrize(
    ("born", "joined", "is_now"),
    [(0, None, False), (19, None, True), (18.999, None, False), (0, 19, True), (19, 5, False)],
)
def test_a_call_that_began_or_was_joined_within_the_second_before_is_joined_now(
    born: float, joined: float | None, is_now: bool
) -> None:
    assert _is_joined_now(call(born_at=born, joined_at=joined), moment(20)) is is_now


@pytest.mark.parametrize(
    ("one", "data", "is_with"),
    [
        (call(party(), party("2002", since=18.999)), {"transferredToDeviceId": "2002"}, True),
        (call(party(), party("2002", since=19)), {"transferredToDeviceId": "2002"}, False),
        (call(party(), party("2002", since=None)), {"transferredToDeviceId": "2002"}, False),
        (call(party(), party("2002", since=5)), {"addedPartyId": "2002"}, True),
        (call(party(), party("2002", since=5)), {"transferredToDeviceId": "2003"}, False),
        (call(party(), party("2002", since=5)), {}, False),
        (call(party(), party("2002", since=5), party("2003")), {"transferredToDeviceId": "2002"}, False),
        (call(party(), party("2002", since=5), left("2003")), {"transferredToDeviceId": "2002"}, True),
        (call(party(since=5)), {"transferredToDeviceId": "2001"}, False),
        (call(party("2002", since=5)), {"transferredToDeviceId": "2002"}, True),
    ],
)
def test_a_host_is_with_the_device_alone_that_was_there_for_over_a_second_where_no_time_says_more(
    one: CallState, data: dict[str, Any], is_with: bool
) -> None:
    assert _is_with(holding(has_source_times=False), one, "2001", handed(**data)) is is_with


@pytest.mark.parametrize(("since", "is_with"), [(19.999, True), (20, False), (None, False)])
def test_a_host_is_with_the_device_that_was_there_before_by_the_sources_own_times(
    since: float | None, is_with: bool
) -> None:
    one = call(party(), party("2002", since=since))

    assert _is_with(holding(), one, "2001", handed(transferredToDeviceId="2002")) is is_with


@pytest.mark.parametrize(
    ("target", "moved_at", "at", "is_moved"),
    [
        (other(call_id="C1"), 20, 21, True),
        (other(call_id="C1"), 20, 21.001, False),
        (other(call_id="C3"), 20, 21, False),
        (other(call_id="C1"), None, 21, False),
        (None, 20, 21, False),
    ],
)
def test_a_call_was_moved_just_now_to_the_id_that_is_reported(
    target: CallState | None, moved_at: float | None, at: float, is_moved: bool
) -> None:
    one = call(moved_to=2, moved_at=moved_at)

    assert _is_moved_now(holding(one, *([target] if target else [])), one, handed(at)) is is_moved
    still = replace(one, moved_to=None)
    assert not _is_moved_now(holding(still, other(call_id="C1")), still, handed(at))


@pytest.mark.parametrize(
    ("moved", "ids", "new_id", "is_again"),
    [
        ((2, 2), ("C1", "C2"), "C3", True),
        ((2, None), ("C1", "C2"), "C2", True),
        ((2, None), ("C1", "C2"), "C3", False),
        ((None, None), ("C1", "C2"), "C1", False),
        ((None,), ("C1",), "C1", False),
    ],
)
def test_a_move_is_reported_again_where_all_its_calls_are_joined_already(
    moved: tuple[int | None, ...], ids: tuple[str, ...], new_id: str, is_again: bool
) -> None:
    olds = [replace(call(moved_to=to), call_id=one) for to, one in zip(moved, ids, strict=True)]

    assert is_repeated(olds, new_id) is is_again


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"resultingCallId": "C3", "connections": [{"new": {"callId": "C4", "deviceId": "2001"}}]}, "C3"),
        ({"connections": [{"new": {"callId": "C4", "deviceId": "2001"}}]}, "C4"),
        ({}, "C1"),
    ],
)
def test_the_resulting_id_is_the_stated_one_else_that_of_a_connection_else_the_primary_calls(
    data: dict[str, Any], found: str
) -> None:
    assert resulting_id(handed(**data)) == found


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (leg(5), leg(11, number=2, incarnation=2), [1, 2]),
        (leg(11), leg(5, number=2, incarnation=2), [2, 1]),
        (leg(5), leg(11, number=2, incarnation=2, is_joined_late=True, is_held=True), [2, 1]),
        (leg(5), leg(11, number=2, incarnation=2, is_joined_late=True), [1, 2]),
        (leg(5), leg(11, number=2, incarnation=2, is_held=True), [1, 2]),
        (None, leg(11, number=2, incarnation=2), [2, 1]),
        (None, None, [1, 2]),
    ],
)
def test_the_customers_call_is_that_in_which_the_host_was_connected_first(
    first: LegState | None, second: LegState | None, expected: list[int]
) -> None:
    one = call(party(leg=first.number if first else None))
    two = other(party(leg=second.number if second else None))
    held = holding(one, two, legs=tuple(three for three in (first, second) if three))
    ordered = sorted((one, two), key=lambda three: _seniority(held, three, "2001"))

    assert [three.incarnation for three in ordered] == expected
    connected = {"old": {"callId": "C2", "deviceId": "2001"}, "new": {"callId": "C1", "deviceId": "2001"}}
    named = handed(connections=[connected])
    assert [three.incarnation for three in old_calls(held, named, "2001")] == expected


# --- consultations ---


CUSTOMERS = {"calling_number": history((11, "+49301"))}


@pytest.mark.parametrize(
    ("main", "consulted", "kept"),
    [
        (call(number="+49301"), other(), True),
        (call(number="+49301"), other(facts=CUSTOMERS), False),
        (call(number="+49301"), other(facts={"calling_number": history((11, ""))}), True),
        (call(number="+49301"), other(facts={"calling_number": history((11, "+49302"))}), True),
        (
            call(party(has_dialled=True), number="+49301"),
            other(facts=CUSTOMERS),
            True,
        ),
        (
            call(party("2009", has_dialled=True, outside=True), number="+49301"),
            other(facts=CUSTOMERS),
            False,
        ),
        (call(party(), number="2001"), other(facts={"calling_number": history((11, "2001"))}), True),
        (call(number="2002"), other(party("2002"), facts={"calling_number": history((11, "2002"))}), True),
        (
            call(party("2009", outside=True), number="2009"),
            other(facts={"calling_number": history((11, "2009"))}),
            False,
        ),
    ],
)
def test_a_consultation_keeps_its_caller_to_itself_unless_that_is_the_customer(
    main: CallState, consulted: CallState, kept: bool
) -> None:
    assert ("caller_name" in own_ends(main, consulted)) is kept
    assert {"called_number", "direction"} <= {*own_ends(main, consulted)}


@pytest.mark.parametrize(
    ("dialling", "number", "about", "is_consulted"),
    [
        (party(has_dialled=True, since=6), "", leg(5), True),
        (party(has_dialled=True, since=5), "", leg(5), False),
        (party(has_dialled=True, since=6), "", leg(5, is_of_snapshot=True), True),
        (party(has_dialled=True, since=5), "", leg(5, is_of_snapshot=True), False),
        (party(has_dialled=True, since=6), "", None, False),
        (party(since=6), "", leg(5), False),
        (party(since=6), "2001", leg(5), True),
        (party(has_dialled=True, since=None), "2001", leg(5), True),
        (party(since=6), "2001", leg(10), False),
        (None, "2001", leg(5), True),
    ],
)
def test_a_device_consulted_in_the_call_that_it_dialled_after_it_came_into_the_other(
    dialling: Party | None, number: str, about: LegState | None, is_consulted: bool
) -> None:
    stated = {"calling_number": history((10, number))} if number else {}
    first = other(*([dialling] if dialling else []), facts=stated)
    second = call(party(leg=1))
    held = holding(first, second, legs=(about,) if about else ())

    assert has_consulted(held, first, second, "2001") is is_consulted
    ordered = [second, first] if is_consulted else [first, second]
    assert customers_first(held, [first, second], "2001") == ordered
    assert customers_first(held, [first], "2001") == [first]


@pytest.mark.parametrize(
    ("known", "kept"),
    [
        (((1, "A"),), ((1, "A"), (5.000001, ""))),
        (((5, "A"),), ((5, "A"), (5.000001, ""))),
        (((5.000001, "A"),), ((5.000001, "A"),)),
        (((1, "A"), (5.000001, "B")), ((1, "A"), (5.000001, "B"))),
        (((1, "A"), (5.000002, "B")), ((1, "A"), (5.000001, ""), (5.000002, "B"))),
        ((), ()),
    ],
)
def test_a_call_knows_facts_until_a_moment_alone(
    known: tuple[tuple[float, str], ...], kept: tuple[tuple[float, str], ...]
) -> None:
    one = ended(call(facts={"caller_name": history(*known)}), ("caller_name", "calling_number"), moment(5))

    assert one.facts["caller_name"] == history(*kept)
    assert "calling_number" not in one.facts


HELD = leg(5, number=2, call_id="C2", incarnation=2, is_held=True)
DIALLED = Origin("Originated", "e", moment(12), OriginRule.CONSULTATION)


def interaction(one: LegState, value: str = "I1") -> LegState:
    return replace(one, facts=replace(one.facts, interaction_id=value))


@pytest.mark.parametrize(
    ("dialled", "legs", "cause", "is_inherited"),
    [
        (call(party(state=ORIGINATES)), (interaction(HELD),), None, True),
        (call(party(state=PartyState.INITIATED)), (interaction(HELD),), None, True),
        (call(party(has_dialled=True)), (interaction(HELD),), None, True),
        (call(party(state=RINGS)), (interaction(HELD),), None, False),
        (call(party(state=ORIGINATES), party("2002", ORIGINATES)), (interaction(HELD),), None, False),
        (call(party(state=ORIGINATES, outside=True)), (interaction(HELD),), None, False),
        (call(party(state=ORIGINATES), interaction="I9"), (interaction(HELD),), None, False),
        (call(party(state=ORIGINATES)), (interaction(replace(HELD, is_held=False)),), None, False),
        (call(party(state=ORIGINATES)), (interaction(replace(HELD, is_held=False)),), "consultation", True),
        (call(party(state=ORIGINATES)), (interaction(over(HELD, 9)),), None, False),
        (call(party(state=ORIGINATES)), (interaction(replace(HELD, incarnation=1)),), None, False),
        (call(party(state=ORIGINATES)), (interaction(replace(HELD, incarnation=9)),), None, True),
        (call(party(state=ORIGINATES)), (interaction(HELD), interaction(replace(HELD, number=3), "I2")), None, False),
        (call(party(state=ORIGINATES)), (interaction(HELD), interaction(replace(HELD, number=3))), None, True),
        (call(party(state=ORIGINATES)), (), None, False),
        (call(party("2009", ORIGINATES)), (interaction(replace(HELD, device_id="2009")),), None, False),
    ],
)
def test_a_call_that_a_device_dials_has_the_interaction_of_the_one_call_that_it_holds(
    dialled: CallState, legs: tuple[LegState, ...], cause: str | None, is_inherited: bool
) -> None:
    device = next(iter(dialled.parties))
    held = holding(dialled, other(party()), legs=legs, source={"has_fractions": True})
    inherit(held, 1, device, DIALLED, cause)

    known = held.calls[1].facts.get(INHERITED, ())
    assert [(one.value, one.origin) for one in known] == ([("I1", DIALLED)] if is_inherited else [])
    assert [one.consulted for one in held.legs.values()][:1] == ([1] if is_inherited else [None][: len(legs)])


def test_nobody_inherits_from_a_call_whose_id_is_used_again_nor_twice() -> None:
    dialled = call(party(state=ORIGINATES))
    held = holding(dialled, other(party(), superseded_at=11), legs=(interaction(HELD),))

    assert _dials(held, 1, "2001")
    assert not _is_open_besides(held, HELD, 1)
    inherit(held, 1, "2001", DIALLED)
    assert INHERITED not in held.calls[1].facts
    known = holding(replace(dialled, facts={INHERITED: history((3, "I3"))}), other(party()), legs=(interaction(HELD),))
    inherit(known, 1, "2001", DIALLED)
    assert known.legs[2].consulted is None
    assert known.calls[1].facts[INHERITED] == history((3, "I3"))


@pytest.mark.parametrize(
    ("dialled", "phase", "is_inherited"),
    [
        (party(has_dialled=True, since=8, leg=3), LegPhase.OPEN, True),
        (party(has_dialled=True, since=7.999, leg=3), LegPhase.OPEN, False),
        (party(has_dialled=True, since=None, leg=3), LegPhase.OPEN, False),
        (party(since=8, leg=3), LegPhase.OPEN, False),
        (party(has_dialled=True, since=8, leg=3), LegPhase.CLOSED, False),
    ],
)
def test_a_consultation_that_was_dialled_before_the_hold_is_heard_inherits_too(
    dialled: Party, phase: LegPhase, is_inherited: bool
) -> None:
    own = leg(9, number=3, call_id="C1", incarnation=1, phase=phase)
    held = holding(call(dialled), other(party()), legs=(interaction(HELD), own))
    inherit_late(held, held.legs[2], moment(8))

    assert (held.legs[2].consulted == 1) is is_inherited
    values = held.calls[1].facts.get(INHERITED, ())
    assert [one.origin for one in values] == (
        [Origin("Originated", "", moment(8), OriginRule.CONSULTATION)] if is_inherited else []
    )


@pytest.mark.parametrize(
    ("consulted", "known", "is_taken"),
    [(1, ((12, "I1"),), True), (1, ((11, "I1"),), False), (None, ((12, "I1"),), False), (9, ((12, "I1"),), False)],
)
def test_an_interaction_is_taken_back_where_its_call_had_ended_before_the_other_was_dialled(
    consulted: int | None, known: tuple[tuple[float, str], ...], is_taken: bool
) -> None:
    own = leg(12, number=3, call_id="C1", incarnation=1)
    own = interaction(own)
    one = call(party(leg=3), facts={INHERITED: history(*known), "queue_name": history((1, "Q"))})
    held = holding(one, other(party()), legs=(replace(HELD, consulted=consulted), own))
    disinherit(held, held.legs[2], moment(11), moment(13))

    assert (INHERITED not in held.calls[1].facts) is is_taken
    assert "queue_name" in held.calls[1].facts
    assert (held.legs[3].facts.interaction_id != "I1") is is_taken


@pytest.mark.parametrize(
    ("consulted", "before", "values"),
    [(1, "I1", ["I7", "I2"]), (1, "I3", ["I1", "I2"]), (None, "I1", ["I1", "I2"])],
)
def test_a_consultation_has_the_interaction_of_the_held_call_again_where_that_was_another(
    consulted: int | None, before: str, values: list[str]
) -> None:
    own = leg(12, number=3, call_id="C1", incarnation=1)
    one = call(party(leg=3), facts={INHERITED: history((12, "I1"), (13, "I2"))})
    held = holding(one, other(party()), legs=(interaction(replace(HELD, consulted=consulted), "I7"), own))
    inherit_again(held, held.legs[2], before, moment(14))

    assert [two.value for two in held.calls[1].facts[INHERITED]] == values
    assert bool(held.legs[3].facts.interaction_id) is (values[0] == "I7")
