"""The name of the agent who hands a call on is no caller's, though the phone that has it then states it alone.

Seconds after noon. Ann is logged on at 2001, Bob at 2002 and Cid at 2003; 2001 has a customer in 100 and hands it on.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    Case,
    Event,
    cleared,
    conferenced,
    dials,
    established,
    heard,
    holds,
    logged_off,
    logged_on,
    played,
    queued,
    rings,
    talk,
    transferred,
)

pytestmark = pytest.mark.core

ANN: dict[str, Any] = {"name": "Ann", "callerNameSource": "global_phonebook"}
NUMBER = {"number": "+4930111"}


def agents() -> list[Event]:
    names = {"2001": "Ann", "2002": "Bob", "2003": "Cid"}
    return [logged_on(-10, "91" + device[2:], device, agentName=name) for device, name in names.items()]


def beginning(**stated: Any) -> list[Event]:
    return [*agents(), queued(0, "100", queue="Sales", **stated), established(5, "100", "2001", **stated)]


def blind(new: str) -> list[Event]:
    return [transferred(20, "100", "", new, "2001", "2002"), cleared(20, new, "2001")]


def consulted(move: Any, new: str) -> list[Event]:
    """2001 has 2003 in the consultation, who hands the call on to 2002."""
    return [
        holds(8, "100", "2001"),
        dials(9, "101", "2001", cause="consultation"),
        established(10, "101", "2003"),
        move(15, "100", "101", new, "2001", "2003"),
        *([cleared(16, new, "2001")] if move is conferenced else []),
        transferred(20, new, "", new, "2003", "2002"),
        cleared(20, new, "2003"),
    ]


HANDED: dict[str, Any] = {
    "blind, the same id": (blind("100"), "100"),
    "blind, another id": (blind("102"), "102"),
    "after a transfer": (consulted(transferred, "101"), "101"),
    "after a transfer, the same id": (consulted(transferred, "100"), "100"),
    "after a conference": (consulted(conferenced, "101"), "101"),
    "after a conference, another id": (consulted(conferenced, "102"), "102"),
}


def caller(events: list[Event], part: float = 0.25) -> str:
    """Return the name on the recording of 2002 that began last, each event heard just after the one before it."""
    told = [heard(one["at"] + 0.3 + index / 100, {**one, "at": one["at"] + part}) for index, one in enumerate(events)]
    answers = [one for one in told if one["type"] == "Established" and one["deviceId"] == "2002"]
    recordings = [("R", "2002", answers[-1]["heard"] + 0.05, answers[-1]["heard"] + 6)]
    replay = played(Case("", told, [], recordings))
    return next(replay.flags[leg.number].get("CallerName", "") for leg in replay.legs if leg.guid == "R")


@pytest.mark.parametrize("part", [0.0, 0.25])
@pytest.mark.parametrize("rang", [20, 22])
@pytest.mark.parametrize("known", [{}, {"name": "Uma", **NUMBER}], ids=["unknown", "Uma"])
@pytest.mark.parametrize("stated", [ANN, {**ANN, **NUMBER}], ids=["name", "name beside the customer's number"])
@pytest.mark.parametrize("how", HANDED)
def test_the_agents_name_is_not_the_callers(
    how: str, stated: dict[str, Any], known: dict[str, Any], rang: float, part: float
) -> None:
    handed, new = HANDED[how]
    events = [*beginning(**known), *handed, rings(rang, new, "2002", **stated), *talk(25, 40, new, "2002", **stated)]

    assert caller(events, part) == known.get("name", "")


@pytest.mark.parametrize("new", ["100", "102"])
def test_so_it_is_where_the_agent_logs_off_as_the_call_is_handed_on(new: str) -> None:
    off = logged_off(21, "9101", "2001")
    events = [*beginning(), *blind(new), off, rings(22, new, "2002", **ANN), *talk(25, 40, new, "2002")]

    assert caller(events) == ""


@pytest.mark.parametrize("new", ["100", "102"])
def test_an_agent_who_dialled_a_call_is_its_caller_after_a_transfer_too(new: str) -> None:
    """2001 calls 2003, who hands the call on to 2002."""
    events = [*agents(), dials(4, "100", "2001"), established(5, "100", "2003"), established(5, "100", "2001")]
    events += [transferred(20, "100", "", new, "2003", "2002"), cleared(20, new, "2003")]
    events += [rings(22, new, "2002", **ANN), *talk(25, 40, new, "2002", **ANN)]

    assert caller(events) == "Ann"


@pytest.mark.parametrize("name", ["Dan", "Uma"])
@pytest.mark.parametrize("new", ["100", "102"])
def test_a_name_of_nobody_who_had_the_call_is_the_callers(new: str, name: str) -> None:
    elsewhere = logged_on(-9, "9104", "2004", agentName="Dan")
    events = [elsewhere, *beginning(), *blind(new), *talk(25, 40, new, "2002", name=name)]

    assert caller(events) == name
