"""A timetable that makes no canary calls is red as the interval ends, from when it ought to have made one."""

from datetime import timedelta

import pytest
import redis as redis_client
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType

from gateway_site.canary.standing import standings
from history.states import differences, state_of
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


def set_interval(gateway: CanaryStack, minutes: int) -> None:
    """Change the source's canary interval, as its page does."""
    before = state_of(gateway.source)
    gateway.set(canary_minutes=minutes)
    acted(gateway, differences(before, state_of(gateway.source)))


@pytest.mark.parametrize(
    ("before", "at", "after", "reds"),
    [
        (1440, 1200, 5, {0: False, 4: False, 5: True}),  # Due since the change: as long as any call that is due.
        (15, 9, 5, {0: False, 4: False, 5: True}),
        (1440, 100, 720, {0: False, 619: False, 621: True}),  # Due by the new interval, after the change.
        (15, 14, 10, {0: False, 2: True}),  # Due before the change: it is red as it would have been.
        (15, 60, 10, {0: True}),  # Red before the change.
        (15, 9, 30, {0: False, 20: False, 22: True}),
        (15, 60, 1440, {0: False, 1379: False, 1381: True}),
    ],
)
def test_an_interval_that_was_changed_counts_from_then_on(
    gateway: CanaryStack, before: int, at: int, after: int, reds: dict[int, bool]
) -> None:
    """Before: "No canary call was made for 1200 minutes", as the interval of a day was shortened."""
    gateway.set(canary_minutes=before)
    begun = gateway.time
    gateway.follow()
    gateway.time = begun + timedelta(minutes=at)

    set_interval(gateway, after)

    assert {minutes: bool(red_after(gateway, minutes)) for minutes in reds} == reds


def test_an_interval_that_is_changed_again_and_again_hides_no_silence(gateway: CanaryStack) -> None:
    gateway.set(canary_minutes=1440)
    begun = gateway.time
    gateway.follow()
    gateway.time = begun + timedelta(minutes=1200)
    for minutes in (5, 6, 7):
        set_interval(gateway, minutes)
        assert red_after(gateway, 0) == []
        gateway.time += timedelta(minutes=2)

    assert red_after(gateway, 0) == ["No canary call was made for 1206 minutes."]


@pytest.mark.parametrize(("text", "flag"), [("Added.", ADDITION), (SWITCHED_ON, CHANGE)])
def test_a_timetable_that_never_began_is_red_as_the_interval_ends(gateway: CanaryStack, text: str, flag: int) -> None:
    """Before: never."""
    acted(gateway, text, flag)

    assert red_after(gateway, 14) == []
    assert red_after(gateway, 16) == ["No canary call was made for 16 minutes."]
