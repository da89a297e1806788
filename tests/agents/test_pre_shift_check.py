"""The pre-shift check and what troubled matches cost: both stand on the page Agents."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents import pre_shift_check
from agents.api import UnmatchedCalls, note_calls_at_risk
from agents.models import Agent, AgentSessionRecord, CallsAtRisk, ShiftCheck, UserRefresh
from agents.sessions.logged_on import logged_on_agents
from agents.unmatched_calls import calls_at_risk
from cti.models import CtiSource
from qms.models import RecordingService
from tests.agents.test_directories import list_user

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)
AGENTS = "/admin/agents/agent/"


def stay(source: CtiSource, agent: str, device: str, *, days_ago: float = 0, is_over: bool = True) -> None:
    at = NOW - timedelta(days=days_ago)
    AgentSessionRecord.objects.create(
        source=source,
        agent_id=agent,
        agent_name=f"N{agent}",
        device_id=device,
        state="Ready",
        state_since=at,
        since=at,
        until=at if is_over else None,
    )


def loaded(service: RecordingService, at: datetime = NOW) -> None:
    UserRefresh.objects.create(service=service, trigger="daily", state="done", started_at=at, finished_at=at)


def found(run: ShiftCheck) -> list[tuple[str, str, str]]:
    return list(run.troubles.values_list("device_id", "agent", "kind"))


def test_everybody_seen_lately_is_matched_where_they_were_last_logged_on_before_they_come(
    source: CtiSource, north: RecordingService
) -> None:
    loaded(north)
    list_user(north, "2001", first_name="N9101", last_name="")
    stay(source, "9101", "7777", days_ago=3)
    stay(source, "9101", "2001", days_ago=1)
    stay(source, "9102", "2002", days_ago=1)
    stay(source, "9103", "2001", is_over=False)
    stay(source, "9104", "4444", days_ago=15)

    pre_shift_check.check(NOW)

    run = ShiftCheck.objects.get()
    assert (run.ready, run.doubtful, run.troubled) == (1, 1, 1)
    assert found(run) == [("2002", "N9102 (9102)", "user_unmatched"), ("2001", "N9103 (9103)", "matched")]


def test_monitored_extensions_at_which_nobody_was_seen_are_checked_too(
    source: CtiSource, north: RecordingService
) -> None:
    loaded(north)
    CtiSource.objects.update(devices=["2001", "2002", "2003"])
    list_user(north, "2001")
    list_user(north, "2002", active=False)
    stay(source, "9103", "2003")

    pre_shift_check.check(NOW)

    run = ShiftCheck.objects.get()
    assert run.ready == 1
    assert found(run) == [("2003", "N9103 (9103)", "user_unmatched"), ("2002", "", "user_inactive")]


def test_users_that_were_not_loaded_since_yesterday_are_a_trouble_of_their_own(
    source: CtiSource, north: RecordingService
) -> None:
    loaded(north, NOW - timedelta(hours=27))

    pre_shift_check.check(NOW)

    run = ShiftCheck.objects.get()
    assert (run.ready, run.troubled) == (0, 1)
    assert "north were not loaded in the last 26 hours" in run.troubles.get().reason


def test_the_check_runs_once_a_day_at_its_time_by_the_sites_clock(
    source: CtiSource, north: RecordingService, settings: Any
) -> None:
    settings.TIME_ZONE, settings.PRE_SHIFT_AT = "Europe/Berlin", time(6, 30)
    early = datetime(2025, 3, 3, 5, 29, tzinfo=UTC)
    for minutes in (0, 1, 2, 60, 600, 24 * 60):
        pre_shift_check.check_due(early + timedelta(minutes=minutes))

    assert list(ShiftCheck.objects.order_by("id").values_list("at", "due_at")) == [
        (early, early - timedelta(days=1) + timedelta(minutes=1)),
        (early + timedelta(minutes=1), early + timedelta(minutes=1)),
    ]


@pytest.mark.parametrize("at", [None, time(6, 30)])
def test_without_a_time_or_a_source_nothing_is_checked(db: None, settings: Any, at: time | None) -> None:
    settings.PRE_SHIFT_AT = at
    if at is None:
        CtiSource.objects.create(slug="pbx", kind="http")

    pre_shift_check.check_due(NOW)

    assert not ShiftCheck.objects.exists()


def test_two_workers_at_once_keep_one_check(source: CtiSource, north: RecordingService) -> None:
    for _ in range(2):
        pre_shift_check.check(NOW, due_at=NOW)

    assert ShiftCheck.objects.count() == 1


def test_old_checks_and_more_troubles_than_anybody_reads_are_not_kept(
    source: CtiSource, north: RecordingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pre_shift_check, "KEPT_CHECKS", 2)
    monkeypatch.setattr(pre_shift_check, "KEPT_TROUBLES", 3)
    loaded(north)
    CtiSource.objects.update(devices=[str(number) for number in range(5)])
    for day in range(3):
        pre_shift_check.check(NOW + timedelta(hours=day))

    assert list(ShiftCheck.objects.values_list("at", flat=True)) == [NOW + timedelta(hours=2), NOW + timedelta(hours=1)]
    latest = pre_shift_check.latest()
    assert latest is not None
    assert (latest.troubled, latest.troubles.count()) == (5, 3)


def test_the_page_shows_the_check_with_its_age_and_the_button_runs_it(
    admin_client: Client, source: CtiSource, north: RecordingService
) -> None:
    assert "There was no check yet" in admin_client.get(AGENTS).content.decode()
    stay(source, "9102", "2002", is_over=False)

    page = admin_client.post(f"{AGENTS}check/", follow=True).content.decode()

    assert "Checked just now" in page
    assert "by admin" in page
    assert "0 ready, 0 to check, 2 in trouble" in page
    assert "N9102 (9102)" in page
    ShiftCheck.objects.update(at=timezone.now() - timedelta(hours=30))
    assert "The last check is older than a day" in admin_client.get(AGENTS).content.decode()


def test_only_a_post_of_someone_who_may_runs_a_check(
    client: Client, admin_client: Client, django_user_model: Any, source: CtiSource
) -> None:
    assert admin_client.get(f"{AGENTS}check/").status_code == 405
    client.force_login(django_user_model.objects.create_user("vera", is_staff=True))
    assert client.post(f"{AGENTS}check/").status_code == 403
    assert not ShiftCheck.objects.exists()


def test_every_check_can_be_looked_at_with_what_it_found(
    admin_client: Client, source: CtiSource, north: RecordingService
) -> None:
    stay(source, "9102", "2002")
    pre_shift_check.check(NOW)

    assert admin_client.get("/admin/agents/shiftcheck/").status_code == 200
    page = admin_client.get(f"/admin/agents/shiftcheck/{ShiftCheck.objects.get().pk}/change/").content.decode()
    assert "No QMS user has extension 2002" in page


def test_the_trouble_that_costs_most_stands_first_with_its_cost_and_the_way_to_a_mapping(
    admin_client: Client, source: CtiSource, north: RecordingService
) -> None:
    list_user(north, "2001", first_name="N9101", last_name="")
    for agent, device in (("9101", "2001"), ("9102", "2002"), ("9103", "2003")):
        stay(source, agent, device, is_over=False)
    carol = Agent.objects.create(source=source, agent_id="9103", first_seen_at=NOW, last_seen_at=NOW)
    note_calls_at_risk(
        [UnmatchedCalls(source.pk, "2003", 17), UnmatchedCalls(source.pk, "2002", 2)], timezone.localdate()
    )

    assert [(one.session.device_id, one.calls_at_risk) for one in logged_on_agents()] == [
        ("2003", 17),
        ("2002", 2),
        ("2001", 0),
    ]
    page = admin_client.get(AGENTS).content.decode()
    assert "the calls of 2 cannot be flagged. Calls at risk there today: 19." in page
    assert f"/admin/agents/mappingact/add/?agent={carol.pk}" in page


def test_counts_of_a_day_replace_those_before_and_are_of_that_day_alone(source: CtiSource) -> None:
    monday, tuesday = date(2025, 3, 3), date(2025, 3, 4)
    note_calls_at_risk([UnmatchedCalls(source.pk, "2001", 3), UnmatchedCalls(source.pk, "2002", 1)], monday)
    note_calls_at_risk([UnmatchedCalls(source.pk, "2001", 4)], monday)
    assert calls_at_risk(monday) == {(source.pk, "2001"): 4}
    assert calls_at_risk(tuesday) == {}

    note_calls_at_risk([UnmatchedCalls(source.pk, "2001", 1)], tuesday)

    assert (calls_at_risk(monday), calls_at_risk(tuesday)) == ({}, {(source.pk, "2001"): 1})


def test_counts_that_did_not_change_are_not_written(source: CtiSource, django_assert_num_queries: Any) -> None:
    day = date(2025, 3, 3)
    note_calls_at_risk([UnmatchedCalls(source.pk, "2001", 3)], day)
    before = CallsAtRisk.objects.get().pk

    with django_assert_num_queries(1):
        note_calls_at_risk([UnmatchedCalls(source.pk, "2001", 3)], day)

    assert CallsAtRisk.objects.get().pk == before
