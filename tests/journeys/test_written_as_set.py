"""What is expected at QMS is what the settings of the Flags make of a call: cut, hashed, renamed, or never written."""

from datetime import timedelta

import pytest
import redis as redis_client

from flags.models import FlagSetting, FlagValue
from flags.shadow.readings import compare_due
from flags.shadow.summary import summary_of
from gateway_site.canary.steps import CanaryStep
from qms.models import RecordingService
from qms.port import Flag, FlagDefinition
from tests.journeys.canaries import CanaryStack, red
from tests.journeys.compared import compare
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(autouse=True)
def quick(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)


def set_flag(flag: str, **changes: object) -> None:
    FlagSetting.objects.filter(name=flag).update(**changes)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("QueueName", {"max_length": 10}),
        ("QueueName", {"privacy": "hash"}),
        ("CTICallRef", {"privacy": "hash"}),
    ],
)
def test_a_canary_expects_the_values_that_the_settings_make(name: str, changes: dict[str, object]) -> None:
    gateway = CanaryStack()
    set_flag(name, **changes)
    with gateway.with_recorder():
        call = gateway.follow()
    assert (call.is_red, call.ends[-1].step) == (False, CanaryStep.READ_BACK)


def test_a_canary_goes_by_what_a_flag_carries_and_not_by_its_name() -> None:
    gateway = CanaryStack()
    set_flag("CTICallRef", name="Reference")
    set_flag("CallerName", name="CTICallRef")
    gateway.qms.create_flag_definition("rs1", FlagDefinition("Reference"))
    with gateway.with_recorder():
        call = gateway.follow()
    assert not call.is_red


def test_a_canary_is_red_where_the_gateway_wrote_another_call_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = CanaryStack()
    monkeypatch.setattr("calls.core.flag_facts.CANARY_NAME", "Sales")
    with gateway.with_recorder():
        call = gateway.follow()
    text = "The gateway wrote other values than a test call has: CallerName, QueueName."
    assert red(call) == (CanaryStep.READ_BACK, text)


def test_a_flag_that_is_never_written_may_be_missing_in_qms() -> None:
    gateway = CanaryStack()
    del gateway.qms._definitions["ds1"]["AgentName"]
    set_flag("AgentName", privacy="drop")
    with gateway.with_recorder():
        call = gateway.follow()
    assert not call.is_red
    assert "AgentName" not in call.ends[-1].text


def _call(gateway: GatewayStack, call_id: str) -> str:
    gateway.connects(call_id, "2001", callingNumber="0301234567", queueName="Sales")
    gateway.passes(4)
    gateway.clears(call_id, "2001")
    gateway.passes(130)
    return next(str(leg.recording_guid) for leg in gateway.legs() if leg.call_id == call_id)


def test_a_flag_that_is_never_written_is_another_systems_in_shadow_and_in_the_comparison() -> None:
    gateway = GatewayStack()
    set_flag("CallerName", privacy="drop")
    RecordingService.objects.update(shadow=True)
    gateway.log_on("A1", "2001", "Ada")
    gateway.passes(5)
    guid = _call(gateway, "C1")
    ours = FlagValue.objects.filter(write__recording_guid=guid).values_list("name", "value")
    gateway.qms.write_flags("rs1", guid, [*(Flag(*one) for one in ours), Flag("CallerName", "Meyer")])
    gateway.time += timedelta(hours=3)
    compare_due(gateway.now, gateway.connect, gateway.time + timedelta(seconds=60))
    assert "100.0 %" in summary_of(gateway.service, gateway.time).sentence

    RecordingService.objects.update(shadow=False)
    gateway.qms.recordings[_call(gateway, "C2")].flags["CallerName"] = "Meyer"
    assert compare(gateway) == []
