"""One event heard late, of a source with fractions of a second, on a link that is in order but for that."""

import pytest

from tests.relatives.case import (
    Case,
    Event,
    Recording,
    cleared,
    dials,
    diverted,
    established,
    heard,
    holds,
    played,
    queued,
    retrieves,
    rings,
    transferred,
)

pytestmark = pytest.mark.core


def heard_at(event: Event) -> float:
    late = event.get("heard")
    return float(event["at"] if late is None else late)


def flags(events: list[Event], recordings: list[Recording]) -> dict[str, dict[str, str]]:
    replay = played(Case("", events, [], recordings=recordings, site={"queues": ["5000"]}))
    return {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}


@pytest.mark.parametrize("late", [0.1, 0.45, 0.85])
@pytest.mark.parametrize("rang", [1.5, 1.7])
def test_a_caller_whose_queue_led_the_call_to_a_phone_before_it_is_heard_that_he_was_queued(
    late: float, rang: float
) -> None:
    late_queued = queued(1.0, "100", "5000", queue="Sales", interaction="I1", name="Uma")
    events = [diverted(1.5, "100", "5000", "2001"), rings(rang, "100", "2001"), established(2, "100", "2001")]
    events += [heard(1.5 + late, late_queued), holds(9, "100", "2001"), dials(9.4, "101", "2001", interaction="I2")]
    events += [established(10, "101", "2002"), transferred(13, "100", "101", "101", "2001", "2002")]
    events += [cleared(35, "101", "2002")]

    found = flags(sorted(events, key=heard_at), [("R1", "2001", 2.1, 13.0)])

    assert (found["R1"]["CallerName"], found["R1"]["InteractionGuid"]) == ("Uma", "I1")


@pytest.mark.parametrize(("to", "rang"), [("2002", 1.6), ("2001", 2.6)])
def test_what_rings_elsewhere_or_later_than_a_second_is_not_the_call_that_was_led_away(to: str, rang: float) -> None:
    events = [diverted(1.5, "100", "5000", to, interaction="I1", name="Uma"), rings(rang, "100", "2001")]
    events += [established(4, "100", "2001"), cleared(20, "100", "2001")]

    assert flags(events, [("R1", "2001", 4.1, 20)])["R1"].get("CallerName") is None


def test_a_call_that_was_held_waits_no_more_for_an_answer_that_is_heard_after_its_end() -> None:
    """The phone's answer at 10 is heard at 18; the next caller of the id comes at 40."""
    events = [queued(5, "100", queue="Sales"), rings(8, "100", "2001"), holds(12, "100", "2001")]
    events += [retrieves(13, "100", "2001"), cleared(16, "100", "2001")]
    events += [heard(18, established(10, "100", "2001")), queued(40, "100", "5000", queue="Support")]
    events += [established(43, "100", "2001"), cleared(60, "100", "2001")]

    replay = played(Case("", events, [], recordings=[("R2", "2001", 43.1, 60)], site={"queues": ["5000"]}))

    assert len({leg.facts.interaction_id for leg in replay.legs}) == 2


def test_a_consultation_goes_with_the_call_that_was_on_hold_where_a_late_end_divides_that() -> None:
    """2003 was in 101, a consultation about 102, until 3.1, which is heard at 11; 101 has named a call since 7."""
    events = [established(1, "102", "2002"), holds(1.5, "102", "2002"), dials(1.9, "101", "2002")]
    events += [established(2.2, "101", "2003"), cleared(3.2, "101", "2002"), retrieves(3.6, "102", "2002")]
    events += [queued(7, "101", queue="Sales", name="Uma"), established(9.8, "101", "2001"), holds(10, "101", "2001")]
    events += [dials(10.4, "100", "2001"), heard(11, cleared(3.1, "101", "2003")), established(12.5, "100", "2003")]
    events += [cleared(16, "100", "2001"), cleared(16.1, "100", "2003"), retrieves(17, "101", "2001")]
    events += [cleared(20, "101", "2001"), cleared(21, "102", "2002")]

    replay = played(Case("", events, []))
    by_call = {(leg.call_id, leg.device_id): leg.facts.interaction_id for leg in replay.legs}

    assert by_call["100", "2003"] == by_call["101", "2001"] != by_call["102", "2002"]
