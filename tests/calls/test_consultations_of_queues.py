"""A queue is consulted, and the call handed on to it just after that is heard to be queued there; the id comes back.

2001 talks with Uma in C3 from 1, and dials the queue 5000 at 45 in C1. What is queued there waits no longer in C1 once
the call is handed on. The next call of that id has nothing of the queue.
"""

from itertools import product
from typing import Any

import pytest

from tests.relatives.case import Case, Event, cleared, dials, established, heard, holds, other, played, queued, rings

pytestmark = pytest.mark.core

#: What a consultation's events, and those of the id's next call, state beside that.
STATED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "interactions": ({"interaction": "I4"}, {"interaction": "I6", "number": "+49314"}),
    "nothing": ({}, {}),
    "a number": ({}, {"number": "+49314"}),
}
SITES: dict[str, dict[str, Any]] = {"no times": {"has_source_times": False}, "times": {}}


def _events(queued_at: float, again_at: float, to: str, stated: str) -> list[Event]:
    own, following = STATED[stated]
    named = {"primaryOldCallId": "C3", "secondaryOldCallId": "C1", "resultingCallId": "C3"}
    named |= {"transferredToDeviceId": to} if to else {}
    return [
        established(1, "C3", "2001", name="Uma", **own),
        holds(40, "C3", "2001"),
        dials(45, "C1", "2001", calledNumber="5000", cause="consultation", **own),
        queued(queued_at, "C1", "5000", queue="Sales", **own),
        other(45.6, "Transferred", transferringDeviceId="2001", **named),
        established(50, "C3", "2002", **own),
        rings(again_at, "C1", "2003", **following),
        established(again_at + 0.5, "C1", "2003", **following),
        cleared(80, "C1", "2003", **following),
        cleared(90, "C3", "2002", **own),
    ]


@pytest.mark.parametrize(("queued_at", "site"), [*product([45.1, 45.5], SITES), (45.0, "whole"), (45.5, "whole")])
@pytest.mark.parametrize("again_at", [48.6, 61.1, 75.0])
@pytest.mark.parametrize("to", ["5000", ""])
@pytest.mark.parametrize("stated", STATED)
def test_a_consulted_queue_is_the_call_s_that_is_handed_on_and_not_the_ids_next_one_s(
    queued_at: float, again_at: float, to: str, stated: str, site: str
) -> None:
    events = _events(queued_at, again_at, to, stated)
    if site == "whole":
        events = [heard(one["at"] + 0.02, {**one, "at": float(int(one["at"]))}) for one in events]
    recordings = [("R1", "2001", 1.1, 45.6), ("R2", "2002", 50.1, 90.0), ("R3", "2003", again_at + 0.6, 80.0)]
    replay = played(Case("", events, [], recordings, site={"queues": ["5000"], **SITES.get(site, {})}))

    queues = {leg.guid: leg.facts.queue_name for leg in replay.legs if leg.guid}
    assert queues == {"R1": "", "R2": "Sales", "R3": ""}


@pytest.mark.parametrize("interaction", ["I4", "I5"])
def test_what_is_queued_just_before_its_ids_former_call_is_handed_on_elsewhere_has_the_interaction_that_it_states(
    interaction: str,
) -> None:
    """Whoever comes later with another interaction is in another call. Without times of the source."""
    named = {"primaryOldCallId": "C3", "secondaryOldCallId": "C1", "resultingCallId": "C3"}
    events = [
        established(1, "C3", "2001", name="Uma", interaction="I4"),
        holds(40, "C3", "2001"),
        dials(43, "C1", "2001", cause="consultation", interaction="I4"),
        rings(44, "C1", "2002"),
        queued(45.5, "C1", "5000", queue="Sales", interaction=interaction),
        other(45.6, "Transferred", transferringDeviceId="2001", transferredToDeviceId="2002", **named),
        established(61, "C1", "2003", interaction="I6"),
        cleared(80, "C1", "2003"),
    ]
    site = {"queues": ["5000"], "has_source_times": False}

    leg = next(one for one in played(Case("", events, [], [], site=site)).legs if one.device_id == "2003")

    assert (leg.facts.queue_name, leg.facts.interaction_id) == ("", "I6")
