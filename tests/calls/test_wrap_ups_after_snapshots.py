"""Of which leg a wrap-up is where a snapshot that states no interaction parted the call.

Seconds after noon; wrap-ups are awaited for 120 s.
"""

from typing import Any

import pytest

from tests.calls.switchboard import Switchboard, event
from tests.calls.test_wrap_up_edges import SITE, wrapped_up

pytestmark = pytest.mark.core

I1 = {"interactionId": "I1"}


def rings(board: Switchboard, at: float, **stated: Any) -> Switchboard:
    """A queue's call rings at 2002."""
    board.call("Delivered", at, "C1", "5000", cause="enteringDistribution", queueName="Sales", **stated)
    board.call("Diverted", at, "C1", "5000", cause="distributed", newDestination="2002", **stated)
    return board.call("Delivered", at, "C1", "2002", cause="distributed", queueName="Sales", **stated)


def found_ringing(rang_at: float, stated: dict[str, str], before: Switchboard | None = None) -> Switchboard:
    """The link is lost from 100 to 110; a snapshot at 120 finds the call of 2002 and states no interaction of it."""
    board = before or Switchboard(SITE)
    if rang_at < 100:
        rings(board, rang_at, **stated)
    board.hears(event("Lost", 100, family="link"), event("Restored", 110, family="link"))
    if rang_at > 110:
        rings(board, rang_at, **stated)
    board.hears(event("Began", 120, family="snapshot"))
    board.call("Delivered", 120, "C1", "2002", cause="snapshot")
    return board.hears(event("Ended", 120, family="snapshot"))


def answered(board: Switchboard, device: str = "2001", **stated: Any) -> Switchboard:
    """2002 does not answer, but the device to which the call is led."""
    board.call("Diverted", 122, "C1", "2002", cause="callForwardNoAnswer", newDestination=device, **stated)
    board.call("Delivered", 122, "C1", device, cause="callForwardNoAnswer", **stated)
    board.call("Established", 124, "C1", device, cause="callForwardNoAnswer", **stated)
    return board.call("ConnectionCleared", 128, "C1", device, **stated)


@pytest.mark.parametrize("rang_at", [95, 119.99])
@pytest.mark.parametrize(("named", "result"), [({"deviceId": "2001"}, "sold"), ({}, "")])
def test_a_wrap_up_is_of_the_leg_after_the_snapshot_where_both_parts_state_its_interaction(
    rang_at: float, named: dict[str, str], result: str
) -> None:
    board = answered(found_ringing(rang_at, I1), **I1)

    assert wrapped_up(board, 131, **named, **I1) == [result]


def test_a_wrap_up_is_of_none_where_its_extension_rang_before_the_snapshot() -> None:
    """It may have answered in the gap."""
    board = answered(found_ringing(95, I1), "2002", **I1)

    assert wrapped_up(board, 131, deviceId="2002", **I1) == [""]


@pytest.mark.parametrize(
    ("before", "after", "stated"),
    [
        (I1, I1, {}),  # No interaction says that it is not of a call in the gap.
        ({}, {}, I1),  # Neither part is known to have that interaction.
        (I1, {"interactionId": "I2"}, I1),  # The id's next call is another one.
        (I1, I1, {"interactionId": "I2"}),
    ],
)
def test_a_wrap_up_is_of_none_where_its_interaction_does_not_join_the_parts(
    before: dict[str, str], after: dict[str, str], stated: dict[str, str]
) -> None:
    board = answered(found_ringing(119.99, before), **after)

    assert wrapped_up(board, 131, deviceId="2001", **stated) == [""]


def test_a_wrap_up_is_of_none_where_its_extension_had_a_leg_in_both_parts() -> None:
    board = Switchboard(SITE).call("Established", 90, "C1", "2001", **I1)
    board.call("Diverted", 92, "C1", "2001", cause="callForward", newDestination="5000", **I1)
    board = answered(found_ringing(95, I1, board), **I1)

    assert wrapped_up(board, 131, deviceId="2001", **I1) == ["", ""]


def _rang_on(gap: float, *, answered_by: str = "2001") -> Switchboard:
    """A phone rings from 99 on; the link is lost at 100, and a snapshot without interactions finds it ringing."""
    board = Switchboard(SITE).call("Queued", 80, "C1", "5000", queueName="Sales", **I1)
    board.call("Delivered", 99, "C1", "2001").hears(event("Lost", 100, family="link"))
    board.hears(event("Restored", 100 + gap, family="link"), event("Began", 100 + gap, family="snapshot"))
    board.call("Delivered", 100 + gap, "C1", answered_by, cause="snapshot")
    board.hears(event("Ended", 100 + gap, family="snapshot"))
    board.call("Established", 111, "C1", answered_by, queueName="Sales", **I1)
    return board.call("ConnectionCleared", 120, "C1", answered_by, **I1)


@pytest.mark.parametrize("gap", [1.5, 3])
@pytest.mark.parametrize("named", [{"deviceId": "2001", **I1}, {"deviceId": "2001"}, I1])
def test_a_wrap_up_is_of_the_phone_that_rang_before_and_after_a_short_gap(gap: float, named: dict[str, str]) -> None:
    """In so short a time it has not answered, talked, and been called again."""
    assert wrapped_up(_rang_on(gap), 125, **named) == ["sold"]


@pytest.mark.parametrize(
    "board",
    [_rang_on(3.1), _rang_on(1.5, answered_by="2002")],
    ids=["the gap was longer", "another phone rings after it"],
)
def test_a_wrap_up_of_a_phone_that_may_have_answered_in_the_gap_is_of_none(board: Switchboard) -> None:
    assert wrapped_up(board, 125, deviceId="2001", **I1) == [""]
