"""Somebody names what is another person's: exports, saved reports and views, by their numbers."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from calls.export.jobs import path_of
from calls.models import ExportJob, SavedList, SavedReport
from gateway_site.roles import ADMINISTRATOR, OPERATOR, SUPERVISOR
from tests.attacks.actors import browser_of, person

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def sven() -> User:
    """Return somebody who has an export, a saved report and a saved view."""
    return person(SUPERVISOR, "sven")


@pytest.mark.parametrize("role", [ADMINISTRATOR, OPERATOR, SUPERVISOR])
def test_an_export_is_for_the_one_who_asked(role: str, sven: User) -> None:
    job = ExportJob.objects.create(user=sven, kind="csv", wanted="{}", with_callers=True, state="done", asked_at=NOON)
    path_of(job).parent.mkdir(parents=True, exist_ok=True)
    path_of(job).write_text("Erika Mustermann")
    other = browser_of(role, "other")

    own = Client()
    own.force_login(sven, backend="django.contrib.auth.backends.ModelBackend")

    assert own.get(reverse("exports-download", args=[job.pk])).status_code == 200
    assert other.get(reverse("exports-download", args=[job.pk])).status_code == 404
    assert b"exports/%d/" % job.pk not in other.get(reverse("exports")).content
    path_of(job).unlink()


def test_saved_reports_and_views_are_deleted_by_their_owner_alone(sven: User) -> None:
    report = SavedReport.objects.create(user=sven, name="mine", query="by=day")
    view = SavedList.objects.create(user=sven, label="calls.leg", name="mine", query="")
    other = browser_of(ADMINISTRATOR, "other")

    assert other.post(reverse("reports-save"), {"delete": report.pk}).status_code == 404
    assert other.post(reverse("list-views", args=["calls.leg"]), {"delete": view.pk}).status_code == 404

    assert SavedReport.objects.filter(pk=report.pk).exists()
    assert SavedList.objects.filter(pk=view.pk).exists()
