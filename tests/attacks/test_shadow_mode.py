"""Somebody tries to have flags written while another gateway writes: by a repair, by retries, by switching.

A leg missed its recording, and the flags of another were refused; then the Recording Service is put into shadow mode.
Whatever button is pressed, whatever a worker does: QMS is never asked to write, neither now nor after the switch back.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from calls.api import Assignment, NotAssignable, assign_recording
from calls.models import Leg
from flags.models import FlagSetting, FlagWrite
from flags.outbox.doubt import put_in_doubt
from flags.outbox.retry_runs import continue_retries
from gateway_site.reconciliation.models import ReconciliationFinding, ReconciliationRun
from gateway_site.reconciliation.repair import repair
from gateway_site.reconciliation.runs import ask, ask_daily, carry_on
from gateway_site.roles import ADMINISTRATOR, OPERATOR
from qms.models import RecordingService
from qms.port import Flag, FlagDefinition
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.records import Troubles
from tests.attacks.actors import browser_of
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
FINDINGS, WRITES = "/admin/reconciliation/reconciliationfinding/", "/admin/flags/flagwrite/"


class WatchedService(InProcessRecordingService):
    """A way to QMS that keeps the recordings that it was asked to write to."""

    asked: list[str]

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Keep the recording, and write."""
        self.asked.append(guid)
        return super().write_flags(guid, flags)


