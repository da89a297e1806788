"""Ends that come under a call's former id, and a clearing that was that of an id given up: each condition.

C1 was handed on at 20, and its id cleared by that.
"""

from typing import Any

import pytest
from msgspec.structs import replace

from calls.core.call_end import remembered
from calls.core.clocks import GRACE
from calls.core.former_ids import MAXIMUM_IDS, await_beginning, end_under_old_id, former_ids, take_back_clearing
from calls.core.state import CallState, LegPhase, LegState, Party, PartyState, WriteStatus
from calls.core.unit_of_work import UnitOfWork
from tests.calls.call_states import NO_TIMES, call, event, holding, left, party
from tests.calls.leg_states import leg, over
from tests.calls.switchboard import moment

pytestmark = pytest.mark.core

LEG = over(leg(12, call_id="C1", incarnation=1), 20, base_due=21)


def taken_back(one: CallState, *legs: LegState, at: float = 20, **site: Any) -> tuple[CallState, UnitOfWork]:
    work = holding(one, legs=legs, **site)
    return take_back_clearing(
        work, one, event("Transferred", at, heard=22, transferringDeviceId="2001", primaryOldCallId="C1")
    ), work


@pytest.mark.parametrize(
    ("one", "legs", "state", "number"),
    [
        (left(at=20), (LEG,), PartyState.CONNECTED, 1),
        (left(at=20, outside=True), (), PartyState.CONNECTED, None),
        (left(at=20, has_dialled=True), (), PartyState.ORIGINATED, None),
        (left(at=20, has_dialled=True), (LEG,), PartyState.CONNECTED, 1),
        (left(at=20), (), PartyState.ALERTING, None),
        (left(at=19), (), PartyState.NULL, None),
        (left(at=19, outside=True), (), PartyState.NULL, None),
        (left(at=20), (over(LEG, 19),), PartyState.ALERTING, None),
        (party(leg=1, cleared_at=20), (), PartyState.CONNECTED, 1),
    ],
)
def test_who_was_in_a_call_as_its_id_was_given_up_is_in_it_as_before(
    one: Party, legs: tuple[LegState, ...], state: PartyState, number: int | None
) -> None:
    heard = None if one.is_here else moment(21)
    found, _ = taken_back(call(replace(one, cleared_gateway_at=heard), clearing_at=20, cleared_at=20), *legs)

    back = found.parties["2001"]
    assert (back.state, back.leg) == (state, number)
    assert back.cleared_gateway_at == (moment(21) if state is PartyState.NULL else None)
    assert (back.cleared_at is None) is (state is not PartyState.NULL and not one.is_here)
    assert (found.clearing_at, found.cleared_at) == (None, None)


def test_a_leg_goes_on_that_ended_as_the_id_was_given_up() -> None:
    _, work = taken_back(call(left(at=20), clearing_at=20), LEG, over(leg(5, number=2, incarnation=1), 19))

    assert work.legs[1].phase is LegPhase.OPEN
    assert (work.legs[1].disconnected_source_at, work.legs[1].disconnected_gateway_at) == (None, None)
    assert work.legs[1].base_due is None
    assert work.legs[2].phase is LegPhase.CLOSED


@pytest.mark.parametrize(
    ("cleared", "base", "site", "changed"),
    [
        (20, WriteStatus.NONE, {}, True),
        (19.999, WriteStatus.NONE, {}, False),
        (21, WriteStatus.NONE, {}, True),
        (None, WriteStatus.NONE, {}, False),
        (20, WriteStatus.QUEUED, {}, False),
        (19, WriteStatus.NONE, NO_TIMES, True),
        (18.999, WriteStatus.NONE, NO_TIMES, False),
    ],
)
def test_a_clearing_of_before_the_transfer_or_of_written_legs_stays(
    cleared: float | None, base: WriteStatus, site: dict[str, Any], changed: bool
) -> None:
    ended = over(leg(12, call_id="C1", incarnation=1, base=base), cleared or 20)
    one = call(left(at=cleared or 20), clearing_at=cleared, cleared_at=cleared)

    found, work = taken_back(one, ended, **site)

    assert (found is not one) is changed
    assert (work.legs[1].phase is LegPhase.OPEN) is changed


# Ends under a former id

GONE_AT = party("2002", PartyState.NULL, since=30, cleared_at=30)
TALKS_ON = leg(20, number=2, device_id="2002", call_id="C3", incarnation=2)


def heard_under_old_id(target: dict[str, Any], own: dict[str, Any], phone: dict[str, Any]) -> UnitOfWork:
    """2002 talks in C3, which was C1; its end comes under the id C1."""
    known = {"incarnation": 2, "call_id": "C3", "former_ids": ("C1",), **target}
    going = call(party("2002", since=20, leg=2, had_leg=True), entered_at=20, **known)
    ends = call(*([] if phone.get("is_away") else [GONE_AT]), born_at=30, entered_at=None)
    return holding(ends, going, legs=(leg(20, **{**_kept(TALKS_ON), **own}),))


def _kept(one: LegState) -> dict[str, Any]:
    names = ("number", "device_id", "call_id", "incarnation")
    return {name: getattr(one, name) for name in names}


UNDER_OLD_ID: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, {}, True),
    ({"former_ids": ()}, {}, {}, False),
    ({"former_ids": ("C7", "C1")}, {}, {}, True),
    ({"former_ids": ("C7",)}, {}, {}, False),
    ({}, {"connected_source_at": moment(30)}, {}, True),
    ({}, {"connected_source_at": moment(30.001)}, {}, False),
    ({}, {"phase": LegPhase.CLOSED}, {}, False),
    ({}, {"device_id": "2003"}, {}, False),
    ({}, {}, {"is_away": True}, False),
]


@pytest.mark.parametrize(("target", "own", "phone", "is_end"), UNDER_OLD_ID)
def test_an_end_under_a_former_id_ends_the_device_in_the_call_that_went_on(
    target: dict[str, Any], own: dict[str, Any], phone: dict[str, Any], is_end: bool
) -> None:
    work = heard_under_old_id(target, own, phone)
    end_under_old_id(work, work.calls[1], moment(30))

    assert (work.legs[2].phase is not LegPhase.OPEN) is (is_end or own.get("phase") is LegPhase.CLOSED)
    assert (work.calls[2].parties["2002"].cleared_at == moment(30)) is is_end
    forgotten_at = moment(30) + remembered(work) if is_end else None
    assert [work.calls[number].due for number in (1, 2)] == [forgotten_at, forgotten_at]


@pytest.mark.parametrize(("target", "own", "phone", "is_end"), UNDER_OLD_ID)
def test_a_call_of_which_only_such_an_end_is_heard_waits_for_its_beginning(
    target: dict[str, Any], own: dict[str, Any], phone: dict[str, Any], is_end: bool
) -> None:
    work = heard_under_old_id(target, own, phone)
    await_beginning(work, 1, "2002", moment(30))

    is_awaited = is_end or bool(phone)  # By name alone: the device need not be noted yet.
    assert work.calls[1].due == (moment(30) + GRACE if is_awaited else None)


def test_a_call_keeps_its_latest_former_ids_each_once_and_not_its_own() -> None:
    olds = [call(call_id="C1", former_ids=("C0", "C9")), call(call_id="C2", former_ids=("C0",))]

    assert former_ids(olds, call(call_id="C9", former_ids=("C8",))) == ("C8", "C0", "C1", "C2")
    many = tuple(f"C{number}" for number in range(10, 20))
    assert former_ids([], call(call_id="C9", former_ids=many)) == many[-MAXIMUM_IDS:]
