"""Many findings repaired at once: what was not done is said by its reason, not once for each recording."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.api import NotAssignable
from gateway_site.reconciliation.compare import FindingKind
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from qms.models import DataServer, RecordingService

pytestmark = pytest.mark.django_db
LIST = "admin:reconciliation_reconciliationfinding_changelist"
PAGE = "admin:reconciliation_reconciliationfinding_change"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def findings() -> list[int]:
    """Make seven recordings without flags that can be repaired."""
    server = DataServer.objects.create(slug="ds")
    service = RecordingService.objects.create(slug="north", data_server=server, url="http://127.0.0.1/")
    rows = [
        ReconciliationFinding(
            service=service,
            kind=FindingKind.UNFLAGGED,
            key=f"guid-{number}",
            recording_guid=f"guid-{number}",
            grade="major",
            cause="unreachable",
            extension="2001",
            began_at=NOON,
            found_at=NOON,
            seen_at=NOON,
            is_repairable=True,
        )
        for number in range(1, 8)
    ]
    return [row.pk for row in ReconciliationFinding.objects.bulk_create(rows)]


def only_one_is_certain(finding: ReconciliationFinding, *_: object) -> None:
    """Stand for the repair, where QMS and the database were read again."""
    if finding.recording_guid == "guid-1":
        raise NotAssignable("The leg is no longer kept.")
    if finding.recording_guid != "guid-7":
        raise NotAssignable("Another leg was connected.")


def test_a_reason_is_said_once_with_the_number_of_recordings(
    findings: list[int], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_site.reconciliation.admin.repair", only_one_is_certain)
    wanted = {"action": "repair_selected", "_selected_action": findings, "confirmed": "yes"}
    page = admin_client.post(reverse(LIST), wanted, follow=True)
    said = [str(one) for one in page.context["messages"]]

    assert sorted(said) == [
        "1 of 7 recordings repaired; flags follow.",
        "5 recordings were not repaired (guid-6, guid-5, guid-4 and 2 more): Another leg was connected.",
        "guid-1: The leg is no longer kept.",
    ]


def test_of_none_that_is_repaired_no_flags_follow(
    findings: list[int], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_site.reconciliation.admin.repair", only_one_is_certain)
    wanted = {"action": "repair_selected", "_selected_action": findings[:6], "confirmed": "yes"}
    page = admin_client.post(reverse(LIST), wanted, follow=True)
    assert "0 of 6 recordings repaired." in [str(one) for one in page.context["messages"]]


def test_of_a_service_that_was_in_shadow_mode_nothing_is_said_that_nobody_knows(
    findings: list[int], admin_client: Client
) -> None:
    """Before: "another gateway wrote the flags", also of what this gateway had flagged before shadow mode began."""
    RecordingService.objects.update(writing_since=NOON.replace(hour=13))
    page = admin_client.get(reverse("admin:reconciliation_reconciliationfinding_change", args=findings[:1]))

    text = " ".join(page.content.decode().split())
    assert (
        "north was in shadow mode until 2026-03-02 13:00:00 UTC: nothing that was connected before is repaired" in text
    )
    assert "another gateway wrote" not in text


def test_a_comparison_is_named_by_the_sites_clock_with_its_zone(findings: list[int]) -> None:
    """Before: by UTC, and nothing said so."""
    service = RecordingService.objects.get()
    run = ReconciliationRun(service=service, begin=NOON, end=NOON.replace(hour=13))
    with timezone.override("America/St_Johns"):
        assert str(run) == "north from 2026-03-02 08:30:00 NST to 2026-03-02 09:30:00 NST"


def test_nothing_is_left_to_do_for_what_is_repaired(findings: list[int], admin_client: Client) -> None:
    ReconciliationFinding.objects.filter(pk=findings[0]).update(
        repaired_at=NOON, repaired_by="ada", is_repairable=False
    )
    page = admin_client.get(reverse("admin:reconciliation_reconciliationfinding_change", args=findings[:1]))

    text = " ".join(page.content.decode().split())
    assert "<strong>What to do next:</strong> Nothing. The leg" in text


def test_where_nothing_selected_can_be_repaired_it_says_so(findings: list[int], admin_client: Client) -> None:
    """Before: "0 of 0 recordings repaired; flags follow."."""
    ReconciliationFinding.objects.update(is_repairable=False)
    page = admin_client.post(reverse(LIST), {"action": "repair_selected", "_selected_action": findings}, follow=True)

    [said] = [str(one) for one in page.context["messages"]]
    assert said == "None of the selected findings can be repaired; the page of each says why."


def test_the_question_of_a_repair_that_is_loaded_again_leads_to_the_finding(
    findings: list[int], admin_client: Client
) -> None:
    """Before: an empty page of an error."""
    page = admin_client.get(reverse("admin:reconciliation_repair", args=[findings[0]]))
    assert page.headers["Location"] == reverse(PAGE, args=[findings[0]])


@pytest.mark.parametrize(("grade", "has_alarm"), [("critical", True), ("major", False), ("minor", False)])
def test_acknowledging_speaks_of_an_alarm_where_there_is_one(
    findings: list[int], admin_client: Client, grade: str, *, has_alarm: bool
) -> None:
    ReconciliationFinding.objects.filter(pk=findings[0]).update(grade=grade)
    text = admin_client.get(reverse(PAGE, args=[findings[0]])).content.decode()
    assert "Acknowledge" in text
    assert ("no alarm any more" in text) is has_alarm
