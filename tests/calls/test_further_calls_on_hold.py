"""A phone with a customer on hold talks with another one and dials: it consults about the one or the other.

Times are seconds after noon. 2001 holds Uma (C1) from 11 on, talks with Vic (C2) from 12 on, and dials C3 at 16.1.
"""

import pytest
from msgspec.structs import replace

from cti.events import AnyEvent
from tests.calls.switchboard import Switchboard, event, moment, with_site

pytestmark = pytest.mark.core


def _said(
    kind: str, at: float, call: str, device: str = "2001", *, heard: float | None = None, **data: str
) -> AnyEvent:
    one = event(kind, at, callId=call, deviceId=device, **data)
    return one if heard is None else replace(one, gatewaytime=moment(heard))


BEFORE = [
    _said("Established", 7, "C1", interactionId="IU"),
    _said("Held", 11, "C1"),
    _said("Established", 12, "C2", interactionId="IV"),
]
DIALLED = _said("Originated", 16.1, "C3", heard=16.2)
ANSWERED = _said("Established", 17.4, "C3", "2002")


def _interaction(*told: AnyEvent) -> str:
    """Return the interaction of the consultation; "own" where it is that of neither customer."""
    board = Switchboard(with_site()).hears(*BEFORE, *told).waits(30)
    known = next(leg.facts.interaction_id for leg in board.legs if leg.device_id == "2002")
    return known if known in ("IU", "IV") else "own"


WAYS: dict[str, tuple[list[AnyEvent], str]] = {
    "both are on hold": ([_said("Held", 16, "C2"), DIALLED, ANSWERED], "own"),
    "the second hold is heard after it dialled": ([DIALLED, _said("Held", 16, "C2", heard=16.25), ANSWERED], "own"),
    "the second hold is heard after the answer": ([DIALLED, ANSWERED, _said("Held", 16, "C2", heard=17.6)], "own"),
    "the second hold is not reported": ([DIALLED, ANSWERED], "own"),
    "the second customer has left": ([_said("ConnectionCleared", 15, "C2"), DIALLED, ANSWERED], "IU"),
    "the second customer has left, as is heard after it dialled": (
        [DIALLED, _said("ConnectionCleared", 16, "C2", heard=16.3), ANSWERED],
        "IU",
    ),
    "the second customer has left, as is heard after the answer": (
        [DIALLED, ANSWERED, _said("ConnectionCleared", 16, "C2", heard=17.5)],
        "IU",
    ),
    "the second customer's call is cleared, as is heard after the answer": (
        [DIALLED, ANSWERED, _said("CallCleared", 16, "C2", "", heard=17.5)],
        "IU",
    ),
    "the first customer is retrieved before": (
        [_said("Held", 14, "C2"), _said("Retrieved", 15, "C1"), _said("Held", 16, "C1"), DIALLED, ANSWERED],
        "own",
    ),
    "the first customer is retrieved before, and held again, as is not reported": (
        [_said("Held", 14, "C2"), _said("Retrieved", 14.1, "C1"), DIALLED, ANSWERED],
        "own",
    ),
    "the first customer has left": (
        [_said("ConnectionCleared", 14, "C1"), _said("Held", 16, "C2"), DIALLED, ANSWERED],
        "IV",
    ),
}


@pytest.mark.parametrize(("told", "interaction"), WAYS.values(), ids=WAYS)
def test_a_consultation_has_the_interaction_of_the_only_call_that_it_can_be_about(
    told: list[AnyEvent], interaction: str
) -> None:
    assert _interaction(*told) == interaction


def test_a_consultation_of_which_its_cause_says_so_is_about_any_call_of_its_phone() -> None:
    dialled = _said("Originated", 16.1, "C3", heard=16.2, cause="consultation")

    assert _interaction(dialled, ANSWERED) == "own"


def test_a_talk_from_before_the_call_on_hold_is_over_though_its_end_was_not_heard() -> None:
    board = Switchboard(with_site()).hears(_said("Established", 3, "C0", interactionId="I0"), *BEFORE)
    board.hears(_said("ConnectionCleared", 15, "C2"), DIALLED, ANSWERED).waits(30)

    assert next(leg.facts.interaction_id for leg in board.legs if leg.device_id == "2002") == "IU"
