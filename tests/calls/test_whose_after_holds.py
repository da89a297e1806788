"""Whose a recording is where a phone has two calls: a consultation that is handed on, or a call taken in between.

Uma's call 100 is that of 2001, who calls 2002 in 101, or answers 101 meanwhile. Times are seconds.
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
    transferred,
)

pytestmark = pytest.mark.core

Names = dict[str, str]
UNTIMED = {"has_source_times": False}


def heard(late: float, event: Event) -> Event:
    return {**event, "heard": event["at"] + late}


def held_since(since: float, event: Event) -> Event:
    return {**event, "held": 100.0 + since}


def names(events: Sequence[Event], recordings: list[Recording], *, has_times: bool = True) -> Names:
    """Return to whose data each flagged recording has: that of Uma's call, or another's."""
    case = Case("", list(events), [], recordings=recordings, site={} if has_times else UNTIMED)
    replay = played(case)
    flags = [(leg.guid, replay.flags.get(leg.number, {})) for leg in replay.legs]
    return {guid: "Uma" if "CallerName" in one else "other" for guid, one in flags if one}


def consultation(answered: float) -> list[Event]:
    uma = queued(0, "100", queue="Sales", interaction="I1", name="Uma")
    begins = [uma, established(5, "100", "2001"), holds(20, "100", "2001"), dials(21, "101", "2001")]
    return [*begins, established(answered, "101", "2002")]


def handed_on(at: float) -> Event:
    return transferred(at, "100", "101", "100", "2001", "2002")


@pytest.mark.parametrize(
    ("began", "asks", "owner"),
    [(25.05, 25.5, "other"), (25.3, 25.5, None), (25.4, 25.6, None)],
)
def test_a_recording_named_before_a_transfer_is_never_the_customers(
    began: float, asks: float, owner: str | None
) -> None:
    """QMS had named it by then, or it had ended: it is the consultation's, or nobody's."""
    events = [*consultation(25), handed_on(asks), cleared(60, "100", "2002")]

    assert names(events, [("R2", "2002", began, asks), ("R3", "2002", asks + 0.3, 60)]).get("R2") == owner


def test_a_recording_that_begins_with_the_transfer_has_the_customers_data() -> None:
    events = [*consultation(25), handed_on(25.5), cleared(60, "100", "2002")]

    assert names(events, [("R2", "2002", 25.05, 25.5), ("R3", "2002", 25.55, 60)]) == {"R2": "other", "R3": "Uma"}


@pytest.mark.parametrize(
    ("left", "late", "has_times", "owner"),
    [
        (45.4, 0.0, True, "other"),
        (46.4, 0.0, True, "other"),
        (47.0, 0.0, True, "Uma"),
        (46.4, 0.8, True, "other"),
        (46.4, 0.8, False, "other"),
        (50.0, 0.0, False, "Uma"),
    ],
)
def test_silence_counts_only_while_a_new_recording_would_be_named(
    left: float, late: float, has_times: bool, owner: str
) -> None:
    """The customer leaves just after the transfer: a recording that began with it may be over when QMS is asked."""
    end = heard(late, cleared(left, "100", "2002")) if has_times else cleared(left + late, "100", "2002")

    assert names([*consultation(25), handed_on(45), end], [("R2", "2002", 25.05, 45)], has_times=has_times) == {
        "R2": owner
    }


@pytest.mark.parametrize(("late", "owner"), [(0.1, "Uma"), (5, "Uma"), (9, "other"), (17, "other")])
def test_a_transfer_heard_after_the_window_leaves_the_consultation_its_recording(late: float, owner: str) -> None:
    """The phone's next call is named, while what was asked before says nothing of the transfer."""
    events = [*consultation(25), heard(late, handed_on(45)), cleared(65, "100", "2002")]
    events += [established(68, "102", "2002"), cleared(80, "102", "2002")]

    found = names(events, [("R2", "2002", 25.05, 45), ("R5", "2002", 68.05, 80)])

    assert found == {"R2": owner, "R5": "other"}


SECOND_CALL = [
    queued(0, "100", queue="Sales", interaction="I1", name="Uma"),
    established(5, "100", "2001"),
    holds(20, "100", "2001"),
]


@pytest.mark.parametrize("ended", [22.0, 22.3, 40.0])
@pytest.mark.parametrize("began", [21.0, 21.05, 21.5])
def test_a_recording_that_began_with_a_retrieve_is_not_the_other_calls(began: float, ended: float) -> None:
    """The end of 101 is heard late, or never while QMS is asked; the phone talks to Uma again from 21 on."""
    answered, back = established(20.6, "101", "2001"), retrieves(21, "100", "2001")
    events = [*SECOND_CALL, answered, back, cleared(ended, "101", "2001"), cleared(50, "100", "2001")]

    assert "R3" not in names(events, [("R1", "2001", 5.05, 20), ("R3", "2001", began, 50)], has_times=False)


CONSULTED = [
    queued(11.5, "100", queue="Sales", interaction="I1", name="Uma"),
    established(12.05, "100", "2001"),
    holds(12.25, "100", "2001"),
    {**dials(12.6, "101", "2001"), "heard": 13.8},
    established(12.95, "101", "2002"),
    cleared(13.1, "101", "2001"),
    cleared(13.15, "101", "2002"),
    retrieves(13.2, "100", "2001"),
    cleared(16, "100", "2001"),
]


@pytest.mark.parametrize(("began", "ended", "owner"), [(12.4, 16, "Uma"), (13.0, 13.1, None), (13.25, 16, "Uma")])
def test_a_recording_that_began_while_the_phone_held_the_call_is_anothers(
    began: float, ended: float, owner: str | None
) -> None:
    """It is heard late that the phone had dialled; a recording may be named up to 0.25 s after it begins to hold."""
    assert names(CONSULTED, [("R2", "2001", began, ended)]).get("R2") == owner


def test_a_call_that_is_retrieved_itself_later_has_the_recording_that_begins_then() -> None:
    swap = [established(20.6, "101", "2001"), holds(21, "101", "2001"), retrieves(21.1, "100", "2001")]
    swap += [holds(22, "100", "2001"), retrieves(22.1, "101", "2001"), cleared(40, "101", "2001")]
    events = [*SECOND_CALL, *swap, cleared(50, "100", "2001")]

    assert names(events, [("R1", "2001", 5.05, 20), ("R3", "2001", 20.65, 40)], has_times=False)["R3"] == "other"


@pytest.mark.parametrize(("since", "is_taken"), [(18.0, False), (37.0, False), (38.95, True)])
@pytest.mark.parametrize("kind", ["ConnectionCleared", "CallCleared"])
def test_a_call_heard_whole_after_a_stall_takes_no_recording_of_since(kind: str, since: float, is_taken: bool) -> None:
    """It may have ended at any time since the link stalled."""
    end = {**cleared(39.15, "101", "2001"), "type": kind}
    whole = [established(39, "101", "2001"), end, retrieves(39.16, "100", "2001")]
    events = [*SECOND_CALL, *(held_since(since, one) for one in whole), cleared(50, "100", "2001")]

    found = names(events, [("R1", "2001", 5.05, 20), ("R3", "2001", 38.9, 50)], has_times=False)

    assert found["R1"] == "Uma"
    assert ("R3" in found) is is_taken
