"""A recording that carries a Flag which the gateway ever wrote, or may have written, has flags: none is added."""

from collections.abc import Callable

import pytest
import redis as redis_client
from django.urls import reverse

from calls.api import NotAssignable
from calls.models import Leg
from flags.models import FlagOnServer, FlagSetting
from gateway_site.reconciliation.beside_legs import findings_of_leg
from gateway_site.reconciliation.models import ReconciliationFinding
from gateway_site.reconciliation.repair import repair
from gateway_site.roles import OPERATOR
from tests.attacks.actors import browser_of
from tests.gateway_site.reconciliation.kept_findings import PAGE
from tests.journeys.compared import compare, recorded_unanswered
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def switched_off(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").update(enabled=False)


def never_written(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").update(privacy="drop")


def deleted(gateway: GatewayStack) -> None:
    FlagSetting.objects.filter(name="AgentId").delete()
    FlagOnServer.objects.create(
        data_server=gateway.service.data_server, name="AgentId", state=FlagOnServer.State.EXISTS, at=gateway.time
    )


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway with a recording that lacks its flags."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    stack.log_on("A1", "2001")
    recorded_unanswered(stack, "C1", "2001")
    return stack


@pytest.mark.parametrize("change", [switched_off, never_written, deleted])
def test_a_flag_that_is_written_no_more_keeps_its_recording_from_a_repair(
    gateway: GatewayStack, change: Callable[[GatewayStack], None]
) -> None:
    """Before: the recording carried an agent of before, and was given the call reference of this leg."""
    [found] = compare(gateway)
    assert found.is_repairable
    change(gateway)
    [recording] = gateway.qms.recordings.values()
    recording.flags["AgentId"] = "A9"

    with pytest.raises(NotAssignable, match="It carries Flags that the gateway wrote, or may have: AgentId"):
        repair(found, "ada", gateway.connect, gateway.time)
    [again] = compare(gateway)
    assert (again.is_repairable, again.carried, again.names) == (False, ["AgentId"], [])
    assert recording.flags == {"AgentId": "A9"}


def test_the_page_names_the_flag_and_says_why_no_repair_is_offered(gateway: GatewayStack) -> None:
    """Before: "Flags that differ: AgentId", which differed from nothing, and no word why nothing was offered."""
    switched_off(gateway)
    [recording] = gateway.qms.recordings.values()
    recording.flags["AgentId"] = "A9"
    [finding] = compare(gateway)

    page = browser_of(OPERATOR).get(reverse(PAGE, args=[finding.pk])).content.decode()

    assert "It carries Flags that the gateway wrote, or may have: AgentId. No repair is offered" in page
    assert "Find out who wrote AgentId, and whose recording it is." in page
    assert "Flags that differ" not in page
    [leg] = Leg.objects.all()
    assert "Flags of before: AgentId." in findings_of_leg(leg)[0].text


@pytest.mark.parametrize("holds", [{"AgentId": "A8"}, {"AgentId": "A9", "QueueName": "Sales"}])
def test_an_acknowledged_finding_is_open_again_once_the_recording_carries_something_else(
    gateway: GatewayStack, holds: dict[str, str]
) -> None:
    FlagSetting.objects.filter(name__in=["AgentId", "QueueName"]).update(enabled=False)
    [recording] = gateway.qms.recordings.values()
    recording.flags["AgentId"] = "A9"
    compare(gateway)
    ReconciliationFinding.objects.update(acknowledged_at=gateway.time, acknowledged_by="ada")
    [same] = compare(gateway)
    recording.flags.update(holds)
    [other] = compare(gateway)

    assert (same.acknowledged_by, other.acknowledged_by, other.carried) == ("ada", "", sorted(holds))


def test_a_flag_of_another_system_hinders_no_repair(gateway: GatewayStack) -> None:
    [recording] = gateway.qms.recordings.values()
    recording.flags["Score"] = "7"
    [found] = compare(gateway)
    repair(found, "ada", gateway.connect, gateway.time)
    gateway.passes(2)
    assert recording.flags["CTICallRef"] == "C1"
