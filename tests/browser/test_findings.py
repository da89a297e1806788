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
from tests.browser.test_keyboard import tab_to
from tests.journeys.browser import lend_session, open_browser

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: The longest value that a flag takes, without a blank.
LONG_VALUE = "cell => cell.insertAdjacentText('beforeend', 'InteractionGuid: “' + '6B0D9347'.repeat(31) + '”')"
#: By how many pixels a table is wider than its place.
CUT_OFF = "place => Math.max(0, place.querySelector('table').scrollWidth - place.clientWidth)"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_findings_are_read_and_a_recording_is_refused_that_qms_cannot_confirm(
    live_server: str, width: int, scheme: str
) -> None:
    site = PlantedSite(36)
    later = site.end + timedelta(days=2)
    for _ in steps(ask(site.service, BEGIN, site.end, "", later), lambda: later, lambda _: site.qms()):
        pass
    ReconciliationFinding.objects.filter(cause="gap").update(withdrawn_at=later)
    client = Client()
    client.force_login(User.objects.create_superuser("ada", password="x"))
    finding = ReconciliationFinding.objects.exclude(candidates=[]).get(is_repairable=True)
    with open_browser(width, scheme) as page:
        lend_session(page, client, str(live_server))
        page.goto(f"{live_server}{reverse('admin:reconciliation_reconciliationfinding_changelist')}")
        tab_to(page, ".qg-note summary")
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="different values: written by another")).to_be_visible()
        assert violations(page) == []
        page.goto(f"{live_server}{reverse('admin:reconciliation_reconciliationfinding_change', args=[finding.pk])}")
        expect(page.get_by_text("QMS has this recording without any of our Flags.")).to_be_visible()
        assert violations(page) == []
        tab_to(page, "form[action$='/repair/'] button")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Flags cannot be taken back.")).to_be_visible()
        expect(page.get_by_role("cell", name="The leg gets the recording")).to_be_visible()
        assert violations(page) == []
        page.locator("td[data-label='Flags that are written']").evaluate(LONG_VALUE)
        assert page.locator("[aria-label='What is repaired']").evaluate(CUT_OFF) == 0, "a value cannot be read"
        tab_to(page, "form:has([name='confirmed']) button")
        page.keyboard.press("Enter")
        expect(page.get_by_text(f"{finding.recording_guid}:")).to_be_visible()  # And why it was not done.
        for cause, words in (("several_candidates", "2.0 s before it began"), ("gap", "Withdrawn: a comparison of")):
            key = ReconciliationFinding.objects.filter(cause=cause)[0].pk
            page.goto(f"{live_server}{reverse('admin:reconciliation_reconciliationfinding_change', args=[key])}")
            expect(page.get_by_text(words).first).to_be_visible()
            assert violations(page) == []
    finding.refresh_from_db()
    assert finding.repaired_at is None, "the service of this test cannot be reached"
