"""Exports of legs: the list's filter, files that harm nobody, jobs that outlive their workers."""

import csv
import io
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import etree

from calls.export import jobs
from calls.export.filters import LegFilter
from calls.export.writers import SheetFormat, is_formula, open_writer
from calls.models import ExportJob, ExportState, Leg
from calls.storage.codec import leg_key
from clock.stopping import stop
from tests.calls.test_live import leg as save_leg
from tests.cti.examples import source

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path


@pytest.fixture
def asker() -> User:
    """Give someone who may see legs and no callers."""
    user = User.objects.create_user("vera", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_leg"))
    return user


def may_see_callers(user: User) -> User:
    of_legs = ContentType.objects.get_for_model(Leg)
    see, _ = Permission.objects.get_or_create(codename="view_caller", defaults={"name": "x", "content_type": of_legs})
    user.user_permissions.add(see)
    return User.objects.get(pk=user.pk)


def leg(number: int, **members: Any) -> Leg:
    usual: dict[str, Any] = {
        "connected_at": NOON + timedelta(seconds=number),
        "disconnected_at": NOON + timedelta(seconds=number + 65),
        "phase": "settled",
        "outcome": "not_recorded",
        "reason_code": "none",
        "caller_name": "Jo Secret",
        "calling_number": "+44 7",
        "called_number": "call-box",
    }
    return save_leg(number, **{**usual, **members})


def job(user: User, kind: str = "csv", wanted: LegFilter | None = None, *, with_callers: bool = False) -> ExportJob:
    return jobs.request_export(user.pk, kind, wanted or LegFilter(), NOON, with_callers=with_callers)


def written(one: ExportJob, now: datetime = NOON) -> ExportJob:
    jobs.run_export(one.pk, lambda: now)
    one.refresh_from_db()
    return one


def table(one: ExportJob) -> list[dict[str, str]]:
    with jobs.path_of(one).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def calls_of(one: ExportJob) -> list[str]:
    return [row["Call reference"] for row in table(one)]


def cells(path: Path) -> list[list[str]]:
    """Return the texts of the rows of an XLSX's sheets."""
    rows: list[list[str]] = []
    with zipfile.ZipFile(path) as book:
        for name in sorted(one for one in book.namelist() if one.startswith("xl/worksheets/sheet")):
            sheet = etree.fromstring(book.read(name))
            assert not sheet.findall(".//{*}f"), "no formula"
            rows += [["".join(map(str, cell.itertext())) for cell in row] for row in sheet.iter("{*}row")]
    return rows


def test_an_export_holds_each_leg_once_the_newest_first_over_many_chunks(
    asker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CHUNK", 3)
    for number in range(1, 11):
        leg(number, connected_at=NOON + timedelta(seconds=number // 4))

    one = written(job(asker))

    expected = Leg.objects.order_by("-connected_at", "-id").values_list("call_id", flat=True)
    assert calls_of(one) == list(expected)
    assert (one.state, one.rows) == (ExportState.DONE, 10)
    assert one.size == jobs.path_of(one).stat().st_size


def test_a_row_names_the_leg_and_the_header_its_time_zone(asker: User, settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"  # pytest-django reports the change to Django.
    leg(1, agent_id="9101", agent_name="Alice", queue_name="Sales", interaction_id="I1", recording_guid="G1")
    (row,) = table(written(job(asker)))

    assert row["Connected (Europe/Berlin)"] == "2026-03-02 13:00:01.000+01:00"
    assert (row["Seconds"], row["Agent name"], row["Queue"], row["Source"]) == ("65", "Alice", "Sales", "pbx")
    assert (row["Recording GUID"], row["Outcome"]) == ("G1", "not_recorded")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_callers_are_left_out_without_the_right_to_see_them(asker: User, kind: str) -> None:
    leg(1)
    hidden, shown = written(job(asker, kind)), written(job(asker, kind, with_callers=True))

    def text(one: ExportJob) -> str:
        path = jobs.path_of(one)
        return str(cells(path)) if kind == "xlsx" else path.read_text()

    for secret in ("Jo Secret", "+44 7", "call-box", "Caller name", "Calling number", "Called number"):
        assert secret not in text(hidden)
        assert secret in text(shown)


@pytest.mark.parametrize(
    "text", ["=1+1", "+44", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", '=cmd|"/c calc"!A1']
)
def test_no_text_becomes_a_formula(asker: User, text: str) -> None:
    assert is_formula(text)
    leg(1, queue_name="Bob", agent_name=text)

    (row,) = table(written(job(asker)))
    assert row["Agent name"].startswith("'")
    assert row["Agent name"].replace("'", "") == text
    assert row["Queue"] == "Bob"
    rows = cells(jobs.path_of(written(job(asker, "xlsx"))))
    assert any(text.strip() in cell for cell in rows[1])


def test_a_sheet_that_is_full_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.export.writers.ROWS_A_SHEET", 2)
    writer = open_writer("xlsx", tmp_path / "x.xlsx", SheetFormat(("A", "B"), UTC))
    writer.write([(str(number), NOON) for number in range(5)])
    writer.close()

    rows = cells(tmp_path / "x.xlsx")
    assert [row[0] for row in rows] == ["A", "0", "1", "A", "2", "3", "A", "4"]


def test_a_file_is_its_owners_alone(asker: User) -> None:
    path = jobs.path_of(written(job(asker)))

    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", ["csv", pytest.param("xlsx", marks=pytest.mark.one_database)])
def test_many_legs_are_written_in_bounded_memory(asker: User, kind: str) -> None:
    of = source("pbx")
    Leg.objects.bulk_create(
        Leg(
            id=leg_key(of.pk, number),
            source=of,
            call_id=f"C{number}",
            device_id=str(number % 500),
            phase="settled",
            outcome="flagged",
            reason="R" * 100,
            folded_at=NOON,
            facts=b"",
            connected_at=NOON + timedelta(seconds=number),
        )
        for number in range(1, 15_001)
    )
    tracemalloc.start()
    try:
        one = written(job(asker, kind))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (one.state, one.rows) == (ExportState.DONE, 15_000)
    assert peak < 6 * 2**20, f"{peak / 2**20:.1f} MiB"


def test_a_job_of_a_worker_that_died_is_begun_again_when_its_claim_has_run_out(asker: User) -> None:
    leg(1)
    one = job(asker)
    ExportJob.objects.filter(pk=one.pk).update(
        state=ExportState.RUNNING, claim=1, claimed_until=NOON + jobs.LEASE, attempts=1, rows=77
    )

    (jobs.folder() / f"{one.pk}-1.part").touch()

    assert jobs.due(NOON) == []
    assert not jobs.run_export(one.pk, lambda: NOON)
    later = NOON + jobs.LEASE + timedelta(seconds=1)
    assert jobs.due(later) == [one.pk]
    assert written(one, later).rows == 1
    assert list(jobs.folder().iterdir()) == [jobs.path_of(one)]
    assert jobs.due(later) == []


def test_a_job_whose_worker_is_asked_to_stop_is_free_at_once_and_counts_as_no_death(
    asker: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CHUNK", 1)
    leg(1)
    leg(2)
    one, calls = job(asker), iter(range(9))

    def at() -> datetime:
        if next(calls) == 2:  # After the claim, as the first leg is written down.
            stop.ask()
        return NOON

    try:
        assert not jobs.run_export(one.pk, at)
        assert not jobs.run_export(one.pk, lambda: NOON)
    finally:
        stop.forget()
    one.refresh_from_db()
    assert (one.state, one.attempts, one.rows, list(jobs.folder().iterdir())) == (ExportState.QUEUED, 0, 1, [])
    assert jobs.due(NOON) == [one.pk]
    assert written(one, NOON).rows == 2


def test_a_job_whose_workers_died_three_times_is_ended_and_says_so(asker: User) -> None:
    one = job(asker)
    ExportJob.objects.filter(pk=one.pk).update(
        state=ExportState.RUNNING, claimed_until=NOON - timedelta(seconds=1), attempts=3
    )

    assert jobs.due(NOON) == []
    one.refresh_from_db()
    assert (one.state, "died 3 times" in one.error) == (ExportState.FAILED, True)


def test_a_worker_whose_job_was_taken_over_leaves_nothing(asker: User, monkeypatch: pytest.MonkeyPatch) -> None:
    leg(1)
    one = job(asker)
    real = jobs._progress

    def taken(mine: ExportJob, count: int, now: datetime) -> None:
        ExportJob.objects.filter(pk=one.pk).update(claim=5)
        real(mine, count, now)

    monkeypatch.setattr(jobs, "_progress", taken)
    one = written(one)

    assert (one.state, one.rows) == (ExportState.RUNNING, 0)
    assert list(jobs.folder().iterdir()) == []


@pytest.mark.parametrize("error", [DatabaseError("canceled"), OSError(28, "No space left on device")])
def test_a_failure_is_reported_and_leaves_no_file(
    asker: User, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(jobs, "_chunks", fails)
    one = written(job(asker))

    assert one.state == ExportState.FAILED
    assert "shorter time" in one.error or "No space left on device" in one.error
    assert list(jobs.folder().iterdir()) == []


def test_old_exports_go_with_their_files_and_so_does_what_dead_workers_left(asker: User) -> None:
    one = written(job(asker))
    assert jobs.forget_exports(NOON + jobs.KEEP - timedelta(seconds=1)) == 0
    (jobs.folder() / "9-9.part").touch()

    assert jobs.forget_exports(timezone.now() + timedelta(days=400)) == 1
    assert not ExportJob.objects.filter(pk=one.pk).exists()
    assert list(jobs.folder().iterdir()) == []


def test_a_person_has_but_a_few_exports_under_way(asker: User) -> None:
    for _ in range(jobs.MAXIMUM_WAITING):
        job(asker)

    with pytest.raises(jobs.TooManyExports):
        job(asker)


def post(client: Client, kind: str = "csv", query: str = "") -> Any:
    return client.post(reverse("exports"), {"kind": kind, "query": query}, follow=True)


def download(client: Client, one: ExportJob) -> Any:
    return client.get(reverse("exports-download", args=[one.pk]))


def test_from_the_list_to_the_file(client: Client, asker: User, redis: Any) -> None:
    leg(1)
    leg(2, outcome="flagged")
    client.force_login(asker)
    assert b"Export as XLSX" in client.get(reverse("admin:calls_leg_changelist")).content

    assert b"waiting for a worker" in post(client, query="outcome__exact=flagged").content
    one = written(ExportJob.objects.get(), timezone.now())
    assert b"Download" in client.get(reverse("exports-panel")).content
    answer = download(client, one)

    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert [row["Call reference"] for row in csv.DictReader(io.StringIO(body))] == ["C2"]
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "Caller name" not in body
    acts = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert acts == ["Asked for an export of legs as csv: flagged, without callers.", "Downloaded the export."]


def test_an_export_is_for_the_one_who_asked(client: Client, asker: User, admin_client: Client) -> None:
    one = written(job(asker))

    assert download(admin_client, one).status_code == 404
    assert b"no export yet" in admin_client.get(reverse("exports")).content
    assert client.get(reverse("exports")).status_code in (302, 200)


def test_who_may_no_longer_see_callers_gets_no_file_that_holds_them(client: Client, asker: User) -> None:
    see = may_see_callers(asker)
    one = written(job(see, with_callers=True))
    client.force_login(see)
    assert download(client, one).status_code == 200

    see.user_permissions.remove(Permission.objects.get(codename="view_caller"))
    assert download(client, one).status_code == 302


def test_a_file_that_is_not_here_is_reported(client: Client, asker: User) -> None:
    one = written(job(asker))
    jobs.path_of(one).unlink()
    client.force_login(asker)

    answer = client.get(reverse("exports-download", args=[one.pk]), follow=True)
    assert b"not on this machine" in answer.content


@pytest.mark.parametrize(("kind", "query"), [("exe", ""), ("csv", "caller_name=Jo")])
def test_what_cannot_be_exported_begins_nothing(client: Client, asker: User, kind: str, query: str) -> None:
    client.force_login(asker)

    assert post(client, kind, query).status_code == 200
    assert not ExportJob.objects.exists()


def test_exports_are_for_those_who_may_see_legs(client: Client) -> None:
    client.force_login(User.objects.create_user("clerk", is_staff=True))

    assert client.get(reverse("exports")).status_code == 403
    assert post(client).status_code == 403
