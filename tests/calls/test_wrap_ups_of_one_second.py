"""Of which part of a leg a wrap-up is that comes in the whole second of the transfer or conference which divides it.

Seconds after noon. 2001 talks with a customer in C1, consults 2003 in C2, and joins the two at 74.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    MOVES,
    Case,
    Event,
    call_cleared,
    cleared,
    dials,
    established,
    heard,
    holds,
    information,
    played,
)

pytestmark = pytest.mark.core

WRAPUP: dict[str, Any] = {"wrapup": {"result": "sold"}}


def wrapped_up(move: str, new: str, *events: Event) -> list[tuple[str, str]]:
    """Return the recordings, or none, of the parts of 2003's leg, and the wrap-up of each."""
    before = [
        established(52, "C1", "2001"),
        holds(70, "C1", "2001"),
        dials(71, "C2", "2001", cause="consultation"),
        established(71, "C2", "2003"),
    ]
    joined = heard(74.1, MOVES[move](74, "C1", "C2", new, "2001", "2003"))
    recordings = [("R1", "2001", 52.2, 74.0), ("R3", "2003", 71.6, 74.05)]
    replay = played(Case("", [*before, joined, *events], [], recordings), site={"wrapup_wait_seconds": 60.0})
    parts = sorted((leg for leg in replay.legs if leg.device_id == "2003"), key=lambda leg: leg.number)
    return [(leg.guid, leg.wrapup_result) for leg in parts]


def ended(new: str, **named: Any) -> list[Event]:
    """Return the end of 2003 in the resulting call, and then its wrap-up, in the second of the transfer."""
    end = [heard(74.4, cleared(74, new, "2003")), heard(74.5, call_cleared(74, new))]
    return [*end, heard(74.8, information(74, named.pop("call", new), **named, **WRAPUP))]


@pytest.mark.parametrize("move", ["transferred", "conferenced"])
@pytest.mark.parametrize("new", ["C1", "C2", "C3"])
@pytest.mark.parametrize("named", [{"device": "2003"}, {"agentId": "9103"}])
def test_a_wrap_up_heard_after_the_move_of_its_whole_second_is_of_the_part_after_it(
    move: str, new: str, named: dict[str, str]
) -> None:
    assert wrapped_up(move, new, *ended(new, **named)) == [("R3", ""), ("", "sold")]


def test_a_wrap_up_that_states_the_id_given_up_is_of_the_part_after_it_too() -> None:
    assert wrapped_up("transferred", "C3", *ended("C3", call="C2", device="2003")) == [("R3", ""), ("", "sold")]


def test_a_wrap_up_heard_after_the_move_while_the_call_lasts_is_of_the_part_after_it() -> None:
    events = [heard(74.8, information(74, "C3", "2003", **WRAPUP)), heard(90.1, cleared(90, "C3", "2003"))]

    assert wrapped_up("transferred", "C3", *events) == [("R3", ""), ("", "sold")]


def test_a_wrap_up_heard_before_the_move_of_its_whole_second_is_of_the_part_before_it() -> None:
    events = [heard(74.05, information(74, "C2", "2003", **WRAPUP)), heard(90.1, cleared(90, "C3", "2003"))]

    assert wrapped_up("transferred", "C3", *events) == [("R3", "sold"), ("", "")]
