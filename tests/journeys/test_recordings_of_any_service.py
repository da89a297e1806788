"""Users whose recordings any of several services may make ("Any"): their missed calls are compared at each of them."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import redis as redis_client
from django.test import Client
from django.urls import reverse

from agents.models import Allocation
from calls.api import NotAssignable
from calls.models import Leg, RecordingSearch
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.repair import repair
from gateway_site.reconciliation.runs import ask, steps
from qms.models import RecordingService
from qms.port import FlagDefinition
from simulators.qms.records import SimulatedService, SimulatedUser, Troubles
from simulators.qms.site import SimulatedQms
from tests.journeys.stack import FLAGS, GatewayStack

pytestmark = pytest.mark.django_db(transaction=True)


class TwoServices(GatewayStack):
    """A gateway whose source has two services; 2001 may be recorded at each, and is asked for at ``rs1`` first."""

    def __init__(self) -> None:
        super().__init__()
        self.qms = SimulatedQms([SimulatedService(slug=slug, data_server="ds1") for slug in ("rs1", "rs2")])
        self.qms.set_users([SimulatedUser(extension="2001")])
        for name in FLAGS:
            self.qms.create_flag_definition("rs1", FlagDefinition(name))
        self.second = RecordingService.objects.create(
            slug="rs2", data_server=self.service.data_server, url="http://127.0.0.1:9/"
        )
        Allocation.objects.create(source=self.source, service=self.second, position=1)

    def flagged_call(self, *recorded_at: str) -> Leg:
        """Let a call be flagged at ``rs1``."""
        self.log_on("A1", "2001")
        self.passes(5)
        for slug in recorded_at:
            self.qms.connected("2001", self.time, slug)
        self.call("Established", "C1", "2001")
        self.passes(4)
        for slug in recorded_at:
            self.qms.disconnected("2001", self.time, slug)
        self.call("ConnectionCleared", "C1", "2001")
        self.passes(30)
        return Leg.objects.get()

    def missed_call(self, *recorded_at: str) -> Leg:
        """Let a call be heard when it is long over."""
        self.log_on("A1", "2001")
        self.passes(5)
        begun = self.event("Established", callId="C1", deviceId="2001")
        for slug in recorded_at:
            self.qms.connected("2001", self.time, slug)
        self.passes_unheard(4)
        for slug in recorded_at:
            self.qms.disconnected("2001", self.time, slug)
        self.hears(begun, self.event("ConnectionCleared", callId="C1", deviceId="2001"))
        self.passes_unheard(60)
        self.passes(1)
        self.passes(60)
        return Leg.objects.get()

    def compares(self, services: Sequence[RecordingService]) -> list[tuple[str, str, str]]:
        """Compare each service. Returns what stands: at which service, of which kind, and the cause."""
        for service in services:
            later = self.time = self.time + timedelta(hours=3)
            run = ask(service, self.begin - timedelta(hours=1), self.begin + timedelta(hours=1), "Ada", later)
            for _ in steps(run, lambda at=later: at, self.connect):  # type: ignore[misc]
                pass
            assert run.done_at is not None, run.error
        standing = ReconciliationFinding.objects.filter(withdrawn_at=None).order_by("service__slug")
        return list(standing.values_list("service__slug", "kind", "cause"))


@pytest.mark.parametrize("first", ["rs1", "rs2"])
@pytest.mark.parametrize("recorded_at", ["rs1", "rs2"])
def test_the_leg_is_the_candidate_of_a_recording_at_each_service(
    redis: redis_client.Redis, recorded_at: str, first: str
) -> None:
    """Before: "no CTI source reported a call" at one service, and a leg without recording at the other."""
    gateway = TwoServices()
    leg = gateway.missed_call(recorded_at)
    assert RecordingSearch.objects.get().services == [gateway.service.pk, gateway.second.pk]
    services = [gateway.service, gateway.second]
    order = services if first == "rs1" else services[::-1]

    expected = [(recorded_at, "recorded_without_flags", "late")]
    assert gateway.compares(order) == expected
    assert gateway.compares(order) == expected
    finding = ReconciliationFinding.objects.get(withdrawn_at=None)
    assert (finding.candidates, finding.is_repairable) == ([leg.pk], True)

    repair(finding, "ada", gateway.connect, gateway.time)
    gateway.passes(1)
    gateway.works()
    for service in services:
        gateway.time += timedelta(seconds=1)
        gateway.service = service
        gateway.works()
    assert [flags["AgentId"] for flags in gateway.flags("2001")] == ["A1"]


def test_a_leg_without_any_recording_stands_once(redis: redis_client.Redis) -> None:
    gateway = TwoServices()
    gateway.missed_call()

    assert gateway.compares([gateway.service, gateway.second]) == [("rs1", "leg_without_recording", "late")]


def test_a_leg_for_which_each_service_has_a_recording_gets_none_of_them(redis: redis_client.Redis) -> None:
    gateway = TwoServices()
    gateway.missed_call("rs1", "rs2")
    services = [gateway.service, gateway.second]
    found = gateway.compares(services)

    assert found == [(one, "recorded_without_flags", "late") for one in ("rs1", "rs2")]
    assert not ReconciliationFinding.objects.filter(is_repairable=True).exists()


def test_a_recording_at_the_other_service_stops_a_repair_before_it_was_compared(
    redis: redis_client.Redis,
) -> None:
    """Before: the flags were written to one of two recordings that fit, and nobody knew which."""
    gateway = TwoServices()
    gateway.missed_call("rs1", "rs2")
    gateway.compares([gateway.service])
    finding = ReconciliationFinding.objects.get(withdrawn_at=None)
    assert finding.is_repairable

    with pytest.raises(NotAssignable, match=r"^rs2 has a recording that may be this leg's as well"):
        repair(finding, "ada", gateway.connect, gateway.time)
    assert not RecordingSearch.objects.filter(why="assigned").exists()
    finding.refresh_from_db()
    assert (finding.is_repairable, finding.withdrawn_at) == (False, None)


@pytest.mark.parametrize("trouble", [Troubles(down=True), None])
def test_nothing_is_written_where_the_other_service_cannot_be_asked(
    redis: redis_client.Redis, trouble: Troubles | None
) -> None:
    gateway = TwoServices()
    leg = gateway.missed_call("rs1")
    gateway.compares([gateway.service])
    if trouble is not None:
        gateway.qms.troubles["rs2"] = trouble
    else:
        RecordingSearch.objects.filter(leg_id=leg.pk).update(services=[gateway.service.pk, 99])

    finding = ReconciliationFinding.objects.get(withdrawn_at=None)
    with pytest.raises(NotAssignable, match=r"Nothing was written\.$"):
        repair(finding, "ada", gateway.connect, gateway.time)
    assert not RecordingSearch.objects.filter(why="assigned").exists()
    finding.refresh_from_db()
    assert finding.is_repairable, "it may be tried again"


def test_an_offer_is_taken_back_once_the_other_service_was_compared(
    redis: redis_client.Redis, admin_client: Client
) -> None:
    """Before: "One leg and one recording fit" until the first one was compared again."""
    gateway = TwoServices()
    gateway.missed_call("rs1", "rs2")
    gateway.compares([gateway.service])
    finding = ReconciliationFinding.objects.get(withdrawn_at=None)
    page = reverse("admin:reconciliation_reconciliationfinding_change", args=[finding.pk])
    assert "was sought at rs2 too" in admin_client.get(page).content.decode()

    gateway.compares([gateway.second])
    assert not ReconciliationFinding.objects.filter(is_repairable=True).exists()
    text = admin_client.get(page).content.decode()
    assert "rs2 has a recording that may be this leg" in text
    assert "One leg and one recording fit" not in text


def test_the_other_services_recording_of_a_leg_that_is_flagged_has_that_leg_as_its_cause(
    redis: redis_client.Redis,
) -> None:
    """Before: no CTI source reported a call there at that time."""
    gateway = TwoServices()
    leg = gateway.flagged_call("rs1", "rs2")
    assert leg.outcome == "flagged"

    found = gateway.compares([gateway.service, gateway.second])
    assert found == [("rs2", "recorded_without_flags", "second_recording_of_leg")]
    finding = ReconciliationFinding.objects.get()
    assert (finding.candidates, finding.is_repairable) == ([leg.pk], False)