class ShadowedStack(GatewayStack):
    """A gateway whose QMS missed one leg, refused another's flags, and is in shadow mode since."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.log_on("A1", "2001", "Ada")
        self.log_on("A2", "2002", "Bob")
        FlagSetting.objects.filter(name="AgentId").update(name="Agent Number")  # QMS does not know it.
        self.qms.troubles["rs1"] = Troubles(down=True)
        self.connects("C1", "2001")
        for _ in range(8):
            self.passes(4)
        self.qms.troubles["rs1"] = Troubles()
        self.clears("C1", "2001")
        self.passes(40)
        self.connects("C2", "2002")
        self.passes(4)
        self.clears("C2", "2002")
        self.passes(40)
        assert self.outcomes() == [("2001", "window_missed"), ("2002", "refused")]
        self.qms.create_flag_definition("rs1", FlagDefinition("Agent Number"))
        self.asked.clear()

    def connect(self, service: RecordingService) -> WatchedService:
        """Connect by a way that is watched."""
        line = WatchedService(self.qms, service.slug, lambda: self.time)
        line.asked = self.asked
        return line

    def switch(self, *, shadow: bool) -> None:
        """Press the button of the page Shadow comparison, and confirm."""
        said = {"shadow": "on" if shadow else "", "confirmed": "yes"}
        client = Client()
        client.force_login(User.objects.get(username="root"))
        client.post(f"/admin/shadow/{self.service.pk}/", said)
        assert RecordingService.objects.get(pk=self.service.pk).shadow == shadow

    def findings(self) -> list[ReconciliationFinding]:
        """Compare, and return what stands."""
        carry_on(self.now, self.connect, self.time + timedelta(hours=1))
        return list(ReconciliationFinding.objects.filter(withdrawn_at=None).order_by("began_at"))

    def day_passes(self) -> None:
        """Let everything run that runs by itself: comparisons, retries, deliveries, doubts."""
        for _ in range(3):
            self.passes(3600)
            ask_daily(self.time + timedelta(hours=3))
            self.findings()
            continue_retries(self.now)
            self.works()


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> ShadowedStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    User.objects.create_superuser("root", password="x")
    stack = ShadowedStack()
    monkeypatch.setattr("clock.now", lambda: stack.time)
    for module in ("reconciliation.admin", "management.commands.reconcile"):
        monkeypatch.setattr(f"gateway_site.{module}.connect", stack.connect)
    stack.passes(4 * 3600)
    ask(stack.service, stack.begin - timedelta(hours=1), stack.time, "ada", stack.time)
    assert [one.is_repairable for one in stack.findings()] == [True, True]
    stack.switch(shadow=True)
    return stack


def _button(gateway: ShadowedStack) -> None:
    for finding in gateway.findings():
        browser_of(OPERATOR, f"o{finding.pk}").post(f"{FINDINGS}{finding.pk}/repair/", {"confirmed": "yes"})


def _list_of_findings(gateway: ShadowedStack) -> None:
    chosen = [one.pk for one in gateway.findings()]
    browser_of(OPERATOR).post(FINDINGS, {"action": "repair_selected", "_selected_action": chosen, "confirmed": "yes"})


def _function(gateway: ShadowedStack) -> None:
    for finding in gateway.findings():
        with pytest.raises(NotAssignable, match="shadow mode"):
            repair(finding, "ada", gateway.connect, gateway.time)


def _assignment(gateway: ShadowedStack) -> None:
    """Past the comparison: the decision itself is left for the consumer."""
    recording = next(one for one in gateway.qms.recordings.values() if one.extension == "2001").as_recording()
    leg = Leg.objects.get(device_id="2001")
    wanted = Assignment(leg_id=leg.pk, service_id=gateway.service.pk, recording=recording, by="ada")
    assign_recording(wanted, gateway.time)


def _command(gateway: ShadowedStack) -> None:
    call_command("reconcile", "--from", gateway.begin.isoformat(), "--to", gateway.time.isoformat())


def _beat(gateway: ShadowedStack) -> None:
    ask_daily(gateway.time)
    gateway.findings()


def _retry_of_writes(gateway: ShadowedStack) -> None:
    chosen = list(FlagWrite.objects.values_list("pk", flat=True))
    browser_of(OPERATOR).post(WRITES, {"action": "retry_selected", "_selected_action": chosen})


def _retry_of_a_reason(gateway: ShadowedStack) -> None:
    browser_of(ADMINISTRATOR).post(f"{WRITES}retry-all/", {"reason": "UnknownFlag", "confirmed": "yes"})
    continue_retries(gateway.now)


def _doubt_after_a_restore(gateway: ShadowedStack) -> None:
    put_in_doubt(gateway.time)


WAYS: list[Callable[[ShadowedStack], None]] = [
    _button,
    _list_of_findings,
    _function,
    _assignment,
    _command,
    _beat,
    _retry_of_writes,
    _retry_of_a_reason,
    _doubt_after_a_restore,
]


def test_all_ways_together_lead_to_no_write_in_shadow_mode_nor_after_it(gateway: ShadowedStack) -> None:
    for way in WAYS:
        User.objects.exclude(username="root").delete()
        way(gateway)
    gateway.works()
    gateway.switch(shadow=False)
    _list_of_findings(gateway)
    gateway.works()
    assert gateway.asked == []


@pytest.mark.nightly
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_no_way_leads_to_a_write_in_shadow_mode_nor_after_it(
    gateway: ShadowedStack, way: Callable[[ShadowedStack], None]
) -> None:
    way(gateway)
    gateway.day_passes()
    assert gateway.asked == []

    gateway.switch(shadow=False)
    for again in (_button, _list_of_findings, _retry_of_writes, _retry_of_a_reason):
        User.objects.exclude(username="root").delete()
        again(gateway)
    gateway.day_passes()
    assert gateway.asked == []
    assert all(not one.flags for one in gateway.qms.recordings.values())


@pytest.mark.nightly
def test_a_repair_that_was_ordered_a_moment_before_the_switch_is_not_written_after_it(gateway: ShadowedStack) -> None:
    gateway.switch(shadow=False)
    RecordingService.objects.update(writing_since=None)  # As if it had never been in shadow mode.
    ReconciliationFinding.objects.update(is_repairable=True)
    [missed, _] = gateway.findings()
    repair(missed, "ada", gateway.connect, gateway.time)
    gateway.switch(shadow=True)
    gateway.day_passes()
    assert gateway.asked == []


def test_a_finding_offers_no_repair_in_shadow_mode_and_says_why(gateway: ShadowedStack) -> None:
    for finding in gateway.findings():
        page = browser_of(OPERATOR, f"o{finding.pk}").get(f"{FINDINGS}{finding.pk}/change/").content.decode()
        assert "Give the recording" not in page
        assert "Send the flags again" not in page
        assert "shadow mode" in page


@pytest.mark.nightly
def test_a_comparison_in_shadow_mode_marks_nothing_as_repairable(gateway: ShadowedStack) -> None:
    ask(gateway.service, gateway.begin - timedelta(hours=1), gateway.time, "ada", gateway.time)
    assert [one.is_repairable for one in gateway.findings()] == [False, False]
    assert ReconciliationRun.objects.filter(error="").count() == 2
