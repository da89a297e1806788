"""A timetable that makes no canary calls is red as the interval ends, from when it ought to have made one."""

from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from gateway_site.canary.standing import standings
from tests.journeys.canaries import TEST_PHONE, CanaryStack

pytestmark = pytest.mark.django_db
ARROW = " \N{RIGHTWARDS ARROW} "
SWITCHED_ON = f"Enabled: no{ARROW}yes."


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> CanaryStack:
    """Give a gateway with an empty journal."""
    monkeypatch.setattr("calls.search.worker.LOOK_EVERY_SECONDS", 0.001)
    return CanaryStack()


def acted(gateway: CanaryStack, text: str, flag: int = CHANGE) -> None:
    """Note an act about the source in the history, now."""
    user, _ = User.objects.get_or_create(username="ada")
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(gateway.source),
        object_id=str(gateway.source.pk),
        action_flag=flag,
        change_message=text,
        action_time=gateway.time,
    )


def red_after(gateway: CanaryStack, minutes: int) -> list[str]:
    """Return what is red, that many minutes from now."""
    return [one.text for one in standings(gateway.time + timedelta(minutes=minutes)) if one.is_red]


@pytest.mark.parametrize("text", [SWITCHED_ON, f'Test extensions: []{ARROW}["{TEST_PHONE}"].'])
def test_a_source_that_was_off_for_days_is_red_only_where_no_call_comes_within_its_interval(
    gateway: CanaryStack, text: str
) -> None:
    """Before: "No canary call was made for 2880 minutes", until the first call after it was switched on again."""
    gateway.follow()
    gateway.time += timedelta(days=2)
    acted(gateway, text)

    assert red_after(gateway, 14) == []
    assert red_after(gateway, 16) == ["No canary call was made for 16 minutes."]


def test_another_change_of_the_source_excuses_no_silence(gateway: CanaryStack) -> None:
    gateway.follow()
    gateway.time += timedelta(hours=1)
    acted(gateway, f"Port: 8999{ARROW}9000.")

    assert red_after(gateway, 0) == ["No canary call was made for 60 minutes."]


@pytest.mark.parametrize(("text", "flag"), [("Added.", ADDITION), (SWITCHED_ON, CHANGE)])
def test_a_timetable_that_never_began_is_red_as_the_interval_ends(gateway: CanaryStack, text: str, flag: int) -> None:
    """Before: never."""
    acted(gateway, text, flag)

    assert red_after(gateway, 14) == []
    assert red_after(gateway, 16) == ["No canary call was made for 16 minutes."]
