"""A link that broke is soon tried again, one that was refused is not."""

import pytest

from cti.listener.backoff import Backoff
from cti.sources.port import LinkError, LoginRefused

BROKE, REFUSED = LinkError("the link broke"), LoginRefused("the login is refused", "Correct it")


def test_a_link_that_broke_is_tried_again_within_five_seconds_however_often() -> None:
    pace = Backoff()
    pauses = [pace.pause(BROKE, 0) for _ in range(20)]

    assert 0.25 <= pauses[0] <= 1
    assert all(2.5 <= one <= 5 for one in pauses[5:])


def test_a_link_that_held_begins_again_with_the_shortest_pause() -> None:
    pace = Backoff()
    for _ in range(10):
        pace.pause(BROKE, 0)

    assert pace.pause(BROKE, 31) <= 0.5


def test_a_refusal_is_tried_again_after_a_minute_and_then_every_five() -> None:
    """Three tries in ten minutes: fewer than any fail2ban counts."""
    pace = Backoff()
    first, *others = [pace.pause(REFUSED, 0) for _ in range(4)]

    assert 60 <= first <= 66
    assert all(300 <= one <= 330 for one in others)


def test_a_link_that_broke_in_between_forgets_no_refusal() -> None:
    """A PBX that has banned an address does not answer it for a while."""
    pace = Backoff()
    pace.pause(REFUSED, 0)
    assert pace.pause(BROKE, 0) <= 5
    assert pace.pause(REFUSED, 0) >= 300


@pytest.mark.parametrize("forget", [Backoff.reset, Backoff.linked])
def test_a_link_that_came_up_and_other_settings_forget_the_refusals(forget: object) -> None:
    pace = Backoff()
    pace.pause(REFUSED, 0)
    assert callable(forget)
    forget(pace)
    assert pace.pause(REFUSED, 0) < 70
