"""One event that is heard after what followed it, within a second unless a stall held it back: whose is a recording?

Each case says which flags a recording has, or that it has none; another recording may lack some. Jo came from the queue
Sales. ``late``: how much later than the others an event is heard; of sources without times that is its time.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    BEGIN,
    KNOWN,
    Case,
    Event,
    Recording,
    cleared,
    conferenced,
    dials,
    diverted,
    established,
    heard,
    holds,
    played,
    queued,
    rings,
    talk,
    transferred,
)

pytestmark = pytest.mark.core

TIMES = ["with fractions", "in whole seconds", "without times"]
ANY = {"name": "CallerName", "queue": "QueueName", "interaction": "InteractionGuid", "call": "CTICallRef"}


def late(seconds: float, event: Event) -> Event:
    return {**event, "late": seconds}


def held(since: float, at: float, event: Event) -> Event:
    """Let a stall that began at a moment hold an event back until another one."""
    return {**event, "held": BEGIN + since, "late": at - event["at"]}


def timed(times: str, one: Event) -> Event:
    received = one["at"] + 0.02 + one.get("late", 0)
    at = {"with fractions": one["at"], "in whole seconds": int(one["at"]), "without times": received}[times]
    return heard(received, {**{name: value for name, value in one.items() if name != "late"}, "at": at})


def flags_of(times: str, events: list[Event], recordings: list[Recording], guid: str) -> dict[str, str]:
    site: dict[str, Any] = {"queues": ["5000", "5001"], "has_source_times": times != "without times"}
    replay = played(Case("", [timed(times, one) for one in events], [], recordings, site=site))
    found = [replay.flags[leg.number] for leg in replay.legs if leg.guid == guid and leg.number in replay.flags]
    assert len(found) <= 1
    return {name: found[0].get(flag, "") for name, flag in ANY.items()} if found else {}


def jo(call: str) -> dict[str, str]:
    return {**KNOWN, "queue": "Sales", "call": call}


TALKS = [queued(10.2, "100", "5000", queue="Sales", **KNOWN), established(12.2, "100", "2001")]
CONSULTS = [holds(24.3, "100", "2001"), dials(25.1, "200", "2001", interaction="I1")]
CONSULTS += [established(26.2, "200", "2002", interaction="I1")]
SINGLE = {"cause": "singleStepTransfer"}


def ends(call: str, device: str) -> list[Event]:
    return [cleared(40.4, call, device), cleared(40.41, call, "T1", outside=True)]


PARKED: list[tuple[str, list[Event], list[Recording], dict[str, dict[str, str]]]] = [
    (
        "a phone parks its call and picks it up, and that it parked it is heard last",
        [
            *TALKS,
            late(0.8, diverted(18.3, "100", "2001", "7001", cause="park")),
            established(18.9, "100", "2001"),
            *ends("100", "2001"),
        ],
        [("R1", "2001", 12.3, 18.3), ("R2", "2001", 19.0, 40.3)],
        {"R1": jo("100"), "R2": jo("100")},
    ),
]

HANDED_BACK: list[tuple[str, list[Event], list[Recording], dict[str, dict[str, str]]]] = [
    (
        "a phone leaves a conference, and gets the call from its host as its end is heard",
        [
            *TALKS,
            *CONSULTS,
            conferenced(28.1, "100", "200", "100", "2001", "2002"),
            late(0.9, cleared(33.3, "100", "2002")),
            transferred(34.1, "100", "", "300", "2001", "2002", **SINGLE),
            rings(34.3, "300", "2002"),
            established(36.2, "300", "2002"),
            *ends("300", "2002"),
        ],
        [("R1", "2001", 12.3, 34.0), ("R2", "2002", 26.3, 33.3), ("R3", "2002", 36.3, 40.3)],
        {"R2": jo("100"), "R3": jo("300")},
    ),
    (
        "a phone hands a call on, which is handed back, and the first transfer is heard last",
        [
            *TALKS,
            *CONSULTS,
            late(0.9, transferred(30.3, "100", "200", "100", "2001", "2002")),
            transferred(31.1, "100", "", "300", "2002", "2001", **SINGLE),
            rings(31.3, "300", "2001"),
            established(36.2, "300", "2001"),
            *ends("300", "2001"),
        ],
        [("R1", "2001", 12.3, 30.2), ("R2", "2002", 26.3, 30.2), ("R3", "2001", 36.3, 40.3)],
        {"R1": jo("100")},
    ),
]

QUEUED_BEFORE: list[tuple[str, list[Event], list[Recording], dict[str, dict[str, str]]]] = [
    (
        "a phone hands on a call that came from no queue to one, and that is heard last",
        [
            rings(10.2, "100", "2001", **KNOWN),
            established(12.2, "100", "2001"),
            late(0.5, transferred(12.9, "100", "", "100", "2001", "5001")),
            queued(13.0, "100", "5001", queue="Orders"),
            *talk(20.1, 40.4, "100", "2002"),
        ],
        [("R1", "2001", 12.3, 12.9), ("R2", "2002", 20.2, 40.3)],
        {"R1": {**KNOWN, "queue": "", "call": "100"}, "R2": {**KNOWN, "queue": "Orders", "call": "100"}},
    ),
]

DIALLED: list[tuple[str, list[Event], list[Recording], dict[str, dict[str, str]]]] = [
    (
        "a phone rang, its call is over, and another phone dials under the id as the ringing is heard",
        [
            late(0.8, rings(10.2, "100", "2003", number="+49301234", **KNOWN)),
            cleared(10.6, "100", "2003"),
            dials(11.4, "100", "2001", number="2001"),
            *talk(13.1, 40.4, "100", "2002"),
        ],
        [("R1", "2001", 13.2, 40.3), ("R2", "2002", 13.2, 40.3)],
        {"R2": {"name": "", "interaction": "OWN", "queue": "", "call": "100"}},
    ),
]


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize(
    ("title", "events", "recordings", "right"),
    [pytest.param(*one, id=one[0]) for one in (*PARKED, *HANDED_BACK, *QUEUED_BEFORE, *DIALLED)],
)
def test_a_recording_has_its_own_calls_flags_where(
    title: str, events: list[Event], recordings: list[Recording], right: dict[str, dict[str, str]], times: str
) -> None:
    for guid, flags in right.items():
        found = flags_of(times, events, recordings, guid)
        own = {"interaction": "OWN"} if len(found.get("interaction", "")) > 30 else {}
        assert found | own == flags, (title, guid)


# --- silence of QMS, and what a stall hides ---


AFTER_STALL = [
    *TALKS,
    *CONSULTS,
    held(28, 48, transferred(30.3, "100", "200", "100", "2001", "2002")),
    cleared(51.1, "100", "2002"),
    *talk(52.03, 70, "400", "2002"),
]


def test_what_qms_names_of_a_later_call_does_not_show_that_a_recording_went_on_at_a_transfer() -> None:
    """QMS names a recording for ten seconds: at 48 nobody knows whether one began with the transfer."""
    recordings = [("R1", "2002", 26.3, 30.3), ("R2", "2002", 30.4, 51), ("R3", "2002", 52.04, 70)]

    assert flags_of("with fractions", AFTER_STALL, recordings, "R1")["call"] == ""


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("following", [[], talk(33.1, 50, "400", "2002")], ids=["", "and talks again"])
def test_a_phone_that_leaves_at_once_after_a_transfer_keeps_the_consultations_recording_apart(
    following: list[Event], times: str
) -> None:
    events = [*TALKS, *CONSULTS, transferred(30.3, "100", "200", "100", "2001", "2002")]
    events += [cleared(30.47, "100", "2002"), *following]
    recordings = [("R1", "2002", 26.3, 30.29), ("R2", "2002", 33.2, 50.0)][: 1 + bool(following)]

    assert flags_of(times, events, recordings, "R1")["call"] == "200"


def test_a_recording_that_qms_names_again_after_a_transfer_goes_on_whatever_is_named_later() -> None:
    events = [*TALKS, *CONSULTS, transferred(30.3, "100", "200", "100", "2001", "2002")]
    events += [cleared(33.1, "100", "2002"), *talk(34.2, 50, "400", "2002")]

    recordings = [("R1", "2002", 26.3, 33.1), ("R2", "2002", 34.3, 50)]

    assert flags_of("with fractions", events, recordings, "R1")["call"] == "100"


def test_a_recording_that_began_long_after_its_leg_by_the_sources_own_times_is_of_another_call() -> None:
    """2001 talks from 12.2 on, which is heard at 16.2, and consults from 14.8 on, of which nothing is reported."""
    before = established(1, "50", "2003")
    events = [before, late(4, established(12.2, "100", "2001", **KNOWN)), cleared(40.1, "100", "2001")]

    assert flags_of("with fractions", events, [("R1", "2001", 14.9, 20.0)], "R1") == {}


LED_ON = {
    "parks its call": [diverted(14.2, "100", "2001", "7001", cause="park")],
    "hands its call on": [transferred(14.2, "100", "", "100", "2001", "2003")],
    "leaves": [cleared(14.2, "100", "2001")],
}


@pytest.mark.parametrize("how", LED_ON)
def test_a_recording_that_began_in_a_stall_after_which_a_phone_is_heard_to_have_left_is_not_its_calls(how: str) -> None:
    """2001 is connected before the stall ends, as is heard then: the recording of 17 may be of any call since."""
    events = [TALKS[0], held(11.8, 19, TALKS[1]), *(held(11.8, 19.005, one) for one in LED_ON[how])]

    assert flags_of("without times", events, [("R1", "2001", 17, 30)], "R1") == {}
