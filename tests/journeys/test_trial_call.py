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
def house(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return GatewayStack()


def states(house: GatewayStack, extension: str = "2001") -> dict[str, StepState]:
    steps, _ = follow(extension, house.begin, house.connect)
    return {step.name: step.state for step in steps}


def test_a_call_is_followed_until_its_flags_are_read_back(house: GatewayStack) -> None:
    assert states(house) == {"connected": StepState.NOT_YET}
    house.connects("C1", "2001", queueName="Sales")
    house.passes(1)
    assert states(house)["recording found"] is StepState.PASS
    assert states(house)["disconnected"] is StepState.NOT_YET
    house.clears("C1", "2001")
    house.passes(1.2)

    assert set(states(house).values()) == {StepState.PASS}
    assert "flags read back" in states(house)


def test_a_flag_that_qms_does_not_hold_as_it_was_written_fails(house: GatewayStack) -> None:
    house.connects("C1", "2001", queueName="Sales")
    house.passes(1)
    house.clears("C1", "2001")
    house.passes(1.2)
    next(iter(house.qms.recordings.values())).flags["QueueName"] = "Service"

    steps, _ = follow("2001", house.begin, house.connect)

    assert steps[-1].state is StepState.FAIL
    assert steps[-1].seen == "QMS does not hold as written: QueueName"


def test_a_call_that_cannot_be_flagged_fails_with_the_reason_and_is_over(house: GatewayStack) -> None:
    house.connects("C1", "2900")
    house.passes(1)
    house.clears("C1", "2900")
    house.passes(2)
    steps, leg = follow("2900", house.begin, house.connect)

    assert is_over(leg)
    assert "No QMS user has extension 2900" in steps[-1].seen


def check_installation(
    house: GatewayStack, monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object], wait: str
) -> str:
    """Run the command; between two looks the house does what comes next. Returns what was printed."""
    left = list(acts)
    monkeypatch.setattr("gateway_site.management.commands.check_installation.steps", lambda: iter(()))
    monkeypatch.setattr("gateway_site.management.commands.check_installation._pause", lambda: left and left.pop(0)())
    monkeypatch.setattr("gateway_site.installation.trial_call.clock.now", lambda: house.time)
    monkeypatch.setattr(follow, "__defaults__", (house.connect,))
    out = io.StringIO()
    call_command("check_installation", "--call", "2001", "--wait", wait, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_command_follows_a_call_until_its_flags_are_read_back(
    house: GatewayStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calls() -> None:
        house.connects("C1", "2001", queueName="Sales")
        house.passes(1)

    def hangs_up() -> None:
        house.clears("C1", "2001")
        house.passes(1.2)

    reported = check_installation(house, monkeypatch, calls, hangs_up, wait="60")

    assert "not yet  test call: connected: no call at extension 2001 yet" in reported
    assert "pass     test call: flags read back: QMS holds" in reported


def test_the_command_fails_when_no_call_comes_in_time(house: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        check_installation(house, monkeypatch, lambda: house.passes(30), wait="20")

    assert ended.value.code == 1


def test_a_call_from_before_is_not_taken_for_the_test_call(house: GatewayStack) -> None:
    house.connects("C1", "2001")
    house.passes(1)

    assert follow("2001", house.begin + timedelta(seconds=1), house.connect)[1] is None


def test_the_page_follows_by_itself_and_begins_when_it_was_asked(house: GatewayStack, client: Client) -> None:
    client.force_login(User.objects.create_superuser("admin", password="x"))
    first = client.post(reverse("trial-call"), {"extension": " 2001 "})
    assert first.context["extension"] == "2001"
    words = {"extension": "2001", "since": first.context["since"]}

    part = client.post(reverse("trial-call"), words, headers={"HX-Request": "true"})

    assert part.context["since"] == first.context["since"]
    assert b"every 2s" in part.content
    assert b"no call at extension 2001 yet" in part.content
    assert b"<html" not in part.content
