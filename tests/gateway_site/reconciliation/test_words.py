"""Causes of findings are named in the same words everywhere, and how old calls must be can be less than an hour."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from calls.core.result_events import BRIEFLY, WHY
from devtools.bench.planted import BEGIN, PlantedSite
from gateway_site.config.environment import SettingsError, environment
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import ask, last_settled, old_enough, settled_until
from gateway_site.reconciliation.texts import cause_words
from launcher.paths import ROOT

LIST = "admin:reconciliation_reconciliationfinding_changelist"


def test_a_legs_own_reason_has_the_words_of_the_dashboard() -> None:
    assert {cause: cause_words(cause) for cause in WHY} == BRIEFLY
    assert cause_words("joined_late") == "joined late"
    assert cause_words("UnknownFlag") == "UnknownFlag"


@pytest.mark.django_db
def test_list_filter_and_command_name_a_cause_alike(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = PlantedSite(36)
    monkeypatch.setattr("clock.now", lambda: site.end + timedelta(days=2))
    monkeypatch.setattr("gateway_site.management.commands.reconcile.connect", lambda _: site.qms())
    call_command("reconcile", "--from", BEGIN.isoformat(), "--to", site.end.isoformat())
    said = capsys.readouterr().out
    page = html.unescape(admin_client.get(reverse(LIST)).content.decode())
    causes = set(ReconciliationFinding.objects.values_list("cause", flat=True))

    for cause in causes:
        assert f": {cause_words(cause)}\n" in said
        assert page.count(cause_words(cause)) >= 2, f"{cause} is not in the list and its filter"
    chosen = html.unescape(admin_client.get(reverse(LIST), {"cause": "unreachable"}).content.decode())
    rows = ReconciliationFinding.objects.filter(cause="unreachable").count()
    assert chosen.count("field-cause_words") == rows
    assert "unreachable" not in re.sub(r"<[^>]*>", "", chosen), "the code is in no text of the page"


@pytest.mark.django_db
def test_less_than_an_hour_is_counted_in_minutes(settings: Settings) -> None:
    settings.RECONCILE_AFTER_HOURS = 0.05
    now = datetime(2026, 11, 29, 10, 7, 30, tzinfo=UTC)
    site = PlantedSite(1)

    assert settled_until(now) == datetime(2026, 11, 29, 10, 4, tzinfo=UTC)
    assert ask(site.service, now - timedelta(minutes=20), now, "Ada", now).end == settled_until(now)
    assert old_enough() == "3 minutes old (RECONCILE_AFTER_HOURS)"
    assert last_settled() == "the last full minute that is 3 minutes ago (RECONCILE_AFTER_HOURS)"


def test_an_hour_or_more_ends_at_a_full_hour(settings: Settings) -> None:
    settings.RECONCILE_AFTER_HOURS = 1.0
    assert settled_until(datetime(2026, 11, 29, 10, 7, tzinfo=UTC)) == datetime(2026, 11, 29, 9, tzinfo=UTC)
    assert old_enough() == "1 hour old (RECONCILE_AFTER_HOURS)"


@pytest.mark.parametrize(("text", "hours"), [("", 2.0), ("0.05", 0.05), ("0.5", 0.5), ("48", 48.0)])
def test_the_age_of_calls_is_a_number_of_hours(text: str, hours: float, tmp_path: object) -> None:
    values = {"GATEWAY_VAR": str(tmp_path), **({"RECONCILE_AFTER_HOURS": text} if text else {})}
    assert environment(values, ROOT).reconcile_after_hours == hours


def test_an_age_at_which_flags_are_still_on_their_way_is_refused(tmp_path: object) -> None:
    with pytest.raises(SettingsError, match="RECONCILE_AFTER_HOURS"):
        environment({"GATEWAY_VAR": str(tmp_path), "RECONCILE_AFTER_HOURS": "0.01"}, ROOT)
