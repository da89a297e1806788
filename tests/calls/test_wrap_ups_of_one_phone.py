"""Of which call a wrap-up is that names a phone which had two calls of the id. Wrap-ups are awaited for 30 s."""

from typing import Any

import pytest

from tests.calls.switchboard import Switchboard, event, with_site
from tests.calls.test_wrap_up_edges import wrapped_up

pytestmark = pytest.mark.core

SITE = with_site(wrapup_wait_seconds=30)


def _twice(first: float | None, *, end: float | None = 50, second: float = 40, **data: Any) -> Switchboard:
    """2001 has C1 from 10 to 19, and wraps it up at ``first``; it has the next call of the id from ``second`` on."""
    board = Switchboard(SITE).call("Established", 10, "C1", "2001").call("ConnectionCleared", 19, "C1", "2001")
    if first is not None:
        board.call("CallInformation", first, "C1", "2001", wrapup={"result": "first"})
    board.call("Queued", second - 5, "C1", queueName="Sales", **data).call("Established", second, "C1", "2001")
    return board if end is None else board.call("ConnectionCleared", end, "C1", "2001")


@pytest.mark.parametrize("data", [{}, {"interactionId": "I2"}])
@pytest.mark.parametrize(("first", "at"), [(21, 48), (21, 52), (34, 48), (None, 50.1)])
def test_a_wrap_up_is_of_the_last_call_of_its_phone_that_owes_none_for_the_one_before(
    first: float | None, at: float, data: dict[str, Any]
) -> None:
    board = _twice(first, end=47, **data)

    assert wrapped_up(board, at, deviceId="2001") == ["first" if first else "", "sold"]


@pytest.mark.parametrize(
    ("first", "end", "at"),
    [
        (None, 45, 46),  # It may be of the first call: that is awaited until 49.
        (None, 45, 50),  # Until 49 by a clock that may differ by a second.
        (21, None, 46),  # It talks: the agent may wrap the first up again.
    ],
)
def test_a_wrap_up_that_may_be_of_the_call_before_is_of_none(first: float | None, end: float | None, at: float) -> None:
    board = _twice(first, end=end)

    assert wrapped_up(board, at, deviceId="2001") == ["first" if first else "", ""]


def test_a_wrap_up_that_names_no_phone_is_of_none_of_two_calls() -> None:
    assert wrapped_up(_twice(21), 52) == ["first", ""]


def test_a_wrap_up_of_an_earlier_connection_is_none_of_the_next_one_in_the_same_call() -> None:
    """2001 wrapped C1 up, and was connected in it once more, before the id named another call."""
    board = Switchboard(SITE).call("Queued", 1, "C1", queueName="Sales").call("Established", 5, "C1", "2002")
    board.call("Established", 10, "C1", "2001").call("ConnectionCleared", 12, "C1", "2001")
    board.call("CallInformation", 13, "C1", "2001", wrapup={"result": "first"})
    board.call("Established", 15, "C1", "2001").call("ConnectionCleared", 19, "C1", "2001")
    board.call("ConnectionCleared", 19, "C1", "2002").call("Established", 30, "C1", "2001")
    board.call("ConnectionCleared", 40, "C1", "2001")

    assert wrapped_up(board, 45, deviceId="2001") == ["", "first", "", ""]


def test_a_wrap_up_of_a_phone_whose_earlier_call_was_handed_on_is_of_none() -> None:
    """It may wrap that up under its former id."""
    board = Switchboard(SITE).call("Queued", 1, "C1", queueName="Sales").call("Established", 5, "C1", "2001")
    names = {"primaryOldCallId": "C1", "resultingCallId": "C3"}
    board.hears(event("Transferred", 10, transferringDeviceId="2001", transferredToDeviceId="2002", **names))
    board.call("Established", 12, "C3", "2002").call("Established", 20, "C1", "2001")
    board.call("ConnectionCleared", 30, "C1", "2001")

    assert wrapped_up(board, 32, deviceId="2001") == ["", "", ""]
