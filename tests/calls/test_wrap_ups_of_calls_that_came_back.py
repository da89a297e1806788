"""Of which leg a wrap-up is where its call was handed on under another id, and came back to the id it had before.

Seconds after noon. 2001 has the customer in 100, 2002 in 101, and the third phone in 100 again.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    Case,
    Event,
    Recording,
    call_cleared,
    cleared,
    conferenced,
    dials,
    established,
    holds,
    information,
    played,
    queued,
    rings,
    talk,
    transferred,
)

pytestmark = pytest.mark.core

SITE: dict[str, Any] = {"wrapup_wait_seconds": 120.0}
TIMES = [{}, {"has_source_times": False}]


def wraps_up(at: float, call: str, result: str = "sold", **named: Any) -> Event:
    return information(at, call, wrapup={"result": result}, **named)


def handed(third: str, ids: tuple[str, ...] = ("100", "101", "100"), part: float = 0.25) -> list[Event]:
    """The customer is handed on blind to 2002, and to a third phone; ``part``: of a second, in all times."""
    first, second, last = ids
    return [
        queued(part, first, queue="Sales", name="Jo", interaction="I1"),
        established(5 + part, first, "2001"),
        transferred(20 + part, first, "", second, "2001", "2002"),
        *talk(22 + part, 40 + part, second, "2002")[:1],
        transferred(40 + part, second, "", last, "2002", third),
        *talk(42 + part, 60 + part, last, third),
        call_cleared(60 + part, last),
    ]


def consulted(move: str) -> list[Event]:
    """2001 consults 2002, who consults 2003; the resulting id is the consultation's each time, the second time 100."""
    first = conferenced(20.5, "100", "101", "101", "2001", "2002")
    second = conferenced(40.5, "101", "100", "100", "2002", "2003")
    if move == "transferred":
        first = transferred(20.5, "100", "101", "101", "2001", "2002")
        second = transferred(40.5, "101", "100", "100", "2002", "2003")
    ends = [cleared(20.8, "101", "2001"), cleared(40.8, "100", "2002")] if move == "conferenced" else []
    return [
        established(5.5, "100", "2001", name="Jo", interaction="I1"),
        holds(10.5, "100", "2001"),
        dials(11.5, "101", "2001", cause="consultation"),
        established(13.5, "101", "2002"),
        first,
        holds(30.5, "101", "2002"),
        dials(31.5, "100", "2002", cause="consultation"),
        established(33.5, "100", "2003"),
        second,
        cleared(60.5, "100", "2003"),
        *ends,
    ]


def recorded(events: list[Event]) -> list[Recording]:
    """Return a recording of each connection."""
    answers = [(event["at"], event["deviceId"]) for event in events if event["type"] == "Established"]
    return [(f"R{at:.0f}", device, at + 0.1, at + 9) for at, device in answers]


def results(events: list[Event], **site: Any) -> dict[str, str]:
    """Return the wrap-ups that are written, by recording: R5 is that of who was connected at 5."""
    ordered = sorted(events, key=lambda event: float(event["at"]))
    replay = played(Case("", ordered, [], recorded(ordered)), site={**SITE, **site})
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs}
    return {guid: named["CTIWrapup"] for guid, named in flags.items() if "CTIWrapup" in named}


@pytest.mark.parametrize("site", TIMES)
@pytest.mark.parametrize("part", [0.0, 0.25])
@pytest.mark.parametrize("stated", [{}, {"interaction": "I1"}])
@pytest.mark.parametrize("ids", [("100", "101", "100"), ("100", "101", "102"), ("100", "100", "100")])
def test_each_phone_wraps_its_own_part_up_under_the_id_of_that(
    ids: tuple[str, ...], stated: dict[str, str], part: float, site: dict[str, Any]
) -> None:
    named = zip((25, 45, 65), ids, ("2001", "2002", "2003"), strict=True)
    told = [wraps_up(at, call, f"of {device}", device=device, **stated) for at, call, device in named]

    found = results([*handed("2003", ids, part), *told], **site)

    assert found == {"R5": "of 2001", "R22": "of 2002", "R42": "of 2003"}


@pytest.mark.parametrize("site", TIMES)
@pytest.mark.parametrize("move", ["transferred", "conferenced"])
def test_so_it_is_where_each_hand_over_was_a_consultation(move: str, site: dict[str, Any]) -> None:
    told = wraps_up(65.5, "100", device="2003")

    assert results([*consulted(move), told], **site) == {"R34": "sold"}


