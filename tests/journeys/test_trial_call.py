"""The test call: followed from "make a call now" until QMS gives back what was written."""

import io
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from gateway_site.installation.steps import StepState
from gateway_site.installation.trial_call import follow, is_over
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def states(gateway: GatewayStack, extension: str = "2001") -> dict[str, StepState]:
    steps, _ = follow(extension, gateway.begin, gateway.connect)
    return {step.name: step.state for step in steps}


def test_a_call_is_followed_until_its_flags_are_read_back(gateway: GatewayStack) -> None:
    assert states(gateway) == {"connected": StepState.NOT_YET}
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.passes(1)
    assert states(gateway)["recording found"] is StepState.PASS
    assert states(gateway)["disconnected"] is StepState.NOT_YET
    gateway.clears("C1", "2001")
    gateway.passes(1.2)

    assert set(states(gateway).values()) == {StepState.PASS}
    assert "flags read back" in states(gateway)


def test_a_flag_that_qms_does_not_hold_as_it_was_written_fails(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2001", queueName="Sales")
    gateway.passes(1)
    gateway.clears("C1", "2001")
    gateway.passes(1.2)
    next(iter(gateway.qms.recordings.values())).flags["QueueName"] = "Service"

    steps, _ = follow("2001", gateway.begin, gateway.connect)

    assert steps[-1].state is StepState.FAIL
    assert steps[-1].seen == "QMS does not hold as written: QueueName"


def test_a_call_that_cannot_be_flagged_fails_with_the_reason_and_is_over(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2900")
    gateway.passes(1)
    gateway.clears("C1", "2900")
    gateway.passes(2)
    steps, leg = follow("2900", gateway.begin, gateway.connect)

    assert is_over(leg)
    assert "No QMS user has extension 2900" in steps[-1].seen


def check_installation(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object], wait: str
) -> str:
    """Run the command; between two looks the gateway does what comes next. Returns what was printed."""
    left = list(acts)
    monkeypatch.setattr("gateway_site.management.commands.check_installation.steps", lambda: iter(()))
    monkeypatch.setattr("gateway_site.management.commands.check_installation._pause", lambda: left and left.pop(0)())
    monkeypatch.setattr("gateway_site.installation.trial_call.clock.now", lambda: gateway.time)
    monkeypatch.setattr(follow, "__defaults__", (gateway.connect,))
    out = io.StringIO()
    call_command("check_installation", "--call", "2001", "--wait", wait, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_follows_a_call_until_its_flags_are_read_back(
    gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calls() -> None:
        gateway.connects("C1", "2001", queueName="Sales")
        gateway.passes(1)

    def hangs_up() -> None:
        gateway.clears("C1", "2001")
        gateway.passes(1.2)

    reported = check_installation(gateway, monkeypatch, calls, hangs_up, wait="60")

    assert "not yet  test call: connected: no call at extension 2001 yet" in reported
    assert "pass     test call: flags read back: QMS holds" in reported


def test_the_command_fails_when_no_call_comes_in_time(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        check_installation(gateway, monkeypatch, lambda: gateway.passes(30), wait="20")

    assert ended.value.code == 1


def test_a_call_from_before_is_not_taken_for_the_test_call(gateway: GatewayStack) -> None:
    gateway.connects("C1", "2001")
    gateway.passes(1)

    assert follow("2001", gateway.begin + timedelta(seconds=1), gateway.connect)[1] is None


def test_the_page_follows_by_itself_and_begins_when_it_was_asked(gateway: GatewayStack, client: Client) -> None:
    client.force_login(User.objects.create_superuser("admin", password="x"))
    first = client.post(reverse("trial-call"), {"extension": " 2001 "})
    assert first.context["extension"] == "2001"
    words = {"extension": "2001", "since": first.context["since"]}

    part = client.post(reverse("trial-call"), words, headers={"HX-Request": "true"})

    assert part.context["since"] == first.context["since"]
    assert b"every 2s" in part.content
    assert b"no call at extension 2001 yet" in part.content
    assert b"<html" not in part.content
