"""Calls that are handed on while an outside party, whose connection was reported, stays in them.

``Transferred`` says that the call goes on, and so does ``Diverted``, though its last extension has left: a trunk that
is known to be in it makes no difference.
"""

from typing import Any

import pytest

from tests.relatives.case import (
    JO,
    KNOWN,
    Case,
    Event,
    Leg,
    Recording,
    cleared,
    conferenced,
    dials,
    differences,
    diverted,
    established,
    flagged,
    holds,
    other,
    queued,
    rings,
    talk,
    transferred,
    without_flags,
)

pytestmark = pytest.mark.core

TIMES: dict[str, dict[str, Any]] = {
    "with fractions": {"queues": ["5000", "5001"]},
    "in whole seconds": {"queues": ["5000", "5001"]},
    "without times": {"queues": ["5000", "5001"], "has_source_times": False},
}
SHIFT = {"with fractions": 0.05}


def timed(
    title: str,
    times: str,
    events: list[Event],
    legs: list[Leg],
    recordings: list[Recording] | None = None,
    **site: Any,
) -> Case:
    """Return a case of a link in order, whose events are heard just after they happen where they have own times."""
    shift = SHIFT.get(times, 0.0)
    moved = [{**one, "at": one["at"] + shift} for one in events]
    if times == "in whole seconds":
        moved = [{**one, "heard": one["at"] + 0.1 + place / 100} for place, one in enumerate(moved)]
    parts = [Leg(one.extension, round(one.began + shift, 3), _later(one, shift), *_rest(one)) for one in legs]
    recorded = [(one.recording, one.extension, one.began + 0.15, one.ended or one.began) for one in parts]
    return Case(f"{title}, {times}", moved, parts, recordings or recorded, site={**TIMES[times], **site})


def _later(leg: Leg, shift: float) -> float | None:
    return None if leg.ended is None else round(leg.ended + shift, 3)


def _rest(leg: Leg) -> tuple[str, str, str, dict[str, str]]:
    return leg.call, leg.outcome, leg.recording, leg.flags


def came_in(trunk: Event) -> list[Event]:
    events = [queued(1, "100", "5000", queue="Sales", **KNOWN), established(5, "100", "2001"), trunk]
    return sorted(events, key=lambda one: one["at"])


TRUNKS = {
    "Originated": other(0, "Originated", "100", "T1"),
    **{kind: other(6, kind, "100", "T1") for kind in ("Established", "Delivered", "NetworkReached")},
    "Established of a number": established(6, "100", "+4930100"),
}
TO_2002 = transferred(20, "100", "", "100", "2001", "2002")
TRUNK_STAYS = [{"old": {"callId": "100", "deviceId": "T1"}, "new": {"callId": "100", "deviceId": "T1"}}]
LED_AWAY = [cleared(20, "100", "2001"), diverted(20, "100", "2001", "2002")]
FIRST = flagged("2001", 5, 20, "100", "R1", **JO)
SECOND = flagged("2002", 24, 40, "100", "R2", **JO)
ANSWER = talk(24, 40, "100", "2002")

