"""Calls whose recording can no longer be named as they become known: whose delay it was, on every page alike."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from calls.models import Leg
from calls.objectives.months import month_report
from calls.report.causes import cause_report
from calls.ui.leg_page import leg_page
from cti.http_intake.batch import read_items
from cti.journal.dedup import append_unique
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import ask, steps
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True)


def posts(gateway: GatewayStack, *events: dict[str, Any]) -> None:
    """Post events as the source's program does, at this moment."""
    reading = read_items([msgspec.json.encode(one) for one in events], gateway.source.slug, gateway.time)
    assert not reading.rejected
    append_unique(gateway.source.slug, reading.arrivals)


@pytest.mark.parametrize(
    ("posted_after", "folded_after", "reason", "said"),
    [
        (3600, 3600, "heard_late", "Look at CTI source pbx: how late its events were"),
        (9.2, 9.2, "heard_late", "Look at CTI source pbx: how late its events were"),
        (0, 3600, "late", "The delay is the gateway's"),
    ],
)
def test_the_delay_is_whose_it_was(
    redis: object, posted_after: float, folded_after: float, reason: str, said: str
) -> None:
    """Before: that of a program which posted hours later was the gateway's."""
    gateway = GatewayStack()
    told = [
        gateway.event("Established", at=0, callId="C1", deviceId="2001"),
        gateway.event("ConnectionCleared", at=5, callId="C1", deviceId="2001"),
    ]
    gateway.passes_unheard(posted_after)
    posts(gateway, *told)
    gateway.passes_unheard(folded_after - posted_after)
    gateway.passes(1)
    gateway.passes(30)

    leg = Leg.objects.get()
    assert (leg.outcome, leg.reason_code) == ("window_missed", reason)
    assert said in leg_page(leg, may_see_callers=False).advice
    cause = cause_report(leg.outcome, reason, gateway.time)
    assert cause is not None
    assert said in cause.advice
    assert [(one.slug, one.legs) for one in cause.sources] == [("pbx", 1)]
    [loss] = month_report(date(2026, 3, 1), gateway.time).losses
    assert said in loss.advice


def test_a_recording_whose_call_was_posted_by_a_clock_that_is_behind_is_shown_with_it(redis: object) -> None:
    """Before: "no CTI source reported a call", and beside it a leg without recording."""
    gateway = GatewayStack()
    gateway.passes_unheard(60)
    gateway.qms.connected("2001", gateway.time)
    posts(gateway, gateway.event("Established", at=30, callId="C1", deviceId="2001"))
    gateway.passes(8)
    gateway.qms.disconnected("2001", gateway.time)
    posts(gateway, gateway.event("ConnectionCleared", at=38, callId="C1", deviceId="2001"))
    gateway.passes(30)
    later = gateway.time + timedelta(hours=3)
    for _ in steps(ask(gateway.service, gateway.begin, later, "Ada", later), lambda: later, gateway.connect):
        pass

    [finding] = ReconciliationFinding.objects.all()
    assert (finding.cause, finding.is_repairable) == ("heard_late", False)
    assert finding.candidates == [Leg.objects.get().pk]
