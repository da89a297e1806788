"""A phone holds its call just after an attended transfer or conference: QMS names nothing then, whatever went before.

2001 has Uma in C1 from 1 on and consults 2002 in C2, which answers at 10 or at 22. At 26 both calls are joined as C3,
and 2002 holds it a moment later. Times are seconds.
"""

import pytest

from calls.transcript.replay import Replay
from tests.relatives.case import (
    MOVES,
    Case,
    Event,
    Recording,
    cleared,
    dials,
    established,
    heard,
    holds,
    played,
    retrieves,
)

pytestmark = pytest.mark.core

TIMES = ("fractions", "whole seconds", "none")
ENDED, WENT_ON, IN_COMMON = ("", "C2"), ("Uma", "C3"), ("", "")


def _played(move: str, times: str, answered: float, recordings: list[Recording], *later: Event) -> Replay:
    """Play what ``later`` says of 2002."""
    events = [
        established(1, "C1", "2001", name="Uma", number="+4930111"),
        holds(answered - 1, "C1", "2001"),
        dials(answered - 0.5, "C2", "2001"),
        established(answered, "C2", "2002"),
        MOVES[move](26.1, "C1", "C2", "C3", "2001", "2002"),
        *later,
    ]
    told = [heard(one["at"] + 0.05, one) for one in sorted(events, key=lambda one: float(one["at"]))]
    if times == "whole seconds":
        told = [{**one, "at": float(int(one["at"]))} for one in told]
    if times == "none":
        told = [{**one, "at": one["heard"]} for one in told]
    site = {"has_source_times": times != "none"}
    return played(Case("", told, [], recordings, site=site, qms={"answer_seconds": 0.1}))


def _seen(replay: Replay) -> dict[str, tuple[str, str]]:
    flags = {leg.guid: replay.flags.get(leg.number, {}) for leg in replay.legs if leg.guid}
    return {guid: (one.get("CallerName", ""), one.get("CTICallRef", "")) for guid, one in flags.items()}


def _until(end: float, **hold: float) -> list[Event]:
    """Return a hold, its end where there is one, and the end of the leg."""
    back = [retrieves(hold["back"], "C3", "2002")] if "back" in hold else []
    return [holds(hold["at"], "C3", "2002"), *back, cleared(end, "C3", "2002")]


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(
    "later",
    [
        _until(31.6, at=26.5),
        _until(30.2, at=26.5, back=29.4),
        _until(31.6, at=27.2),
        _until(31.6, at=26.5, back=27.1),
        _until(45.2, at=26.5, back=27.1),
    ],
    ids=["for good", "for 3 s", "after a second", "shortly", "shortly and long after"],
)
def test_a_consultation_whose_phone_holds_at_once_gets_what_is_common(
    later: list[Event], move: str, times: str
) -> None:
    """Its recording ended with the move or went on; the one that began with the move was too short to be named."""
    recordings = [("R1", "2002", 10.1, 26.1), ("R2", "2002", 26.25, 26.3)]
    replay = _played(move, times, 10, recordings, *later)

    assert _seen(replay)["R1"] == IN_COMMON


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("move", MOVES)
def test_a_hold_that_follows_the_decisive_question_takes_nothing(move: str, times: str) -> None:
    replay = _played(move, times, 10, [("R1", "2002", 10.1, 40.0)], *_until(40, at=29.2))

    assert _seen(replay)["R1"] == WENT_ON


@pytest.mark.parametrize("times", TIMES)
def test_a_hold_in_the_consultation_that_was_over_takes_nothing(times: str) -> None:
    """2002 held the consultation for a while, long before the transfer."""
    held = [holds(14.2, "C2", "2002"), retrieves(17.2, "C2", "2002")]
    replay = _played("transferred", times, 10, [("R1", "2002", 10.1, 40.0)], *held, cleared(40, "C3", "2002"))

    assert _seen(replay)["R1"] == WENT_ON


@pytest.mark.parametrize("times", TIMES)
def test_a_source_that_reports_no_hold_goes_on_with_one_recording(times: str) -> None:
    """A phone that is silent to QMS and was never heard to hold talks: silence is an answer there."""
    replay = _played("transferred", times, 10, [("R1", "2002", 10.1, 31.6)], cleared(31.6, "C3", "2002"))

    assert _seen(replay)["R1"] == WENT_ON


@pytest.mark.parametrize("times", TIMES)
def test_a_recording_that_qms_named_no_more_before_the_hold_ended_with_the_transfer(times: str) -> None:
    recordings = [("R1", "2002", 22.1, 26.1), ("R2", "2002", 27.3, 27.35)]
    replay = _played("transferred", times, 22, recordings, *_until(31.6, at=27.4))

    assert _seen(replay)["R1"] == ENDED


@pytest.mark.parametrize("times", TIMES)
def test_a_recording_that_qms_names_after_the_transfer_goes_on_over_the_hold(times: str) -> None:
    replay = _played("transferred", times, 22, [("R1", "2002", 22.1, 31.6)], *_until(31.6, at=26.8))

    assert _seen(replay)["R1"] == WENT_ON


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("back", [[], [retrieves(27.2, "C3", "2002")]], ids=["for good", "shortly"])
@pytest.mark.parametrize("answered", [10, 22])
def test_a_phone_that_holds_the_consultation_as_it_is_transferred_decides_nothing(
    answered: float, back: list[Event], times: str
) -> None:
    """Its recording ended with the hold, or goes on after it."""
    held = holds(24.2, "C2", "2002")
    recordings = [("R1", "2002", answered + 0.1, 24.2)]
    events = [held, *back, cleared(40, "C3", "2002")]
    replay = _played("transferred", times, answered, recordings, *events)

    assert _seen(replay)["R1"] == IN_COMMON
