"""A Recording Service that did not answer, or was not asked, while a call lasted, and names nothing when it is over."""

from datetime import timedelta

import pytest
import redis as redis_client

from calls.models import RecordingSearch
from simulators.qms.records import Troubles
from tests.journeys.stack import GatewayStack
from tests.journeys.test_late_posts import posts

pytestmark = pytest.mark.django_db(transaction=True)

UNREACHABLE, NONE = ("window_missed", "unreachable"), ("not_recorded", "none")
ASKED_LATE = ("window_missed", "late")


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway that looks for due searches whenever it is asked to."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def outcome_of(gateway: GatewayStack) -> tuple[str, str]:
    """Return the outcome and the reason of the only leg, whose only search was asked."""
    [leg] = gateway.legs()
    assert RecordingSearch.objects.get().attempts
    return leg.outcome, leg.reason_code or "none"


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
    gateway: GatewayStack, silent: float, lasts: float, why: tuple[str, str]
) -> None:
    """Before: *QMS had no recording*, out of the flagged share, of each call that ended while QMS was away."""
    gateway.qms.troubles["rs1"] = Troubles(down=silent > 0)
    gateway.call("Established", "C1", "2001")
    for tick in range(1, 24):
        gateway.passes(0.5)
        if tick / 2 >= silent:
            gateway.qms.troubles["rs1"] = Troubles()
        if lasts <= tick / 2 < lasts + 0.5:
            gateway.call("ConnectionCleared", "C1", "2001")
    gateway.passes(5)

    assert outcome_of(gateway) == why


@pytest.mark.parametrize(
    ("asked_after", "lasts", "why"),
    [
        (4, 3, ASKED_LATE),
        (4, 4.5, ASKED_LATE),  # A recording may be over a moment before its call.
        (9.5, 60, ASKED_LATE),
        (4, 60, NONE),
        (0.5, 0.3, NONE),
    ],
)
def test_what_qms_is_asked_first_after_the_call_or_the_window_is_asked_too_late(
    gateway: GatewayStack, asked_after: float, lasts: float, why: tuple[str, str]
) -> None:
    """Before: *QMS had no recording*, out of the flagged share, of each call that a slow gateway asked for late."""
    gateway.call("Established", "C1", "2001")
    gateway.fold()
    for _ in range(24):
        gateway.time += timedelta(seconds=0.5)
        now = (gateway.time - gateway.begin).total_seconds()
        if lasts <= now < lasts + 0.5:
            gateway.call("ConnectionCleared", "C1", "2001")
        gateway.fold()
        if now >= asked_after:
            gateway.works()
    gateway.passes(60)

    assert outcome_of(gateway) == why


def test_a_late_post_that_is_asked_for_at_once_is_not_the_delay_of_the_gateway(gateway: GatewayStack) -> None:
    begun = gateway.event("Established", at=0, callId="C1", deviceId="2001")
    gateway.passes_unheard(5)
    posts(gateway, begun)
    gateway.passes(0.1)
    gateway.call("ConnectionCleared", "C1", "2001")
    gateway.passes(0.1)
    gateway.passes(30)

    assert outcome_of(gateway) == NONE


@pytest.mark.parametrize(("next_after", "why"), [(10.5, "late"), (14.5, "late"), (9.5, "next_call")])
def test_a_search_that_nobody_asked_is_over_with_its_window_before_the_next_call(
    gateway: GatewayStack, next_after: float, why: str
) -> None:
    """Before: *the next call began*, of a call whose window had been over for seconds; no worker had asked."""
    gateway.call("Established", "C1", "2001")
    gateway.fold()
    gateway.time += timedelta(seconds=6)
    gateway.call("ConnectionCleared", "C1", "2001")
    gateway.fold()
    gateway.time = gateway.begin + timedelta(seconds=next_after)
    gateway.call("Established", "C2", "2001")
    gateway.time += timedelta(seconds=0.6)
    gateway.ask()
    gateway.fold()

    first = min(gateway.legs(), key=lambda leg: leg.connected_at)
    assert (first.outcome, first.reason_code) == ("window_missed", why)
