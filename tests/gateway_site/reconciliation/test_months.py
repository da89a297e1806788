"""A month of *Objectives* reports the recordings without flags, as the comparison with QMS found them."""

from datetime import datetime, timedelta
from html import escape
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django import Settings

from calls.objectives.comparison import UnlabelledRecordings, WrongKind, WrongRecordings
from calls.objectives.comparison_text import unlabelled_text
from calls.objectives.files import month_file
from calls.objectives.mail import month_message
from calls.objectives.months import month_report
from calls.objectives.promises import MonthReport
from calls.objectives.text import first_line
from clock.text import shown, site_time
from devtools.bench.planted import BEGIN, ListedQms, PlantedSite
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.runs import ask, steps
from gateway_site.reconciliation.span import unlabelled_recordings
from qms.models import RecordingService
from tests.gateway_site.reconciliation.test_runs import Time

pytestmark = pytest.mark.django_db
MONTH = site_time(BEGIN).date().replace(day=1)
STANDING = (
    "SELECT COUNT(*) FROM reconciliation_reconciliationfinding WHERE grade <> 'minor' AND withdrawn_at IS NULL"
    " AND repaired_at IS NULL"
)
UNFLAGGED = f"{STANDING} AND kind = 'recorded_without_flags'"
WRONG = (
    "SELECT COUNT(DISTINCT recording_guid) FROM reconciliation_reconciliationfinding WHERE withdrawn_at IS NULL"
    " AND kind IN ('recorded_without_flags', 'flagged_without_leg', 'different_values', 'some_flags_missing')"
    " AND grade IN ('critical', 'major')"
)


@pytest.fixture
def site() -> PlantedSite:
    cache.clear()
    return PlantedSite(144)


def compares(site: PlantedSite, begin: datetime, end: datetime) -> None:
    now = Time(site.end + timedelta(hours=48))
    run = ask(site.service, begin, end, "Ada", now())
    port: ListedQms = site.qms()
    for _ in steps(run, now, lambda _: port):
        pass


def month_of(site: PlantedSite) -> MonthReport:
    return month_report(MONTH, site.end + timedelta(hours=48))


