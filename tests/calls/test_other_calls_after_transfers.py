"""What a consultation's recording gets where its phone has another call soon after it was handed on.

QMS names a recording for ten seconds. 2001 has Uma of Sales in C1, and consults 2002 in C2 from 25 on.
"""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from calls.core.result_events import NONE_BEGAN, RecordingFound, why_before
from calls.core.state import SearchStatus
from tests.calls.switchboard import Switchboard, event, moment, with_site
from tests.calls.test_transfers import attended
from tests.relatives.case import (
    Case,
    Event,
    cleared,
    conferenced,
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

OF_BOTH = {"AgentId": "9102", "InteractionGuid": "I1"}
CONSULTATION = OF_BOTH | {"CTICallRef": "C2", "CallerName": "Al"}
CUSTOMER = OF_BOTH | {"CTICallRef": "C3", "CallerName": "Uma", "QueueName": "Sales"}
TIMES = [{"has_source_times": False}, {"has_source_times": True}]


def _consulted(length: float, *, is_conference: bool = False) -> list[Event]:
    join = conferenced if is_conference else transferred
    return [
        queued(1, "C1", name="Uma", queue="Sales", interaction="I1"),
        established(5, "C1", "2001"),
        holds(20, "C1", "2001"),
        dials(21, "C2", "2001", number="2001", name="Al", interaction="I1"),
        established(25, "C2", "2002"),
        join(25 + length, "C1", "C2", "C3", "2001", "2002"),
    ]


def _called(at: float) -> list[Event]:
    return [
        holds(at - 0.3, "C3", "2002"),
        rings(at - 0.2, "C9", "2002", name="Bo", interaction="I9"),
        established(at, "C9", "2002"),
        cleared(at + 8, "C9", "2002"),
        retrieves(at + 9, "C3", "2002"),
        cleared(at + 20, "C3", "2002"),
    ]


def _consults(at: float) -> list[Event]:
    return [
        holds(at - 0.3, "C3", "2002"),
        dials(at - 0.2, "C9", "2002", interaction="I1"),
        established(at, "C9", "2003"),
        cleared(at + 8, "C9", "2003"),
        cleared(at + 8, "C9", "2002"),
        cleared(at + 20, "C3", "2002"),
    ]


def _hands_on(at: float) -> list[Event]:
    return [*_consults(at)[:3], transferred(at + 3, "C3", "C9", "C3", "2002", "2003"), cleared(at + 20, "C3", "2003")]


def _picks_up(at: float) -> list[Event]:
    waits = [queued(at - 2, "C9", "5002", queue="Two", interaction="I9"), rings(at - 1.9, "C9", "2004")]
    return [*waits, holds(at - 0.3, "C3", "2002"), established(at, "C9", "2002"), *_called(at)[3:]]


def _leaves(at: float) -> list[Event]:
    return [cleared(at - 0.3, "C3", "2002"), *_called(at)[1:4]]


OTHERS = [_called, _consults, _hands_on, _picks_up, _leaves]


def _flags(events: list[Event], recordings: list[tuple[str, str, float, float]], site: dict[str, bool]) -> object:
    replay = played(Case("", events, [], recordings), site)
    (leg,) = [leg for leg in replay.legs if leg.guid == "R2"]
    return replay.flags[leg.number]


@pytest.mark.parametrize("site", TIMES)
@pytest.mark.parametrize("is_conference", [False, True])
@pytest.mark.parametrize("after", [4.4, 11])
@pytest.mark.parametrize("other", OTHERS)
def test_a_recording_that_went_on_is_the_customers_whatever_call_its_phone_has_within_ten_seconds(
    other: Callable[[float], list[Event]], after: float, is_conference: bool, site: dict[str, bool]
) -> None:
    """QMS named none two seconds after the transfer, when another recording would have been there."""
    at = 38 + after
    recordings = [("R2", "2002", 25.1, 80.0), ("R4", "2002", at + 0.1, at + 3)]

    assert _flags(_consulted(13, is_conference=is_conference) + other(at), recordings, site) == CUSTOMER


@pytest.mark.parametrize("site", TIMES)
@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize("is_conference", [False, True])
@pytest.mark.parametrize("other", OTHERS)
def test_a_recording_that_may_have_gone_on_to_a_call_just_after_the_transfer_gets_what_both_have_in_common(
    other: Callable[[float], list[Event]], is_conference: bool, goes_on: bool, site: dict[str, bool]
) -> None:
    """The other call's recording begins when one that began with the transfer might not be there yet."""
    recordings = [("R2", "2002", 25.1, 38.6 if goes_on else 38), ("R4", "2002", 39, 41.0)]

    assert _flags(_consulted(13, is_conference=is_conference) + other(38.9), recordings, site) == OF_BOTH


@pytest.mark.parametrize("site", TIMES)
@pytest.mark.parametrize("length", [4, 13])
@pytest.mark.parametrize("after", [2, 6])
@pytest.mark.parametrize("other", OTHERS)
def test_a_recording_that_ended_at_the_transfer_is_the_consultations_where_qms_named_the_next_one(
    other: Callable[[float], list[Event]], after: float, length: float, site: dict[str, bool]
) -> None:
    moved = 25 + length
    at = moved + after
    recordings = [("R2", "2002", 25.1, moved), ("R3", "2002", moved + 0.1, at - 0.3), ("R4", "2002", at + 0.1, at + 3)]

    assert _flags(_consulted(length) + other(at), recordings, site) == CONSULTATION


@pytest.mark.parametrize("other", OTHERS)
def test_a_recording_that_qms_would_have_named_ended_at_the_transfer(other: Callable[[float], list[Event]]) -> None:
    recordings = [("R2", "2002", 25.1, 30.0), ("R4", "2002", 31, 33.0)]

    assert _flags(_consulted(5) + other(30.9), recordings, TIMES[1]) == CONSULTATION


@pytest.mark.parametrize(
    ("why", "attempts", "asked", "before"),
    [
        ("", 0, None, ""),
        ("", 3, 31.4, "none"),  # Too early: another recording might not be there yet.
        ("", 8, 31.5, NONE_BEGAN),
        ("none", 8, 32.5, NONE_BEGAN),
        ("none", 8, 32.6, "none"),  # Nobody asked in time.
        ("unreachable", 8, 32, "unreachable"),
        ("same", 8, 32, "same"),
    ],
)
def test_what_qms_had_answered_before_it_named_another_recording_says_whether_it_could_tell(
    why: str, attempts: int, asked: float | None, before: str
) -> None:
    assert why_before(why, attempts, moment(30), None if asked is None else moment(asked)) == before


@pytest.mark.parametrize(
    ("why", "began", "is_lost", "goes_on"),
    [
        (NONE_BEGAN, 43, False, True),
        ("none", 43, False, False),
        ("unreachable", 43, False, False),
        (NONE_BEGAN, 39.4, False, False),  # It may have been there, and was not named: QMS is slow.
        (NONE_BEGAN, 43, True, False),  # The call may be over since.
    ],
)
def test_a_leg_goes_on_where_qms_had_named_none_that_began_with_its_transfer(
    why: str, began: float, is_lost: bool, goes_on: bool
) -> None:
    board = Switchboard(with_site(has_source_times=True))
    board.call("Established", 5, "C1", "2001").call("Held", 20, "C1", "2001").call("Originated", 21, "C2", "2001")
    board.call("Established", 25, "C2", "2002").found(25.3, 2, "G2", started=25.1).hears(attended(38))
    if is_lost:
        board.hears(event("Lost", 39, family="link", name="test"))
    asked = board.searches[-1]
    found = RecordingFound(
        leg=asked.leg, search=asked.search, guid="G4", service=1, started_at=moment(began), attempts=9, at=moment(43.3)
    )
    board.hears(replace(found, why=why, holder=9, asked_at=moment(43.2), first_asked_at=moment(38.1)))
    holder = board.leg_of("C3")

    assert (holder.guid, holder.search) == ("G2" if goes_on else "", SearchStatus.FOUND if goes_on else holder.search)
