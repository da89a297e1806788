"""A Recording Service that did not answer while a call lasted, and names nothing when the call is over."""

import pytest
import redis as redis_client

from calls.models import RecordingSearch
from simulators.qms.records import Troubles
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True)

UNREACHABLE, NONE = ("window_missed", "unreachable"), ("not_recorded", "none")


@pytest.mark.parametrize(
    ("silent", "lasts", "why"),
    [
        (9, 4, UNREACHABLE),
        (2, 2.5, UNREACHABLE),  # A recording may be over a moment before its call.
        (9, 60, NONE),
        (2, 4, NONE),
        (0, 0.5, NONE),
    ],
)
def test_what_qms_answers_first_after_the_call_does_not_show_that_it_had_no_recording(
    redis: redis_client.Redis,
    monkeypatch: pytest.MonkeyPatch,
    silent: float,
    lasts: float,
    why: tuple[str, str],
) -> None:
    """Before: *QMS had no recording*, out of the flagged share, of each call that ended while QMS was away."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = GatewayStack()
    gateway.qms.troubles["rs1"] = Troubles(down=silent > 0)
    gateway.call("Established", "C1", "2001")
    for tick in range(1, 24):
        gateway.passes(0.5)
        if tick / 2 >= silent:
            gateway.qms.troubles["rs1"] = Troubles()
        if lasts <= tick / 2 < lasts + 0.5:
            gateway.call("ConnectionCleared", "C1", "2001")
    gateway.passes(5)

    [leg] = gateway.legs()
    assert (leg.outcome, leg.reason_code or "none") == why
    assert RecordingSearch.objects.get().attempts
