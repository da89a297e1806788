"""A phone that holds one caller's call takes a colleague into another caller's, whose answer there is heard first.

2001 holds Jo's call C1 since 28, and talks with Al in C2. 2002 is connected in C2, and then it is reported that C2 was
handed on, or is a conference now: a report that names C2 alone.
"""

from collections.abc import Callable
from typing import Any

import pytest

from tests.relatives.case import (
    JO,
    Case,
    Event,
    cleared,
    dials,
    established,
    holds,
    other,
    played,
    queued,
    retrieves,
    rings,
)

pytestmark = pytest.mark.core

STATED: dict[str, dict[str, str]] = {
    "interaction": {"interaction": "I2"},
    "number": {"number": "+4930222"},
    "both": {"interaction": "I2", "number": "+4930222", "name": "Al"},
}
#: Which events of C2 state who calls.
STATING = {"all": {"Delivered", "Established", "move"}, "ringing": {"Delivered"}, "move": {"move"}}
#: By whether the source states times: how long 2002 was connected in C2 before the report, in seconds.
SOON = {True: 0.05, False: 3.0}


def _move(at: float, kind: str, **stated: str) -> Event:
    names = {"conferencingDeviceId": "2001", "addedPartyId": "2002"}
    if kind == "Transferred":
        names = {"transferringDeviceId": "2001", "transferredToDeviceId": "2002"}
    return other(at, kind, primaryOldCallId="C2", resultingCallId="C2", **names, **stated)


def _flags(events: list[Event], *, has_times: bool) -> dict[str, dict[str, str]]:
    """Return what is written on 2001's recording of Jo's call, on that of C2, and on 2002's."""
    recordings = [("R1", "2001", 15.1, 60.0), ("R2", "2001", 30.2, 50.0), ("R3", "2002", 35.1, 50.0)]
    told = [{**one, "heard": one["at"] + 0.03} for one in events]
    if not has_times:
        told = [{**one, "at": one["heard"]} for one in told]
    replay = played(Case("", told, [], recordings, site={"has_source_times": has_times}))
    return {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}


def _of_second_caller(kind: str, says: Callable[[str], dict[str, str]], *, has_times: bool) -> list[Event]:
    return [
        queued(10, "C1", number="+4930111", **JO),
        established(15, "C1", "2001"),
        rings(25, "C2", "2001", **says("Delivered")),
        holds(28, "C1", "2001"),
        established(30.1, "C2", "2001", **says("Established")),
        established(35, "C2", "2002", **says("Established")),
        _move(35 + SOON[has_times], kind, **says("move")),
        *([cleared(50, "C2", "2001")] if kind == "Conferenced" else []),
        cleared(50.1, "C2", "2002"),
        retrieves(52, "C1", "2001"),
        cleared(60, "C1", "2001"),
    ]


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize("stating", STATING)
@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_the_call_of_a_second_caller_is_not_joined_to_that_on_hold(
    kind: str, stated: str, stating: str, has_times: bool
) -> None:
    events = _of_second_caller(kind, lambda of: STATED[stated] if of in STATING[stating] else {}, has_times=has_times)

    flags = _flags(events, has_times=has_times)

    assert _known(flags["R1"]) == ("C1", "Sales", "Jo", "I1")
    for guid in ("R2", "R3"):
        reference, queue, name, interaction = _known(flags[guid])
        assert (reference, queue, name in ("", "Al"), interaction != "I1") == ("C2", "", True, True)


def _known(flags: dict[str, str]) -> tuple[str, ...]:
    return tuple(flags.get(name, "") for name in ("CTICallRef", "QueueName", "CallerName", "InteractionGuid"))


@pytest.mark.parametrize("has_times", [True, False])
@pytest.mark.parametrize(
    ("is_dialled", "states"),
    [
        (True, {"interaction": "I2"}),
        (True, {"number": "2001"}),
        (False, {"number": "2001", "interaction": "I2"}),
        (False, {"interaction": "I1"}),
        (False, {"number": "+4930111"}),
        (False, {}),
    ],
)
@pytest.mark.parametrize("kind", ["Transferred", "Conferenced"])
def test_a_consultation_is_joined_to_the_call_on_hold_though_its_report_names_it_alone(
    kind: str, is_dialled: bool, states: dict[str, Any], has_times: bool
) -> None:
    events = [
        queued(10, "C1", number="+4930111", **JO),
        established(15, "C1", "2001"),
        holds(28, "C1", "2001"),
        *([dials(30, "C2", "2001")] if is_dialled else []),
        established(30.1, "C2", "2001", **states),
        established(35, "C2", "2002", **states),
        _move(38, kind),
        *([cleared(50, "C2", "2001")] if kind == "Conferenced" else []),
        cleared(50.1, "C2", "2002"),
    ]

    flags = _flags(events, has_times=has_times)

    assert _known(flags["R3"])[1:3] == ("Sales", "Jo")