def test_a_phone_that_rang_in_vain_before_is_wrapped_up_where_it_talked() -> None:
    vain = [rings(2, "100", "2003"), cleared(4, "100", "2003", cause="callNotAnswered")]

    assert results([*vain, *handed("2003"), wraps_up(65, "100", device="2003")]) == {"R42": "sold"}


def test_a_call_that_comes_back_and_is_handed_on_once_more_is_wrapped_up_under_either_id() -> None:
    more = [transferred(50.25, "100", "", "101", "2003", "2004"), *talk(52.25, 70.25, "101", "2004")]
    events = [event for event in handed("2003") if event["at"] < 60]
    found = [results([*events, *more, wraps_up(75, call, device="2004")]) for call in ("100", "101")]

    assert found == [{"R52": "sold"}, {"R52": "sold"}]


@pytest.mark.parametrize(
    ("third", "earlier", "recording"),
    [
        ("2001", wraps_up(25, "100", "first", device="2001"), "R5"),
        ("2002", wraps_up(41, "101", "first", device="2002"), "R22"),
    ],
)
def test_a_phone_that_had_the_call_before_is_wrapped_up_once_it_owes_none_for_that(
    third: str, earlier: Event, recording: str
) -> None:
    events, told = handed(third), wraps_up(65, "100", device=third)

    assert results([*events, earlier, told]) == {recording: "first", "R42": "sold"}
    assert results([*events, told]) == {}


def test_a_call_of_before_that_its_phone_has_not_wrapped_up_is_not_mistaken_for_it() -> None:
    before = talk(-20, -10, "100", "2003")

    assert results([*before, *handed("2003"), wraps_up(65, "100", device="2003")]) == {}


def test_what_the_wrap_up_states_beside_its_result_is_of_the_call_that_came_back() -> None:
    told = wraps_up(50, "100", device="2003", queryData={"Order": "17"})
    events = sorted([*handed("2003"), told], key=lambda event: float(event["at"]))
    replay = played(Case("", events, [], recorded(events)), site=SITE)
    known = {leg.device_id: leg.facts.query_data for leg in replay.legs}

    assert known == {"2001": {}, "2002": {}, "2003": {"Order": "17"}}


def led_away_and_used_again(move: str, to: str, part: float) -> list[Event]:
    """2001 hands the customer on under 101, where he gives up; 101 is used again by 2001 for a call of its own."""
    cause = {"cause": "singleStepTransfer"} if move == "blind" else {}
    waits = queued(20.5 + part, "101", to, queue="Support", interaction="I1")
    return [
        established(5 + part, "100", "2001", name="Jo", interaction="I1"),
        transferred(20 + part, "100", "", "101", "2001", to, interactionId="I1", **cause),
        waits if to.startswith("7") else rings(20.5 + part, "101", to, interaction="I1"),
        {**call_cleared(22 + part, "101"), "interactionId": "I1"},
        *talk(25 + part, 35 + part, "101", "2001"),
        *talk(25 + part, 35 + part, "101", "2003"),
    ]


@pytest.mark.parametrize("site", TIMES)
@pytest.mark.parametrize("part", [0.0, 0.25])
@pytest.mark.parametrize("move", ["blind", "transferred"])
@pytest.mark.parametrize("to", ["7001", "2002"])
def test_a_wrap_up_of_an_interaction_is_of_no_later_call_of_its_id_that_states_none(
    to: str, move: str, part: float, site: dict[str, Any]
) -> None:
    """Before: it was put on the later call's recording, and the customer's lost it."""
    events = led_away_and_used_again(move, to, part)
    [wrap_up] = results([*events, wraps_up(60, "101", device="2001", interaction="I1")], **site).items()

    assert wrap_up == ("R5", "sold")


def test_a_wrap_up_without_an_interaction_is_of_the_later_call_alone_once_none_is_owed_for_the_one_before() -> None:
    events = led_away_and_used_again("blind", "7001", 0.25)
    earlier = wraps_up(22, "101", "first", device="2001", interaction="I1")

    assert results([*events, earlier, wraps_up(40, "101", device="2001")]) == {"R5": "first", "R25": "sold"}