INBOUND = [
    timed(
        f"a call whose trunk was reported by {kind} is handed on {how}",
        times,
        [*came_in(trunk), *rest],
        [FIRST, second],
    )
    for times in TIMES
    for kind, trunk in TRUNKS.items()
    for how, rest, second in (
        ("and rings", [TO_2002, rings(21, "100", "2002"), *ANSWER], SECOND),
        ("and is answered at once", [TO_2002, *ANSWER], SECOND),
        ("by its connections", [{**TO_2002, "connections": TRUNK_STAYS}, *ANSWER], SECOND),
        ("and the end of its phone is heard", [TO_2002, cleared(20, "100", "2001"), *ANSWER], SECOND),
        (
            "and led away, which is heard after the end of its phone",
            [*LED_AWAY, rings(21, "100", "2002"), *ANSWER],
            SECOND,
        ),
        ("and led away so, and answered at once", [*LED_AWAY, *ANSWER], SECOND),
        (
            "to a queue",
            [
                transferred(20, "100", "", "100", "2001", "5001"),
                queued(21, "100", "5001", queue="Orders"),
                *ANSWER,
            ],
            flagged("2002", 24, 40, "100", "R2", **KNOWN, queue="Orders"),
        ),
        (
            "and forwarded from there",
            [TO_2002, rings(21, "100", "2002"), diverted(30, "100", "2002", "2003"), *talk(34, 40, "100", "2003")],
            flagged("2003", 34, 40, "100", "R2", **JO),
        ),
        (
            "under another id",
            [transferred(20, "100", "", "300", "2001", "2002"), *talk(24, 40, "300", "2002")],
            flagged("2002", 24, 40, "300", "R2", **JO),
        ),
    )
]
OTHERS = [
    case
    for times in TIMES
    for case in (
        timed(
            "a call that was dialled is handed on",
            times,
            [
                dials(1, "100", "2001", **KNOWN),
                rings(2, "100", "T1"),
                established(5, "100", "T1"),
                TO_2002,
                rings(21, "100", "2002"),
                *ANSWER,
            ],
            [flagged("2001", 5, 20, "100", "R1", **KNOWN), flagged("2002", 24, 40, "100", "R2", **KNOWN)],
        ),
        timed(
            "a call is handed on twice",
            times,
            [
                *came_in(TRUNKS["Established"]),
                TO_2002,
                established(24, "100", "2002"),
                transferred(40, "100", "", "100", "2002", "2003"),
                *talk(44, 60, "100", "2003"),
            ],
            [FIRST, SECOND, flagged("2003", 44, 60, "100", "R3", **JO)],
        ),
        timed(
            "a conference is handed on by the last phone in it",
            times,
            [
                *came_in(TRUNKS["Established"]),
                holds(8, "100", "2001"),
                dials(9, "200", "2001", cause="consultation"),
                established(12, "200", "2003"),
                conferenced(15, "100", "200", "100", "2001", "2003"),
                cleared(17, "100", "2003"),
                TO_2002,
                rings(21, "100", "2002"),
                *ANSWER,
            ],
            [
                FIRST,
                SECOND,
                without_flags("2001", 12, 15, "200", "not_recorded"),
                without_flags("2003", 12, 17, "100", "not_recorded"),
            ],
        ),
        timed(
            "a call of a source that lists no devices is handed on",
            times,
            [
                *came_in(TRUNKS["Established of a number"]),
                TO_2002,
                rings(21, "100", "2002"),
                *ANSWER,
                cleared(41, "100", "+4930100"),
            ],
            [FIRST, SECOND, without_flags("+4930100", 6, 41, "100", "not_recorded")],
            devices=[],
        ),
    )
]


@pytest.mark.parametrize("one", [*INBOUND, *OTHERS], ids=str)
def test_nothing_is_lost_where(one: Case) -> None:
    assert differences(one) == ([], [])


T1_LEAVES = cleared(30, "100", "T1")
TAKEN = flagged("2002", 34, 40, "100", "R2")
TAKES = talk(34, 40, "100", "2002")
TO_QUEUE = transferred(20, "100", "", "100", "2001", "5001")

OVER = [
    timed(f"the caller gives up after a call was handed on {how}", times, [*came_in(trunk), *rest], [FIRST, *legs])
    for times in TIMES
    for trunk in (TRUNKS["Originated"], TRUNKS["Established"])
    for how, rest, legs in (
        ("that nobody answered", [TO_2002, T1_LEAVES, *TAKES], [TAKEN]),
        (
            "and the id is queued again",
            [TO_2002, T1_LEAVES, queued(32, "100", "5001"), *TAKES],
            [flagged("2002", 34, 40, "100", "R2", queue="5001")],
        ),
        ("by Diverted that nobody answered", [*LED_AWAY, T1_LEAVES, *TAKES], [TAKEN]),
        ("that rang", [TO_2002, rings(21, "100", "2002"), T1_LEAVES, *TAKES], [TAKEN]),
        ("to a queue", [TO_QUEUE, queued(21, "100", "5001"), T1_LEAVES, *TAKES], [TAKEN]),
        (
            "that was answered",
            [TO_2002, *talk(24, 28, "100", "2003"), *TAKES],
            [flagged("2003", 24, 28, "100", "R3", **JO), TAKEN],
        ),
    )
]


@pytest.mark.parametrize("one", OVER, ids=str)
def test_nothing_is_given_to_the_next_call_of_the_id_where(one: Case) -> None:
    assert differences(one) == ([], [])
