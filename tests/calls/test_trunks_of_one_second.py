"""A trunk that stays, and a phone that comes under the id in the whole second in which the call's last phone leaves.

Jo talks with 2001 through the trunk T1, whose end is not reported. 2001 leaves at 20, as is heard after what else came
in that second; 2002 talks until 40.
"""

import pytest

from tests.relatives.case import (
    JO,
    Case,
    Event,
    cleared,
    diverted,
    established,
    heard,
    played,
    queued,
    rings,
    transferred,
)

pytestmark = pytest.mark.core

QUEUED = queued(20, "100", "5000", queue="Orders")
RINGS = rings(20, "100", "2002")
ANSWERS = established(20, "100", "2002")
LATER = established(24, "100", "2002")
LEFT = cleared(20, "100", "2001")
RANG, PICKED_UP = rings(18, "100", "2003"), diverted(20, "100", "2003", "2002", cause="callPickup")


def _of_second(events: list[Event]) -> tuple[str, str]:
    """Return queue and name of the recording of 2002."""
    told = [queued(1, "100", **JO), established(5, "100", "2001"), established(6, "100", "T1"), *events]
    told.append(cleared(40, "100", "2002"))
    told = [heard(one["at"] + 0.1 + place / 20, one) for place, one in enumerate(told)]
    began = 24.3 if LATER in events else 20.7
    recordings = [("R1", "2001", 5.2, 20.0), ("R2", "2002", began, 40.0)]
    replay = played(Case("", told, [], recordings, site={"queues": ["5000"]}))
    flags = next(replay.flags[leg.number] for leg in replay.legs if leg.guid == "R2")
    return flags.get("QueueName", ""), flags.get("CallerName", "")


@pytest.mark.parametrize("events", [[ANSWERS, LEFT], [RINGS, ANSWERS, LEFT], [RINGS, LEFT, LATER]])
def test_a_phone_to_which_nothing_led_the_call_is_in_the_next_one(events: list[Event]) -> None:
    assert _of_second(events) == ("", "")


@pytest.mark.parametrize(
    ("events", "queue"),
    [
        pytest.param([QUEUED, LEFT, LATER], "Orders", id="queued"),
        pytest.param([queued(20, "100"), RINGS, LEFT, LATER], "Sales", id="queued without a name"),
        pytest.param([QUEUED, ANSWERS, LEFT], "Orders", id="queued and answered"),
        pytest.param([QUEUED, RINGS, LEFT, LATER], "Orders", id="queued and rings"),
        pytest.param([diverted(20, "100", "2001", "2002"), RINGS, ANSWERS, LEFT], "Sales", id="led on"),
        pytest.param([transferred(20, "100", "", "100", "2001", "2002"), ANSWERS, LEFT], "Sales", id="handed on"),
        pytest.param([RANG, PICKED_UP, ANSWERS, LEFT], "Sales", id="picked up where it rang"),
        pytest.param([PICKED_UP, ANSWERS, LEFT], "Sales", id="picked up where it was not heard to ring"),
        pytest.param([established(20, "100", "2002", interaction="I1"), LEFT], "Sales", id="states its interaction"),
    ],
)
def test_a_call_that_was_led_on_in_that_second_keeps_its_caller(events: list[Event], queue: str) -> None:
    assert _of_second(events) == (queue, "Jo")
