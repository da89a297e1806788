"""A consultation that is answered and over within one second, of a source whose times are in whole seconds.

Uma's call 100 is that of 2001, who calls 2002 in 101. All is heard in its order.
"""

from collections.abc import Sequence

import pytest

from tests.relatives.case import (
    Case,
    Event,
    Recording,
    cleared,
    dials,
    established,
    holds,
    played,
    queued,
    retrieves,
    rings,
    transferred,
)

pytestmark = pytest.mark.core

BEGINS = [
    queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
    established(5, "100", "2001"),
    holds(20, "100", "2001"),
    dials(21, "101", "2001"),
    rings(22, "101", "2002"),
]
END = cleared(40, "100", "2001")


def in_one_second(*events: Event) -> list[Event]:
    """Hear events of one second, one by one."""
    return [{**one, "heard": one["at"] + 0.2 * (place + 1)} for place, one in enumerate(events)]


def outcome(events: Sequence[Event], *recordings: Recording) -> tuple[dict[str, str], list[str]]:
    """Return whose data each flagged recording has, and the extensions of the legs that have not ended."""
    replay = played(Case("", list(events), [], recordings=[("R1", "2001", 5.1, 20), *recordings]))
    flags = [(leg.guid, replay.flags.get(leg.number, {})) for leg in replay.legs]
    names = {guid: "Uma" if "CallerName" in one else "other" for guid, one in flags if one}
    return names, [leg.device_id for leg in replay.legs if leg.disconnected_source_at is None]


@pytest.mark.parametrize("resulting", ["100", "101"])
@pytest.mark.parametrize("ends", [True, False])
def test_who_hands_a_call_on_in_the_second_of_the_answer_keeps_the_consultations_data(
    resulting: str, ends: bool
) -> None:
    """Its recording of the consultation has nothing of the customer."""
    answered = established(25, "101", "2002")
    handed_on = transferred(25, "100", "101", resulting, "2001", "2002")
    second = [answered, handed_on, cleared(25, resulting, "2002")] if ends else [answered, handed_on]
    after = [] if ends else [cleared(40, resulting, "2002")]

    names, live = outcome([*BEGINS, *in_one_second(*second), *after], ("R2", "2001", 25.15, 25.39))

    assert names.get("R2", "other") == "other"
    assert live == []


@pytest.mark.parametrize("first", ["2001", "2002"])
def test_both_leave_a_consultation_of_one_second(first: str) -> None:
    """In whichever order that is heard; the recording that begins with the retrieve is not the consultation's."""
    second = "2002" if first == "2001" else "2001"
    left = [cleared(25, "101", first), cleared(25, "101", second)]
    events = in_one_second(established(25, "101", "2002"), *left, retrieves(25, "100", "2001"))

    names, live = outcome([*BEGINS, *events, END], ("R3", "2001", 25.85, 40))

    assert names == {"R1": "Uma"}
    assert live == []
