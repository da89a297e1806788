"""Ask for a comparison: of all Recording Services unless one is chosen; the list shows a comparison in few columns."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

import clock
from gateway_site.reconciliation.models import ReconciliationRun
from gateway_site.reconciliation.run_form import ALL
from gateway_site.reconciliation.runs import settled_until
from qms.models import DataServer, RecordingService

pytestmark = pytest.mark.django_db

LIST = "/admin/reconciliation/reconciliationrun/"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def service(slug: str, *, enabled: bool = True) -> RecordingService:
    server, _ = DataServer.objects.get_or_create(slug="ds")
    return RecordingService.objects.create(slug=slug, data_server=server, url="http://127.0.0.1/", enabled=enabled)


def asked(client: Client, chosen: str, *, until: float = 0.5) -> str:
    """Ask for a comparison from a day ago until ``until`` days ago; return where it leads."""
    moments = {"begin": clock.now() - timedelta(days=1), "end": clock.now() - timedelta(days=until)}
    span = {f"{name}_0": f"{moment:%Y-%m-%d}" for name, moment in moments.items()}
    span |= {f"{name}_1": f"{moment:%H:%M}" for name, moment in moments.items()}
    answer = client.post(f"{LIST}add/", {"service": chosen, **span})
    assert answer.status_code == 302, answer.context["errors"]
    return str(answer.headers["Location"])


def test_of_several_services_none_is_chosen_and_all_that_are_enabled_are_compared(admin_client: Client) -> None:
    """Before: a person who overlooked the field compared one service and took it for all."""
    north, south = service("north"), service("south")
    service("old", enabled=False)
    field = admin_client.get(f"{LIST}add/").context["adminform"].form["service"]
    assert (field.initial, next(iter(field.field.choices))) == (None, ("", ALL))

    assert asked(admin_client, "") == LIST
    runs = ReconciliationRun.objects.order_by("service__slug")
    assert [(one.service, one.asked_by) for one in runs] == [(north, "admin"), (south, "admin")]
    assert {one.begin for one in runs} == {runs[0].begin}
    assert LogEntry.objects.filter(object_id__in=[one.pk for one in runs]).count() == 2


def test_one_of_several_services_is_compared_alone(admin_client: Client) -> None:
    service("north")
    south = service("south")
    leads_to = asked(admin_client, str(south.pk))
    run = ReconciliationRun.objects.get()
    assert (run.service, leads_to) == (south, f"{LIST}{run.pk}/change/")


def test_of_two_that_were_asked_for_at_one_moment_each_leads_to_its_own(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: the second led to the list, for two of this person had the same time."""
    north, now = service("north"), clock.now()
    monkeypatch.setattr("gateway_site.reconciliation.run_form.clock.now", lambda: now)

    places = [asked(admin_client, str(north.pk)) for _ in range(2)]

    runs = ReconciliationRun.objects.order_by("pk")
    assert runs[0].asked_at == runs[1].asked_at
    assert [f"{LIST}{run.pk}/change/" for run in runs] == places


def test_a_service_that_is_alone_is_chosen(admin_client: Client) -> None:
    north = service("north")
    form = admin_client.get(f"{LIST}add/").context["adminform"].form
    assert form.get_initial_for_field(form.fields["service"], "service") == north.pk


def test_what_is_not_old_enough_is_cut_off_and_said(admin_client: Client) -> None:
    """Before: it was said, and the comparison kept the end that was asked for."""
    run_page = asked(admin_client, str(service("north").pk), until=-1)
    assert ReconciliationRun.objects.get().end == settled_until(clock.now())
    assert "on is compared: calls must be" in admin_client.get(run_page).content.decode()


def words_of(page: str) -> str:
    """Return the words of a page without its tags."""
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


def run_of(**given: object) -> ReconciliationRun:
    row = {"begin": NOON, "end": NOON + timedelta(hours=4), "compared_until": NOON, "asked_at": NOON, **given}
    return ReconciliationRun.objects.create(service=service("north"), **row)


def test_the_list_says_in_seven_columns_how_far_it_is_and_why_it_stopped(admin_client: Client) -> None:
    """Before: eleven columns, of which those at the right of a small screen were out of sight: also the error."""
    error = "Unavailable: " + "it does not answer " * 10
    given = {"recordings": 1_500, "legs": 1_400, "unreadable": 2, "wrong": 3, "findings": 4, "error": error}
    run_of(compared_until=NOON + timedelta(hours=1), **given)
    page = admin_client.get(LIST)
    text = page.content.decode()
    assert len(page.context["cl"].list_display) == 7
    assert "1,500 recordings, 2 not readable, 1,400 legs" in words_of(text)
    assert "25%: Unavailable: it does not answer" in text
    assert error not in text


@pytest.mark.parametrize(
    ("hours", "words"),
    [(4, "2026-03-02 12:00 to 16:00 UTC"), (24, "2026-03-02 12:00 to 2026-03-03 12:00 UTC")],
)
def test_the_day_of_a_comparison_within_a_day_is_named_once(admin_client: Client, hours: int, words: str) -> None:
    run_of(end=NOON + timedelta(hours=hours), done_at=NOON)
    assert words in words_of(admin_client.get(LIST).content.decode())
