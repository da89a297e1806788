"""An agent goes back to one call and again to the other, and then joins them: what was retrieved is another's no more.

2001 talks with Uma in 100 since 5 and consults 2002 in 101 from 25 on; who goes back is the one with two calls. Which
recordings QMS makes depends on the recorder. Times are seconds.
"""

from itertools import pairwise
from math import floor

import pytest

from tests.relatives.case import (
    Case,
    Event,
    Recording,
    cleared,
    conferenced,
    dials,
    established,
    heard,
    holds,
    played,
    queued,
    retrieves,
    transferred,
)

pytestmark = pytest.mark.core

#: How long before the conference the agent is back in the second call.
SOON, LATER = 0.6, 4.7
BEGINS = [
    queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
    established(5, "100", "2001"),
    holds(20, "100", "2001"),
    dials(21, "101", "2001"),
    established(25, "101", "2002"),
]
THIRD = [holds(27, "101", "2002"), dials(28, "102", "2002"), established(30, "102", "2003")]


def _back_and_forth(phone: str, calls: tuple[str, str], moments: list[float]) -> list[Event]:
    """Return what a phone does that talks in the second call: it changes to the other at each moment."""
    events = []
    for count, at in enumerate(moments):
        left, taken = (calls[1], calls[0]) if count % 2 == 0 else calls
        events += [holds(at - 0.2, left, phone), retrieves(at, taken, phone)]
    return events


def _moments(swaps: int, back: float, joined: float) -> list[float]:
    """Return when the phone changes between its calls, the last time ``back`` seconds before they are joined."""
    return [joined - back - 1.5 * count for count in reversed(range(2 * swaps))]


def _told(events: list[Event], times: str) -> list[Event]:
    """Return the events as a source states them: in whole seconds it is heard that long after its time."""
    return [heard(one["at"], {**one, "at": floor(one["at"])}) for one in events] if times == "whole" else events


def _references(events: list[Event], recordings: list[Recording], times: str) -> dict[str, str]:
    """Return of which call each flagged recording is; with ``Uma``, where it names her."""
    site = {"has_source_times": times != "none", "wrapup_wait_seconds": 30.0}
    replay = played(Case("", _told(events, times), [], recordings=recordings, site=site))
    flags = [(leg.guid, replay.flags.get(leg.number, {})) for leg in replay.legs]
    return {guid: f"{one['CTICallRef']} {one.get('CallerName', '')}".strip() for guid, one in flags if one}


def _of_host(recorder: str, moments: list[float]) -> tuple[list[Recording], dict[str, str]]:
    """Return the host's recordings, and of which call each is. It confers from 40 to 60."""
    if recorder == "goes on":
        return [("R1", "2001", 5.05, 60), ("R2", "2001", 25.05, 40)], {"R1": "101 Uma", "R2": "101"}
    parts: list[Recording]
    if recorder == "another at the conference":
        parts = [("R1", "2001", 5.05, 40), ("R2", "2001", 25.05, 40)]
    else:
        ends = pairwise([*moments, 40])
        parts = [("R1", "2001", 5.05, 20), ("R2", "2001", 25.05, (moments or [40])[0] - 0.2)]
        parts += [(f"back {at}", "2001", at + 0.05, until - 0.2) for at, until in ends]
    return [*parts, ("R4", "2001", 40.1, 60)], {"R1": "100 Uma", "R2": "101", "R4": "101 Uma"}


@pytest.mark.parametrize("times", ["fractions", "whole", "none"])
@pytest.mark.parametrize("recorder", ["goes on", "another at the conference", "another after each hold"])
@pytest.mark.parametrize(("swaps", "back"), [(1, LATER), (2, SOON)])
def test_a_host_who_went_back_and_forth_has_the_recording_that_begins_at_its_conference(
    swaps: int, back: float, recorder: str, times: str
) -> None:
    moments = _moments(swaps, back, 40)
    events = [*BEGINS, *_back_and_forth("2001", ("100", "101"), moments)]
    events += [conferenced(40, "100", "101", "101", "2001", "2002"), cleared(60, "101", "2001")]
    recordings, expected = _of_host(recorder, moments)
    recordings = [*recordings, ("R3", "2002", 25.05, 63)]

    found = _references([*events, cleared(63, "101", "2002")], recordings, times)

    assert found == {**expected, "R3": "101 Uma"}


@pytest.mark.parametrize("times", ["fractions", "whole", "none"])
@pytest.mark.parametrize("way", ["transfer", "conference"])
@pytest.mark.parametrize("recorder", ["goes on", "another when Uma is joined", "another each time"])
@pytest.mark.parametrize(("swaps", "back"), [(1, LATER), (2, SOON)])
def test_who_is_consulted_and_went_back_and_forth_before_has_what_begins_as_the_customer_is_joined(
    swaps: int, back: float, recorder: str, way: str, times: str
) -> None:
    """2002 takes 2003 into the consultation at 45, and Uma is joined at 70."""
    events = [*BEGINS, *THIRD, *_back_and_forth("2002", ("101", "102"), _moments(swaps, back, 45))]
    events += [conferenced(45, "101", "102", "101", "2002", "2003"), cleared(50, "101", "2003")]
    joins = transferred if way == "transfer" else conferenced
    events += [joins(70, "100", "101", "100", "2001", "2002"), cleared(90, "100", "2002")]
    events += [cleared(91, "100", "2001")] if way == "conference" else []
    own = [("R4", "2002", 30.05, 45.0), *OF_CONSULTED[recorder][0]]
    host = [("R1", "2001", 5.05, 91 if way == "conference" else 70), ("R2", "2001", 25.05, 70)]

    found = _references(events, [*own, *host], times)

    expected = {"R4": "102", **OF_CONSULTED[recorder][1]}
    assert {guid: one for guid, one in found.items() if guid not in ("R1", "R2")} == expected


#: What QMS records of 2002 in the consultation and after it, and of which call each recording is.
OF_CONSULTED: dict[str, tuple[list[Recording], dict[str, str]]] = {
    "goes on": ([("R3", "2002", 25.05, 90)], {"R3": "100 Uma"}),
    "another when Uma is joined": (
        [("R3", "2002", 25.05, 70), ("R7", "2002", 70.1, 90)],
        {"R3": "101", "R7": "100 Uma"},
    ),
    "another each time": (
        [("R3", "2002", 25.05, 45), ("R6", "2002", 45.1, 70), ("R7", "2002", 70.1, 90)],
        {"R3": "101", "R6": "101", "R7": "100 Uma"},
    ),
}
