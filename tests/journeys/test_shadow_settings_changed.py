"""In a shadow comparison a Flag counts where it was written as the flags were withheld and as they are compared.

What the site switches on or off meanwhile, often because of what the page said, is no difference of two gateways.
"""

from collections.abc import Mapping
from datetime import timedelta

import pytest
import redis as redis_client

from flags.models import FlagSetting, FlagValue, ShadowComparison
from flags.shadow.readings import compare_due
from flags.shadow.summary import summary_of
from qms.models import RecordingService
from qms.port import Flag
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
#: What is set of QueueName.
WRITTEN: Mapping[str, object] = {"enabled": True, "privacy": "plain", "name": "QueueName"}
OFF, NEVER, RENAMED = ({**WRITTEN, **one} for one in ({"enabled": False}, {"privacy": "drop"}, {"name": "Queue"}))


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway in shadow mode."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    stack = GatewayStack()
    RecordingService.objects.update(shadow=True)
    stack.log_on("A1", "2001", "Ada")
    stack.passes(5)
    return stack


def set_queue_name(settings: Mapping[str, object]) -> None:
    FlagSetting.objects.filter(field="queue_name").update(**settings)


def ended_call(gateway: GatewayStack) -> dict[str, str]:
    """Let a call end; return the flags of its recording that were withheld."""
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.passes(4)
    gateway.clears("C1", "2001")
    gateway.passes(5)
    return dict(FlagValue.objects.values_list("name", "value"))


def result(gateway: GatewayStack, flags: Mapping[str, str]) -> str:
    """Let the other gateway write flags, and compare; return the result and what the page says of it."""
    [leg] = gateway.legs()
    gateway.qms.write_flags("rs1", leg.recording_guid or "", [Flag(*one) for one in flags.items()])
    gateway.time += timedelta(hours=3)
    compare_due(gateway.now, gateway.connect, gateway.time + timedelta(seconds=60))
    said = summary_of(gateway.service, gateway.time).sentence
    found = ShadowComparison.objects.get().result
    assert ("100.0 % would carry the same flags" in said) == (found == "same")
    return found


@pytest.mark.parametrize("queue", ["Sales", "Support", None])
@pytest.mark.parametrize(
    ("then", "now"),
    [(WRITTEN, NEVER), (WRITTEN, OFF), (WRITTEN, RENAMED), (RENAMED, WRITTEN), (OFF, WRITTEN), (NEVER, WRITTEN)],
)
def test_a_flag_whose_settings_changed_meanwhile_counts_for_neither_side(
    gateway: GatewayStack, then: Mapping[str, object], now: Mapping[str, object], queue: str | None
) -> None:
    """Before: "the other gateway did not write it", or "only the other gateway wrote it"."""
    set_queue_name(then)
    ours = {name: value for name, value in ended_call(gateway).items() if name not in ("QueueName", "Queue")}
    set_queue_name(now)

    theirs = {"QueueName": queue} if queue else {}
    assert result(gateway, {**ours, **theirs}) == "same"


@pytest.mark.parametrize(("queue", "found"), [("Sales", "same"), ("Support", "different"), (None, "different")])
def test_a_flag_whose_settings_stayed_counts(gateway: GatewayStack, queue: str | None, found: str) -> None:
    ours = ended_call(gateway)
    assert ours.pop("QueueName") == "Sales"

    assert result(gateway, {**ours, **({"QueueName": queue} if queue else {})}) == found


def test_where_every_flag_changed_there_is_no_difference(gateway: GatewayStack) -> None:
    FlagSetting.objects.exclude(field="queue_name").update(enabled=False)
    ours = ended_call(gateway)
    set_queue_name(OFF)

    assert (list(ours), result(gateway, ours)) == (["QueueName"], "same")


@pytest.mark.parametrize(("now", "found"), [(WRITTEN, "same"), (OFF, "same")])
def test_what_an_earlier_release_withheld_is_compared_by_the_flags_of_today(
    gateway: GatewayStack, now: Mapping[str, object], found: str
) -> None:
    ours = ended_call(gateway)
    ShadowComparison.objects.update(names=None)
    set_queue_name(now)

    assert result(gateway, ours) == found
