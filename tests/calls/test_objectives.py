"""What is promised of a month: kept or broken, the budget, its losses; on the page, in the files and by mail."""

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import reverse

from agents.models import QmsUser
from bulk.tables import upsert_all
from calls.models import CauseDecision, HourlyCount, HourlyLatency
from calls.objectives.files import month_file
from calls.objectives.mail import first_working_day, mail_monthly, month_message
from calls.objectives.months import month_report
from calls.objectives.promises import Objective, Promise, PromiseCount, Standing
from calls.objectives.text import (
    PROMISE_HEADS,
    first_line,
    late_texts,
    promise_lines,
    spent_text,
    uncounted_text,
)
from calls.stats.coarse_counts import coarse_counts
from calls.stats.hourly import hour_of
from cti import working_hours
from cti.models import CtiSource
from devtools.receivers import smtp_server
from devtools.servers import free_port
from qms.models import DataServer, RecordingService
from tests.calls.test_report_paper import pages

NOVEMBER, NOW = date(2026, 11, 1), datetime(2026, 11, 20, 12, tzinfo=UTC)
FLAGGED = Objective(Promise.FLAGGED, 99.0)


class CountedSite:
    """Counts of a site as the consumer would have added them."""

    def __init__(self) -> None:
        cache.clear()
        self.source = CtiSource.objects.create(slug="pbx", kind="http")
        server = DataServer.objects.create(slug="ds")
        self.service = RecordingService.objects.create(slug="north", data_server=server, url="http://localhost")
        QmsUser.objects.create(
            service=self.service, user_id="1", extension="2001", department_name="Sales", loaded_at=NOW
        )

    def legs(
        self, day: date, outcome: str, legs: int, reason: str = "", device: str = "2001", queue: str = "Q1"
    ) -> None:
        key = (self.source.pk, self.service.pk, queue, "A1", device, outcome, reason)
        upsert_all(coarse_counts([(day, *key, legs)]))
        hour = hour_of(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        HourlyCount.objects.create(source=self.source, hour=hour, outcome=outcome, reason_code=reason, legs=legs)

    def times(self, day: date, measure: str, bucket_ms: int, legs: int) -> None:
        hour = hour_of(datetime(day.year, day.month, day.day, 10, tzinfo=UTC))
        HourlyLatency.objects.create(source=self.source, hour=hour, measure=measure, bucket_ms=bucket_ms, legs=legs)


@pytest.fixture
def site(db: None) -> CountedSite:
    """Give November with two losses, a broken October, and times."""
    found = CountedSite()
    found.legs(date(2026, 11, 3), "flagged", 990)
    found.legs(date(2026, 11, 4), "window_missed", 8, "late", device="2009", queue="Q2")
    found.legs(date(2026, 11, 5), "refused", 2, "UnknownFlag")
    found.legs(date(2026, 11, 5), "user_unmatched", 50)
    found.legs(date(2026, 11, 6), "waiting", 5)
    found.legs(date(2026, 10, 31), "flagged", 90)
    found.legs(date(2026, 10, 31), "given_up", 10)
    found.times(date(2026, 11, 3), "guid", 200, 985)
    found.times(date(2026, 11, 3), "guid", 4000, 15)
    found.times(date(2026, 11, 3), "flags", 1250, 1000)
    return found


def test_a_month_is_judged_by_what_gateway_and_qms_answer_for(site: CountedSite) -> None:
    report = month_report(NOVEMBER, NOW)

    assert [(one.count.whole, one.count.bad) for one in report.standings] == [(1000, 10), (1000, 15), (1000, 0)]
    assert first_line(report) == "November 2026 so far: 2 of 3 promises are kept. Broken: time to GUID."
    assert [one.legs for one in report.losses] == [8, 2]
    assert report.uncounted == 50
    assert [one.count.bad for one in report.trend[-2].standings] == [10, 0, 0]


def test_queues_whose_names_differ_by_blanks_are_one_as_their_flag_is(site: CountedSite) -> None:
    """Before: two rows of one name, each with a part of its legs."""
    site.legs(date(2026, 11, 4), "refused", 3, "UnknownFlag", queue=" Q2 ")
    site.legs(date(2026, 11, 4), "flagged", 5, queue=" ")
    site.legs(date(2026, 11, 5), "flagged", 6, queue="")

    [found] = [parts for name, parts in month_report(NOVEMBER, NOW).parts if name == "Flagged, by queue"]

    counts = [(one.name, one.standing.count.whole, one.standing.count.bad) for one in found]
    assert counts == [("Q2", 11, 11), ("Q1", 992, 2), ("none", 11, 0)]


def test_the_parts_name_who_lost_it(site: CountedSite) -> None:
    parts = {
        name: {part.name: (part.standing.count.whole, part.standing.count.bad) for part in found}
        for name, found in month_report(NOVEMBER, NOW).parts
    }
    assert parts["Flagged, by source"] == {"pbx": (1000, 10)}
    assert parts["Flagged, by Recording Service"] == {"north": (1000, 10)}
    assert parts["Flagged, by queue"] == {"Q1": (992, 2), "Q2": (8, 8)}
    assert parts["Flagged, by team"]["Sales"] == (992, 2)
    assert parts["Time to GUID, by source"] == {"pbx": (1000, 15)}


def test_a_target_moves_the_promise(site: CountedSite, settings: Any) -> None:
    settings.FLAGGED_TARGET_PERCENT, settings.GUID_TARGET_MS = 99.5, 4000
    flagged, guid, _ = month_report(NOVEMBER, NOW).standings
    assert (flagged.is_kept, guid.is_kept) == (False, True)


def test_the_burn_rate_is_that_of_the_running_month_alone(site: CountedSite) -> None:
    site.legs(date(2026, 11, 20), "given_up", 3)
    site.legs(date(2026, 11, 20), "flagged", 97)
    assert month_report(NOVEMBER, NOW + timedelta(hours=2)).standings[0].burn_rate == pytest.approx(3)
    assert month_report(NOVEMBER, datetime(2026, 12, 1, 1, tzinfo=UTC)).standings[0].burn_rate is None
    assert month_report(date(2026, 10, 1), NOW + timedelta(hours=2)).standings[0].burn_rate is None


def test_a_month_of_which_legs_are_deleted_says_so_and_is_not_judged_in_the_trend(
    site: CountedSite, settings: Any
) -> None:
    settings.RETENTION_DAYS = 40  # From 11 October on.
    october = month_report(date(2026, 10, 1), NOW)

    assert first_line(october) == (
        "October 2026 (only legs from 2026-10-11 on are kept): the promise of the flagged share is broken."
    )
    assert first_line(month_report(date(2026, 9, 1), NOW)) == (
        "September 2026: its legs are no longer kept, so there is nothing to judge."
    )
    (flagged, *_) = month_report(NOVEMBER, NOW).trend[-2].standings
    assert flagged.is_kept is None
    assert first_line(month_report(NOVEMBER, NOW)).startswith("November 2026 so far: 2 of 3")


def test_what_is_left_out_is_named_and_no_reason_is_said_that_is_not_its_own(site: CountedSite) -> None:
    site.legs(date(2026, 11, 7), "shadow", 7)
    for number in range(12):
        site.legs(date(2026, 11, 7), "not_recorded", 1, f"reason-{number}")

    said = uncounted_text(month_report(NOVEMBER, NOW))

    assert said.startswith("69 more legs without flags count for neither side, by reason: ")
    assert "shadow 7" in said
    assert said.endswith("others 4.")


def test_a_deleted_service_and_none_are_named_as_such(site: CountedSite) -> None:
    for service_key in (0, 77):
        key = (site.source.pk, service_key, "Q1", "A1", "2001", "refused", "")
        upsert_all(coarse_counts([(date(2026, 11, 8), *key, 1)]))

    named = [part.name for part in dict(month_report(NOVEMBER, NOW).parts)["Flagged, by Recording Service"]]

    assert sorted(named) == ["deleted (77)", "no Recording Service known", "north"]


@pytest.mark.parametrize(
    ("whole", "bad", "spent"), [(10_050, 100, "99 %"), (10_050, 101, "101 %"), (10_000, 100, "100 %")]
)
def test_a_budget_that_is_spent_nearly_or_by_a_little_more_is_not_rounded_to_all_of_it(
    whole: int, bad: int, spent: str
) -> None:
    assert spent_text(Standing(FLAGGED, PromiseCount(whole, bad))) == spent


def test_the_page_of_an_older_month_has_that_month_chosen(
    site: CountedSite, admin_client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr("clock.now", lambda: NOW)
    page = admin_client.get("/admin/objectives/?month=2024-02").content.decode()

    assert '<option value="2024-02" selected>' in page


def test_names_and_decisions_of_any_kind_are_text_in_every_form_of_the_report(site: CountedSite, settings: Any) -> None:
    settings.CAN_MAIL = True
    nasty = "<script>alert(1)</script> & מחלקת \u202e مبيعات 客户 \U0001f600 \x07\n" + "x" * 120
    site.legs(date(2026, 11, 9), "refused", 5, "late", queue=nasty[:100])
    CauseDecision.objects.create(
        outcome="refused", reason_code="late", state="muted", reason=nasty, by="<i>ada", at=NOW
    )
    report = month_report(NOVEMBER, NOW)

    html = month_file(report, "html").decode()
    assert "<script>alert(1)" not in html
    assert "<i>ada" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;" in html
    assert month_file(report, "pdf").startswith(b"%PDF-")
    assert "\n" not in month_message(report, ["boss@example.org"]).subject


def test_each_loss_leads_to_the_page_of_its_cause_where_there_is_one(
    site: CountedSite, admin_client: Client, monkeypatch: Any
) -> None:
    """Before: the address lacked the reason, and each loss that has one led to 404."""
    monkeypatch.setattr("clock.now", lambda: NOW)
    page = admin_client.get("/admin/objectives/?month=2026-11").content.decode()
    losses = page[page.index("objectives-losses") : page.index("objectives-trend")]
    links = [unescape(one) for one in re.findall(r'href="([^"]*causes/[^"]*)"', losses)]

    assert "/admin/causes/window_missed/?reason=late" in links
    assert [admin_client.get(one).status_code for one in links] == [200] * len(links)
    monkeypatch.setattr("clock.now", lambda: NOW + timedelta(days=90))
    old = admin_client.get("/admin/objectives/?month=2026-11").content.decode()
    assert "window missed" in old
    assert "/admin/causes/window_missed/" not in old, "no leg of the last 30 days has it: there is no page"


def test_a_month_without_calls_is_not_judged(db: None) -> None:
    cache.clear()
    assert first_line(month_report(NOVEMBER, NOW)) == (
        "November 2026 so far: no leg was decided, so there is nothing to judge."
    ).replace(" so far", "")


def test_what_was_decided_about_a_loss_is_in_the_report(site: CountedSite) -> None:
    CauseDecision.objects.create(
        outcome="window_missed", reason_code="late", state="muted", reason="More workers on Monday", by="ada", at=NOW
    )
    html = month_file(month_report(NOVEMBER, NOW), "html").decode()
    assert "More workers on Monday" in html
    assert "2 of 3 promises are kept" in html
    assert "Nobody has decided yet. Advised: On the page Flags press Create in QMS" in html
    assert "Time to GUID: 15 were late, by CTI source: pbx 15. Most in the hour from 2026-11-03 10:00 (15). Why" in html
    assert "50 more legs without flags count for neither side" in html
    cells = ["Time to GUID", "99 % of the GUIDs are known within 2.5 s of Connected", "98.50 % of 1,000", "–"]  # noqa: RUF001
    assert list(promise_lines(month_report(NOVEMBER, NOW))[1].cells) == [*cells, "15", "150 % of 10 legs", "Broken"]
    assert month_file(month_report(NOVEMBER, NOW), "pdf").startswith(b"%PDF-")


def test_the_report_says_when_it_was_made_and_by_which_clock(site: CountedSite) -> None:
    with override_settings(TIME_ZONE="Europe/Berlin"):
        report = month_report(NOVEMBER, NOW)
        html, paper = month_file(report, "html").decode(), pages(month_file(report, "pdf"))

    made = "Made at 2026-11-20 13:00 CET (Europe/Berlin)"
    assert made in html
    assert [f"{made}Page {number} of {len(paper)}" in one for number, one in enumerate(paper, 1)] == [True] * len(paper)


def test_one_that_was_late_is_said_as_one(site: CountedSite) -> None:
    HourlyLatency.objects.all().delete()
    site.times(date(2026, 11, 7), "guid", 10_000, 1)

    (said,) = late_texts(month_report(NOVEMBER, NOW))

    assert "Time to GUID: 1 was late, by CTI source: pbx 1." in said


def test_of_what_was_late_the_worst_hours_of_the_month_are_said(site: CountedSite) -> None:
    for day, legs in ((7, 20), (8, 3), (9, 40)):
        site.times(date(2026, 11, day), "guid", 10_000, legs)
    site.times(date(2026, 10, 9), "guid", 10_000, 900)
    site.times(date(2026, 11, 10), "guid", 2500, 800)

    (said,) = late_texts(month_report(NOVEMBER, NOW))

    hours = "2026-11-09 10:00 (40), 2026-11-07 10:00 (20), 2026-11-03 10:00 (15)"
    assert f"78 were late, by CTI source: pbx 78. Most in the hours from {hours}." in said
    assert "see Recording searches of that time" in said


def test_the_page_begins_with_whether_promises_were_kept(
    site: CountedSite, admin_client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr("clock.now", lambda: NOW)
    page = admin_client.get("/admin/objectives/?month=2026-11").content.decode()
    assert "2 of 3 promises are kept. Broken: time to GUID." in page
    assert admin_client.get("/admin/objectives/?month=2026-13").status_code == 400
    assert admin_client.get("/admin/objectives/?month=2027-01").status_code == 400
    assert admin_client.get("/admin/objectives/pdf/?month=2026-11")["Content-Type"] == "application/pdf"
    assert admin_client.get("/admin/objectives/doc/").status_code == 400


def test_the_command_writes_and_mails_the_report(
    site: CountedSite, tmp_path: Path, settings: Any, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("clock.now", lambda: NOW)
    call_command("report", month="last", format="pdf", into=tmp_path / "october.pdf")
    assert (tmp_path / "october.pdf").read_bytes().startswith(b"%PDF-")
    said = capsys.readouterr().out
    assert said.startswith("October 2026: the promise of the flagged share is broken.\nWritten to ")
    assert said.endswith("october.pdf.\n")
    with pytest.raises(CommandError, match="add --into FILE"):
        call_command("report", month="last", format="pdf")
    with pytest.raises(CommandError, match="written like"):
        call_command("report", month="november")
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command("report", into=tmp_path / "none" / "november.html")
    with smtp_server() as mailbox:
        settings.CAN_MAIL, settings.EMAIL_BACKEND = True, "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mailbox.port
        call_command("report", month="2026-11", mail=["boss@example.org"])
        assert capsys.readouterr().out.endswith("\nMailed to boss@example.org.\n")
        for wrong in ("boss@example.org\nBcc: all@example.org", "böss@@", "nonsense", "", "boss@example.org,nonsense"):
            with pytest.raises(CommandError, match=r"Nothing was sent\."):
                call_command("report", month="2026-11", mail=[wrong])
    [message] = mailbox.mails
    assert "application/pdf" in message


@pytest.mark.parametrize(
    ("hours", "day"), [("mon-fri 8:00-18:00", 1), ("", 1), ("wed,sun 8:00-18:00", 3), ("tue 22:00-6:00", 2)]
)
def test_the_first_working_day_is_that_of_the_sites_hours(settings: Any, hours: str, day: int) -> None:
    settings.WORKING_HOURS = working_hours.parse(hours)

    assert first_working_day(date(2026, 6, 20)) == date(2026, 6, day)
    assert first_working_day(date(2026, 8, 20)) == {1: date(2026, 8, 3), 3: date(2026, 8, 2), 2: date(2026, 8, 4)}[day]


def test_the_report_of_the_last_month_is_mailed_once_on_the_first_working_day(site: CountedSite, settings: Any) -> None:
    settings.CAN_MAIL, settings.REPORT_MAIL_TO = True, ["boss@example.org"]
    settings.PUBLIC_URL = "https://x.example.org"
    sunday, monday = datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 2, 12, tzinfo=UTC)

    assert not mail_monthly(sunday), "nobody works"
    assert not mail_monthly(monday.replace(hour=5)), "too early"
    assert mail_monthly(monday)
    assert not mail_monthly(monday + timedelta(hours=1)), "once"
    assert not mail_monthly(datetime(2026, 12, 20, 12, tzinfo=UTC)), "long over"

    (message,) = mail.outbox
    assert message.to == ["boss@example.org"]
    assert message.subject == "QMS Gateway: October 2026: the promise of the flagged share is broken."
    assert "https://x.example.org/admin/objectives/?month=2026-10" in message.body
    assert "This month in the QMS Gateway" in str(message.alternatives)  # type: ignore[attr-defined]


def test_a_report_that_the_mail_server_refuses_is_mailed_later(
    site: CountedSite, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CAN_MAIL, settings.REPORT_MAIL_TO = True, ["boss@example.org"]
    monday = datetime(2026, 11, 2, 12, tzinfo=UTC)
    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMultiAlternatives.send", _refuse)
        assert not mail_monthly(monday)

    assert mail_monthly(monday + timedelta(minutes=15))


def _refuse(_: object) -> int:
    raise ConnectionRefusedError


@pytest.mark.usefixtures("site")
def test_each_loss_on_the_page_leads_to_its_cause(admin_client: Client) -> None:
    page = admin_client.get(reverse("objectives"), {"month": "2026-11"}).content.decode()
    links = re.findall(r'href="(/admin/causes/[^"]+)"', page)

    assert any("?reason=" in link for link in links)
    assert [admin_client.get(link).status_code for link in links] == [200] * len(links)


def test_without_redis_the_months_are_summed_up_again(site: CountedSite) -> None:
    away = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": f"redis://127.0.0.1:{free_port()}"}
    with override_settings(CACHES={"default": away}):
        report = month_report(NOVEMBER, NOW)

    assert [one.count.bad for one in report.trend[-2].standings] == [10, 0, 0]


def test_a_correction_after_the_months_end_stands_in_every_line_about_that_month(site: CountedSite) -> None:
    october = date(2026, 10, 1)
    assert month_report(october, NOW).standings[0].count == PromiseCount(100, 10)
    site.legs(date(2026, 10, 31), "given_up", -10, "repaired")
    site.legs(date(2026, 10, 31), "flagged", 10, "repaired")
    report = month_report(october, NOW)

    assert report.standings[0].count == report.trend[-1].standings[0].count == PromiseCount(100, 0)


def test_each_cell_of_the_report_names_its_column_on_a_phone(site: CountedSite) -> None:
    html = month_file(month_report(NOVEMBER, NOW), "html").decode()

    assert re.findall(r'data-head="([^"]+)"', html)[:6] == list(PROMISE_HEADS[1:])
    assert re.findall(r'data-head="([^"]+)"', html)[-3:] == ["Flagged share", "Time to GUID", "Time to flags"]
    assert html.count("<td ") == html.count("<td data-head=") == html.count("<td")
