"""The page of a comparison and the list of findings: the answer first, then how many there are of each cause."""

from datetime import timedelta

import pytest
from django.test import Client

import clock
from devtools.bench.planted import BEGIN, PlantedSite
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.panel import run_panel
from gateway_site.reconciliation.runs import ask, steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> PlantedSite:
    return PlantedSite(72)


def compared(site: PlantedSite) -> ReconciliationRun:
    """Carry out a comparison of the whole site."""
    later = site.end + timedelta(days=2)
    run = ask(site.service, BEGIN, site.end, "Ada", later)
    for _ in steps(run, lambda: later, lambda _: site.qms()):
        pass
    return run


def test_the_page_of_a_comparison_says_what_came_of_it_and_leads_to_the_findings_of_each_cause(
    site: PlantedSite, admin_client: Client
) -> None:
    run = ask(site.service, BEGIN, site.end, "ada", site.end + timedelta(days=2))
    address = f"/admin/reconciliation/reconciliationrun/{run.pk}/"
    assert "It waits for a worker." in admin_client.get(f"{address}change/").content.decode()
    done = compared(site)
    page = admin_client.get(f"/admin/reconciliation/reconciliationrun/{done.pk}/panel/").content.decode()

    assert f"{done.recordings:,} recordings and {done.legs:,} legs were compared: {done.findings:,} findings." in page
    assert "recorded without flags: lost in QMS" in page
    for cause in run_panel(done).causes[:2]:
        assert admin_client.get(cause.address).context["cl"].result_count == cause.count > 0


def test_a_comparison_that_was_asked_for_leads_to_its_page(site: PlantedSite, admin_client: Client) -> None:
    day = f"{clock.now() - timedelta(days=1):%Y-%m-%d}"
    span = {"begin_0": day, "begin_1": "00:00", "end_0": day, "end_1": "12:00"}
    answer = admin_client.post(
        "/admin/reconciliation/reconciliationrun/add/", {"service": str(site.service.pk), **span}
    )
    run = ReconciliationRun.objects.get()
    assert answer.headers["Location"] == f"/admin/reconciliation/reconciliationrun/{run.pk}/change/"


def test_the_list_of_findings_says_first_how_many_stand(site: PlantedSite, admin_client: Client) -> None:
    compared(site)
    count = ReconciliationFinding.objects.filter(withdrawn_at=None).count()
    page = admin_client.get("/admin/reconciliation/reconciliationfinding/").content.decode()
    assert f"{count:,} findings stand: " in page
