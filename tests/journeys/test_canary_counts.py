"""A canary call is counted nowhere: every number of the gateway is the same before, during and after it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
import redis as redis_client
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from prometheus_client.metrics_core import Metric

from agents.models import CallsAtRisk
from calls.export.filters import LegFilter, filtered
from calls.models import Leg, RecordingSearch
from calls.objectives.months import month_report
from calls.report.causes import causes
from calls.report.figures import report
from calls.report.query import Breakdown, ReportQuery
from calls.stats.search_summary import service_searches
from calls.stats.unmatched_calls import report_unmatched_calls
from calls.ui.live import LiveFilter, live_calls
from cti.api import mint_token
from flags.models import AlertCount, FlagWrite, ShadowCount, WriteState
from gateway_site.alarms.incidents import _legs_hit
from gateway_site.alarms.models import AlarmRule, Incident
from gateway_site.dashboard.page import figures
from gateway_site.ops.metrics import GatewayCollector
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import ask, steps
from launcher.demo_counts import tally
from qms.port import QmsRejected
from telemetry.counters import FLAGGED_SECONDS, GUID_SECONDS, LEGS_ENDED
from tests.journeys.canaries import TEST_PHONE, CanaryStack

pytestmark = pytest.mark.django_db
#: Gauges that are about the work itself, and those of the canary.
_OF_THE_WORK = (
    "gateway_build",
    "gateway_disk",
    "gateway_part",
    "gateway_journal",
    "gateway_heartbeat",
    "gateway_bound",
)
_OTHERS = (*_OF_THE_WORK, "gateway_archive", "gateway_events", "gateway_canary", "gateway_service")


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> CanaryStack:
    """Give a gateway that has flagged one call, missed one and has a third in progress."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = CanaryStack()
    stack.connects("C1", "2001")
    stack.passes(1)
    stack.clears("C1", "2001")
    stack.call("Established", "C2", "2900")
    stack.connects("C3", "2002")
    stack.passes(2)
    return stack


def tables() -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of every table of counts."""
    counts = [one for one in apps.get_app_config("calls").get_models() if one.__name__.endswith(("Count", "Latency"))]
    assert len(counts) > 8
    others: list[type[Model]] = [CallsAtRisk, AlertCount, ShadowCount]
    for model in (*counts, *others):
        columns = [one.attname for one in model._meta.concrete_fields if not one.primary_key]
        yield sorted((row for row in model._default_manager.values_list(*columns) if row[-1]), key=repr)


def samples(now: datetime) -> list[tuple[str, Any, float]]:
    """Return the gauges, and the counters of legs."""
    families: list[Metric] = [one for one in GatewayCollector().collect() if not one.name.startswith(_OTHERS)]
    families += [one for counter in (LEGS_ENDED, GUID_SECONDS, FLAGGED_SECONDS) for one in counter.collect()]
    found = [one for family in families for one in family.samples]
    return [(one.name, one.labels, one.value) for one in found if not one.name.endswith("_created")]


def numbers(gateway: CanaryStack, now: datetime) -> dict[str, object]:
    """Return every number that the gateway shows, as of a moment."""
    report_unmatched_calls(now)
    dashboard = figures(now)
    asked = [ReportQuery.read({"period": "today", "by": by}, now.date()) for by in Breakdown]
    return {
        "tables": list(tables()),
        "metrics": samples(now),
        "dashboard": [dashboard.in_progress, dashboard.searches_open, dashboard.writes_open],
        "today": [dashboard.today, dashboard.chart],
        "reports": [msgspec.structs.replace(report(one), query=one) for one in asked],
        "month": month_report(date(now.year, now.month, 1), now),
        "causes": causes(now),
        "searches": service_searches(gateway.service.pk, now),
        "live": live_calls(LiveFilter(), gateway.begin, may_see_callers=True),
        "export": list(filtered(LegFilter(), may_see_callers=True).values_list("pk", flat=True)),
        "demo": tally(),
        "incident": _legs_hit(Incident(rule=AlarmRule.objects.first(), began_at=gateway.begin), now),
    }


def test_no_number_changes_whatever_becomes_of_a_canary_call(
    gateway: CanaryStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = gateway.begin + timedelta(minutes=30)
    monkeypatch.setattr("clock.now", lambda: at)
    before = numbers(gateway, at)
    assert before["dashboard"] == ["2", "0", "0"]
    with gateway.with_recorder():
        while_it_goes_on(gateway, before, at)
        monkeypatch.setattr(gateway.qms, "write_flags", refuses)
        assert gateway.follow().is_red
    gateway.set(canary_recorder_api="")
    assert not gateway.follow().is_red

    outcomes = Leg.objects.filter(is_canary=True).order_by("id").values_list("outcome", flat=True)
    assert list(outcomes) == ["flagged", "refused", "not_recorded"]
    assert FlagWrite.objects.get(state=WriteState.REFUSED).is_canary
    assert numbers(gateway, at) == before
    call_command("rebuild_counts", verbosity=0)
    assert numbers(gateway, at) == before


def while_it_goes_on(gateway: CanaryStack, before: dict[str, object], at: datetime) -> None:
    """Let a canary call pass, and compare the numbers with it connected, with its search open and its write waiting."""
    seen = set()
    call = gateway.begins()
    while call.ended_at is None:
        call = gateway.look(call)
        gateway.fold()
        assert numbers(gateway, at) == before
        seen |= {"search"} if RecordingSearch.objects.filter(is_canary=True, state="open").exists() else set()
        gateway.ask()
        gateway.time += timedelta(seconds=1.1)
        gateway.fold()
        assert numbers(gateway, at) == before
        seen |= {"write"} if FlagWrite.objects.filter(is_canary=True, state=WriteState.QUEUED).exists() else set()
        gateway.deliver()
    assert not call.is_red
    assert seen == {"search", "write"}


def refuses(*_: object) -> None:
    """Refuse flags."""
    raise QmsRejected("No.")


def test_the_comparison_with_qms_leaves_canary_recordings_out(gateway: CanaryStack) -> None:
    with gateway.with_recorder():
        gateway.follow()
        without_a_leg = gateway.look(gateway.begins()).recording_guid
    another = gateway.qms.connected(TEST_PHONE, gateway.time)
    gateway.clears("C3", "2002")
    gateway.passes(2)
    run = ask(
        gateway.service, gateway.begin - timedelta(hours=1), gateway.begin + timedelta(hours=2), "Ada", later(gateway)
    )
    for _ in steps(run, lambda: later(gateway), gateway.connect):
        pass

    assert without_a_leg
    assert another
    assert (run.error, run.recordings, run.legs) == ("", 3, 3)
    assert ReconciliationFinding.objects.get(extension=TEST_PHONE).recording_guid == another.guid


def later(gateway: CanaryStack) -> datetime:
    """Return when the calls are old enough to be compared."""
    return gateway.begin + timedelta(days=2)


def test_lists_show_canary_calls_only_where_they_are_asked_for(gateway: CanaryStack) -> None:
    gateway.follow()
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    address = reverse("admin:calls_leg_changelist")
    token = mint_token(gateway.source).text
    api = client.get("/api/legs", headers={"Authorization": f"Bearer {token}"}).json()

    assert extensions(client, address) == {"2001", "2002", "2900"}
    assert extensions(client, f"{address}?canary=only") == {TEST_PHONE}
    assert {leg["deviceId"] for leg in api["legs"]} == {"2001", "2002", "2900"}


def extensions(client: Client, address: str) -> set[str]:
    """Return the extensions of a list of legs."""
    return {leg.device_id for leg in client.get(address).context["cl"].result_list}
