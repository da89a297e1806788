"""The pages of the comparison with QMS, in a browser: seen, read aloud, and used."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from devtools.bench.planted import BEGIN, PlantedSite
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.runs import ask, steps
from tests.browser.axe import violations
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_findings_are_read_and_a_recording_is_refused_that_qms_cannot_confirm(
    live_server: str, width: int, scheme: str
) -> None:
    site = PlantedSite(36)
    later = site.end + timedelta(days=2)
    for _ in steps(ask(site.service, BEGIN, site.end, "", later), lambda: later, lambda _: site.qms()):
        pass
    client = Client()
    client.force_login(User.objects.create_superuser("ada", password="x"))
    finding = ReconciliationFinding.objects.exclude(candidates=[]).get(is_repairable=True)
    with open_browser(width, scheme) as page:
        lend_session(page, client, str(live_server))
        page.goto(f"{live_server}{reverse('admin:reconciliation_reconciliationfinding_changelist')}")
        expect(page.get_by_text("different values").first).to_be_visible()
        assert violations(page) == []
        page.goto(f"{live_server}{reverse('admin:reconciliation_reconciliationfinding_change', args=[finding.pk])}")
        expect(page.get_by_text("QMS has this recording without any of our Flags.")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("button", name="Give the recording to the leg").click()
        expect(page.get_by_text("It is no longer certain", exact=False).first).to_be_visible()
    finding.refresh_from_db()
    assert finding.repaired_at is None, "the service of this test cannot be reached"
