"""An outbound call that is answered and over within a second has the flags of a longer one.

2001 dials at 16.5 and reaches the network at once; from 18.5 on its call is taken as connected and QMS is asked for its
recording. The far end answers later. Times are seconds.
"""

from typing import Any

import pytest

from tests.relatives.case import Case, Event, Recording, call_cleared, cleared, dials, established, heard, other, played

pytestmark = pytest.mark.core

WITHOUT_TIMES = {"has_source_times": False}


def _dialled(ended: float) -> list[Event]:
    began = [dials(16.5, "C1", "2001", interaction="I1"), other(16.5, "NetworkReached", "C1", "T1")]
    return [*began, cleared(ended, "C1", "2001")]


def _flags(events: list[Event], recordings: list[Recording], qms: dict[str, Any], site: dict[str, Any]) -> str:
    replay = played(Case("", events, [], recordings=recordings, site=site, qms=qms))
    (leg,) = [leg for leg in replay.legs if leg.device_id == "2001"]
    flags = replay.flags.get(leg.number, {})
    return f"{leg.guid} {flags.get('AgentId')} {flags.get('InteractionGuid')} {leg.missed}".strip()


#: What QMS takes to answer, the pause between two questions, when the far end answers, from when to when QMS records.
SEARCHES: dict[str, tuple[float, float, float, float, float]] = {
    "asked between the answer and its next question": (0.3, 0.5, 20.7, 20.8, 21.11),
    "asked before the answer, which is heard late": (0.3, 0.5, 20.9, 20.45, 20.85),
    "asked at the answer": (0.3, 0.5, 20.7, 20.7, 20.9),
    "asked after the answer": (0.1, 0.2, 20.72, 20.85, 20.95),
    "asked after the dialling's search is over": (0.3, 0.5, 28.6, 28.7, 29.4),
}


@pytest.mark.parametrize(("answer", "interval", "answered", "began", "ended"), SEARCHES.values(), ids=SEARCHES)
def test_a_short_recording_is_found_by_either_search(
    answer: float, interval: float, answered: float, began: float, ended: float
) -> None:
    events = [*_dialled(ended + 0.1), heard(answered, established(min(began, answered), "C1", "T1"))]
    qms = {"answer_seconds": answer, "interval_seconds": interval}

    assert _flags(events, [("R1", "2001", began, ended)], qms, {}) == "R1 9101 I1"


@pytest.mark.parametrize("far_end", ["T1", "+49301"])
@pytest.mark.parametrize("lasted", [0.3, 0.6, 0.99, 1.5])
@pytest.mark.parametrize("site", [{}, WITHOUT_TIMES])
def test_its_call_is_its_own_where_it_is_cleared_within_a_second_of_its_answer(
    site: dict[str, Any], lasted: float, far_end: str
) -> None:
    answered, ended = established(20, "C1", far_end), 20 + lasted
    events = [*_dialled(ended), answered, call_cleared(ended + 0.01, "C1")]

    assert _flags(events, [("R1", "2001", 20.02, ended)], {"answer_seconds": 0.05}, site) == "R1 9101 I1"
