"""A queue is one queue however its name is spelt: in reports, lists, exports, API and search, as in its flag."""

import csv
from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.test import Client

import clock
from calls.export import jobs
from calls.export.filters import LegFilter, filtered
from calls.models import NO_VALUE, Leg, QueueName
from calls.objectives.months import month_report
from calls.report.figures import report
from calls.report.pickers import pickers
from calls.report.query import ReportQuery
from calls.rest.views import view_legs
from calls.stats.dimensions import local_day
from calls.stats.queue_names import spellings_of
from calls.ui.find import find_calls
from calls.ui.live import LiveFilter, live_calls
from calls.ui.renamed_entities import earlier_names
from tests.journeys.stack import GatewayStack

pytestmark = [pytest.mark.storage, pytest.mark.django_db(transaction=True, serialized_rollback=True)]
SPELT = {"C1": "Sales", "C2": "Sales ", "C3": " Sales\t", "C4": "Service", "C5": "  ", "C6": "None"}


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give calls of one queue under three names, of another one, and of none."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    gateway = GatewayStack()
    gateway.log_on("A1", "2001", "Ada")
    for call_id, queue in SPELT.items():
        call(gateway, call_id, queue)
    monkeypatch.setattr("clock.now", lambda: gateway.time + timedelta(minutes=5))
    return gateway


def call(gateway: GatewayStack, call_id: str, queue: str) -> None:
    """Let a call of a queue be flagged."""
    gateway.connects(call_id, "2001", queueName=queue)
    gateway.passes(4)
    gateway.clears(call_id, "2001")
    gateway.passes(20)


def calls_of(legs: Iterable[Leg]) -> list[str]:
    """Return which of the calls these legs are of."""
    return sorted(one.call_id for one in legs)


def test_every_spelling_is_kept_and_the_flag_has_one(gateway: GatewayStack) -> None:
    assert [one.queue_name for one in gateway.legs()] == list(SPELT.values())
    assert {flags.get("QueueName") for flags in gateway.flags("2001")} == {"Sales", "Service", None}
    assert sorted(spellings_of("Sales")) == sorted(spellings_of(" Sales")) == [" Sales\t", "Sales", "Sales "]
    assert sorted(spellings_of(NO_VALUE)) == ["", "  ", "None"]


def test_a_report_counts_a_queue_once_and_its_numbers_lead_to_all_its_legs(
    gateway: GatewayStack, admin_client: Client
) -> None:
    """Before: "Sales" and "Sales " were two lines of one look, each with a part of the legs."""
    query = ReportQuery.read({"period": "today", "by": "queue"}, local_day(clock.now()))
    lines = report(query).lines
    assert {line.name: line.tally.legs for line in lines} == {"Sales": 3, "Service": 1, "none": 2}
    [picker] = [one for one in pickers(query, ()) if one.name == "queue"]
    assert [value for value, _ in picker.choices] == ["Sales", "Service", NO_VALUE]
    for line in lines:
        listed = admin_client.get(line.all_address).context["cl"]
        assert len(listed.result_list) == line.tally.legs
        narrower = report(ReportQuery.read(dict(parse_qsl(line.narrower)), local_day(clock.now())))
        assert narrower.total.tally == line.tally


def test_lists_exports_search_and_api_have_one_name(gateway: GatewayStack, admin_user: User) -> None:
    wanted = LegFilter(queue="Sales")
    assert calls_of(filtered(wanted, may_see_callers=False)) == ["C1", "C2", "C3"]
    assert calls_of(filtered(LegFilter(queue=NO_VALUE), may_see_callers=False)) == ["C5", "C6"]
    assert calls_of(filtered(LegFilter(text="Sales"), may_see_callers=False)) == ["C1", "C2", "C3"]

    job = jobs.request_export(admin_user.pk, "csv", wanted, clock.now(), with_callers=False)
    jobs.run_export(job.pk, clock.now)
    with jobs.path_of(job).open(encoding="utf-8-sig", newline="") as file:
        assert [row["Queue"] for row in csv.DictReader(file)] == ["Sales"] * 3
    assert [one.queue_name for one in view_legs(gateway.legs())] == ["Sales"] * 3 + ["Service", None, None]
    hits = [one.name for one in find_calls("Sales", callers_for=None) if one.kind == "Queue"]
    assert hits == ["Sales"]


def test_a_call_in_progress_is_found_by_the_name_of_its_queue(gateway: GatewayStack) -> None:
    gateway.call("Queued", "C7", "5001", queueName="New  ")
    gateway.connects("C7", "2001")
    gateway.passes(1)
    live = live_calls(LiveFilter(queue="New"), clock.now(), may_see_callers=False)
    assert [one.queue for one in live.legs] == ["New"]


def test_another_spelling_is_no_earlier_name(gateway: GatewayStack) -> None:
    """Before: it was said that recordings are flagged under an earlier name, and named the same one."""
    for number, name in enumerate(("Orders", "Sales ", "Sales")):
        gateway.call("Queued", f"Q{number}", "5000", queueName=name)
        call(gateway, f"L{number}", name)
    assert [one.name for one in QueueName.objects.order_by("since")] == ["Orders", "Sales ", "Sales"]
    assert [(one.name, one.recordings) for one in earlier_names("5000")] == [("Orders", 1)]


def test_objectives_count_a_queue_once(gateway: GatewayStack) -> None:
    day = clock.now().date()
    [parts] = [
        parts for name, parts in month_report(day.replace(day=1), clock.now()).parts if name.endswith("by queue")
    ]
    assert {one.name for one in parts} <= {"Sales", "Service", "none"}
    assert len(parts) == len({one.name for one in parts})