def _count(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def test_each_recording_counts_once_however_often_it_was_compared(site: PlantedSite) -> None:
    compares(site, BEGIN, site.end)
    compares(site, BEGIN + timedelta(minutes=17, seconds=5), site.end)
    compares(site, BEGIN, BEGIN + timedelta(minutes=90, seconds=31))

    found = month_of(site).comparison

    assert found is not None
    assert (found.recordings, found.wrong, found.unflagged) == (len(site.listed), _count(WRONG), _count(UNFLAGGED))
    assert found.interrupted == _count(f"{UNFLAGGED} AND cause = 'gap'") > 0
    assert found.percent_right == (len(site.listed) - _count(WRONG)) * 10_000 // len(site.listed) / 100


def test_page_files_and_mail_say_it_and_the_page_leads_to_exactly_these(
    site: PlantedSite, admin_client: Client, settings: Settings, monkeypatch: Any
) -> None:
    settings.PUBLIC_URL, settings.CAN_MAIL = "https://gateway.example.org", True
    monkeypatch.setattr("clock.now", lambda: site.end + timedelta(hours=48))
    compares(site, BEGIN, site.end)
    report = month_of(site)
    found = report.comparison
    assert found is not None
    said = (
        f"The comparison with QMS found {found.unflagged} recordings without flags in this month (labelled right:"
        f" {found.percent_right:.2f} % of {found.recordings}), of which {found.interrupted} because the link to the"
        f" CTI source was interrupted"
    )

    page = admin_client.get(f"/admin/objectives/?month={MONTH:%Y-%m}").content.decode()
    html = month_file(report, "html").decode()

    assert said in page
    assert said in html
    assert "https://gateway.example.org/admin/reconciliation/reconciliationfinding/?kind__exact=" in html
    assert b"reconciliationfinding/?kind__exact=" in month_file(report, "pdf")
    assert f"found {found.unflagged} recordings without flags, " in first_line(report)
    assert first_line(report).endswith(f", {found.percent_right:.2f} % are labelled right.")
    assert f"found {found.unflagged} recordings without flags" in month_message(report, ["a@example.org"]).subject
    listed = admin_client.get(found.path)
    assert listed.status_code == 200
    assert listed.context["cl"].result_count == found.unflagged


def test_wrong_flags_are_said_in_page_files_and_first_line_and_each_kind_leads_to_its_recordings(
    site: PlantedSite, admin_client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: of recordings with flags that the gateway never wrote, the month said "no recording without flags"."""
    settings.PUBLIC_URL = "https://gateway.example.org"
    monkeypatch.setattr("clock.now", lambda: site.end + timedelta(hours=48))
    compares(site, BEGIN, site.end)
    ReconciliationFinding.objects.filter(kind="recorded_without_flags").delete()
    report = month_of(site)
    found = report.comparison
    assert found is not None
    other, foreign = (_count(f"{STANDING} AND kind = '{kind}'") for kind in ("different_values", "flagged_without_leg"))
    assert (found.unflagged, [one.recordings for one in found.wrongly]) == (0, [other, foreign])
    said = [
        "The comparison with QMS found no recording without flags in this month (labelled right:",
        f"{other} recordings carry other flags than the gateway wrote (another value, one lost, one more): they decide",
        f"{foreign} recordings carry flags that the gateway did not write, and no leg has them.",
    ]

    page = admin_client.get(f"/admin/objectives/?month={MONTH:%Y-%m}").content.decode()
    files = month_file(report, "html").decode()

    assert [text in page and text in files for text in said] == [True] * 3
    assert page.count("Show these recordings") == files.count("These recordings in the QMS Gateway") == 2
    for one in found.wrongly:
        assert admin_client.get(one.path).context["cl"].result_count == one.recordings
        assert f'href="{escape(one.path)}"' in page
        assert f"https://gateway.example.org{escape(one.path)}" in files
    assert first_line(report).endswith(
        f" The comparison with QMS found {other} recordings with other flags than the gateway wrote and {foreign} with"
        f" flags that the gateway did not write, {found.percent_right:.2f} % are labelled right."
    )


def test_wrong_flags_are_in_the_first_line_however_few_they_are() -> None:
    """Those without flags are there where they are more than promised; a wrong flag is worse than none."""

    def said(*wrongly: WrongRecordings) -> str:
        found = UnlabelledRecordings(is_compared=True, unflagged=2, recordings=10_000, wrong=3, wrongly=wrongly)
        return unlabelled_text(found, 99.0)

    assert said(WrongRecordings(WrongKind.PARTLY, 1, "")) == ""
    assert said(WrongRecordings(WrongKind.OTHER_VALUES, 1, "")) == (
        " The comparison with QMS found 1 recording with other flags than the gateway wrote, 99.97 % are labelled"
        " right."
    )


def test_what_was_withdrawn_or_repaired_counts_no_more(site: PlantedSite) -> None:
    compares(site, BEGIN, site.end)
    before = month_of(site).comparison
    unflagged = ReconciliationFinding.objects.filter(kind="recorded_without_flags", grade="major")
    keys = list(unflagged.values_list("pk", flat=True)[:2])
    ReconciliationFinding.objects.filter(pk=keys[0]).update(withdrawn_at=site.end)
    ReconciliationFinding.objects.filter(pk=keys[1]).update(repaired_at=site.end + timedelta(hours=49))

    after = month_of(site).comparison

    assert before is not None
    assert after is not None
    assert (after.unflagged, after.wrong) == (before.unflagged - 2, before.wrong - 2)


def test_a_month_that_was_not_or_not_all_compared_says_so(site: PlantedSite) -> None:
    now = site.end + timedelta(hours=48)
    assert "No comparison with QMS ran for this month" in month_file(month_of(site), "html").decode()
    compares(site, BEGIN, BEGIN + timedelta(hours=1))

    found = unlabelled_recordings(BEGIN - timedelta(hours=1), BEGIN + timedelta(hours=2), now)

    def local(hours: int) -> str:
        return shown(BEGIN + timedelta(hours=hours))

    assert found.not_compared == [f"Not compared with QMS: {local(-1)} to {local(0)}, {local(1)} to {local(2)}."]


def test_what_was_compared_of_a_service_stays_when_it_is_switched_off(site: PlantedSite, admin_client: Client) -> None:
    """Before: the month forgot its findings, to which its link still led, or said that nothing was compared."""
    compares(site, BEGIN, BEGIN + timedelta(minutes=5))
    compares(site, BEGIN + timedelta(minutes=10), site.end)
    before = unlabelled_recordings(BEGIN, site.end, site.end)
    RecordingService.objects.filter(pk=site.service.pk).update(enabled=False)
    month = unlabelled_recordings(BEGIN, site.end + timedelta(days=1), site.end + timedelta(days=1))

    assert (month.unflagged, month.wrong, month.recordings) == (before.unflagged, before.wrong, before.recordings)
    assert admin_client.get(month.path).context["cl"].result_count == month.unflagged > 0
    assert month.not_compared == before.not_compared, "after its end nothing was to be compared"

    server = site.service.data_server
    RecordingService.objects.create(slug="new", data_server=server, url="http://localhost")
    both = unlabelled_recordings(BEGIN, site.end, site.end)
    assert both.unflagged == before.unflagged
    assert [text.partition(")")[0] for text in both.not_compared] == [
        "Not compared with QMS (new",
        "Not compared with QMS (planted-rs",
    ]


def test_recordings_that_were_compared_before_they_were_counted_have_no_share(site: PlantedSite) -> None:
    compares(site, BEGIN, BEGIN + timedelta(hours=1))
    ReconciliationRun.objects.create(
        service=site.service,
        begin=BEGIN - timedelta(hours=3),
        end=BEGIN,
        compared_until=BEGIN,
        asked_at=BEGIN,
        done_at=BEGIN,
    )
    found = unlabelled_recordings(BEGIN - timedelta(hours=3), BEGIN + timedelta(hours=1), site.end)

    assert (found.is_compared, found.recordings, found.percent_right) == (True, None, None)
