"""Somebody without an account, or with a stolen password or session, tries to get in."""

import time
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice
from pytest_django import Settings
from redis.exceptions import OutOfMemoryError

from devtools.servers import free_port
from gateway_site.login import address_throttle
from gateway_site.login.models import AuthenticatorApp
from gateway_site.login.session_rules import SEEN
from gateway_site.roles import ADMINISTRATOR, AUDITOR, OPERATOR
from redis_address.failure_counts import AWAY_SECONDS, FailureCounts
from tests.attacks.actors import PASSWORD, browser_of, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_counts() -> Iterator[None]:
    caches["log-ins"].clear()
    yield
    caches["log-ins"].clear()


def _log_in(client: Client, name: str, password: str = PASSWORD) -> int:
    return client.post(reverse("admin:login"), {"username": name, "password": password}).status_code


def test_an_address_that_tries_many_names_is_locked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before: only name and address together were counted, so one address could try every account."""
    monkeypatch.setattr(address_throttle, "MAXIMUM_FAILURES", 5)
    person(OPERATOR, "olga")
    client = Client(REMOTE_ADDR="203.0.113.9")

    statuses = [_log_in(client, f"name{number}", "guess") for number in range(7)]

    assert statuses == [200] * 5 + [429] * 2
    assert _log_in(client, "olga") == 429
    assert _log_in(Client(REMOTE_ADDR="203.0.113.10"), "olga") == 302


def test_who_is_woken_can_log_in_without_redis_and_nobody_can_guess_without_a_limit(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: a log-in was answered by a bare error 500 while Redis stood still."""
    monkeypatch.setattr(FailureCounts, "away_until", 0.0)
    address = {"LOCATION": f"redis://127.0.0.1:{free_port()}"}
    settings.CACHES = {name: {**cache, **address} for name, cache in settings.CACHES.items()}
    settings.AXES_FAILURE_LIMIT = 3
    person(OPERATOR, "olga")

    guesses = [_log_in(Client(REMOTE_ADDR="203.0.113.9"), "olga", "guess") for _ in range(4)]

    assert guesses == [200, 200, 429, 429]
    assert _log_in(Client(REMOTE_ADDR="203.0.113.10"), "olga") == 302
    assert FailureCounts.away_until > 0


def test_nobody_can_guess_without_a_limit_where_redis_reads_but_takes_no_writes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk or memory is full: it knows of no failure, whenever it is asked again."""

    def refuses(*_: object, **__: object) -> None:
        raise OutOfMemoryError

    passed = [1000.0]
    monkeypatch.setattr(FailureCounts, "away_until", 0.0)
    monkeypatch.setattr("redis_address.failure_counts.time.monotonic", lambda: passed[0])
    for name in ("add", "set", "incr", "touch"):
        monkeypatch.setattr(RedisCache, name, refuses)
    settings.AXES_FAILURE_LIMIT = 3
    person(OPERATOR, "olga")

    guesses = []
    for _ in range(5):
        guesses.append(_log_in(Client(REMOTE_ADDR="203.0.113.9"), "olga", "guess"))
        passed[0] += AWAY_SECONDS + 1

    assert guesses == [200, 200, 429, 429, 429]
    assert _log_in(Client(REMOTE_ADDR="203.0.113.9"), "olga") == 429, "the right password is not looked at"


def test_a_client_with_a_network_of_addresses_is_one_client(settings: Settings) -> None:
    """Before: every address of an IPv6 network had its own count, so that a home connection could guess without end."""
    settings.AXES_FAILURE_LIMIT = 3
    person(OPERATOR, "olga")

    statuses = [_log_in(Client(REMOTE_ADDR=f"2001:db8::{number}"), "olga", "guess") for number in range(1, 5)]

    assert statuses == [200, 200, 429, 429]
    assert _log_in(Client(REMOTE_ADDR="2001:db8:0:1::1"), "olga") == 302


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", "unknown"),
    ],
)
def test_failures_are_counted_by_address_or_network(address: str, counted: str) -> None:
    assert address_throttle.throttled_address(RequestFactory(REMOTE_ADDR=address).get("/")) == counted


def test_log_in_log_out_failure_and_lock_are_in_the_history(settings: Settings) -> None:
    """Before: only changes were."""
    settings.AXES_FAILURE_LIMIT = 3
    olga, client = person(OPERATOR, "olga"), Client(REMOTE_ADDR="203.0.113.9")

    _log_in(client, "olga")
    client.post(reverse("admin:logout"))
    for _ in range(3):
        _log_in(client, "olga", "guess")
    _log_in(client, "my-password-by-mistake", "x")

    reported = list(LogEntry.objects.filter(user=olga).order_by("id").values_list("change_message", flat=True))
    assert reported[:3] == [
        "Logged in from 203.0.113.9.",
        "Logged out from 203.0.113.9.",
        "A log-in failed, from 203.0.113.9.",
    ]
    assert any(one.startswith("Locked after too many failed log-ins") for one in reported)
    assert not LogEntry.objects.filter(change_message__contains="my-password").exists()


def test_a_session_left_alone_ends(settings: Settings) -> None:
    """Before: a forgotten browser stayed logged in for eight hours."""
    client = browser_of(OPERATOR)
    assert client.get(reverse("admin:index")).status_code == 200
    session = client.session
    session[SEEN] = time.time() - settings.SESSION_IDLE_MINUTES * 60 - 1
    session.save()

    assert client.get(reverse("admin:index")).status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_page_that_asks_for_itself_keeps_no_session_alive(settings: Settings) -> None:
    client = browser_of(OPERATOR)
    client.get(reverse("admin:index"))
    session = client.session
    before = session[SEEN] = time.time() - settings.SESSION_IDLE_MINUTES * 60 + 100
    session.save()

    client.get(reverse("dashboard-fragment"))

    assert client.session[SEEN] == before


def _code(device: AuthenticatorApp) -> str:
    return f"{totp(device.bin_key, step=device.step, t0=device.t0, digits=device.digits):06}"


@pytest.mark.parametrize(("role", "page"), [(ADMINISTRATOR, "second-factor-setup"), (AUDITOR, None)])
def test_a_role_that_needs_a_second_factor_sees_nothing_before_it_has_one(
    role: str, page: str | None, settings: Settings
) -> None:
    """Before: a password was all that it took."""
    settings.TWO_FACTOR_ROLES = [ADMINISTRATOR]
    answer = browser_of(role).get(reverse("admin:calls_leg_changelist"))

    assert answer.status_code == (302 if page else 200)
    assert answer.headers.get("Location", "").startswith(reverse(page) if page else "")


def test_the_second_factor_is_set_up_and_then_asked_for_at_each_log_in() -> None:
    client = browser_of(OPERATOR, "olga")
    setup = reverse("second-factor-setup")
    assert b"data:image/svg" in client.get(setup).content
    device = AuthenticatorApp.objects.get(user__username="olga")
    assert client.post(setup, {"code": "000000"}).status_code == 200
    device.refresh_from_db()
    device.throttle_reset()

    shown = client.post(setup, {"code": _code(device)}).content.decode()
    recovery = shown.split("<li><code>")[1].split("</code>")[0]
    assert client.get(reverse("admin:index")).status_code == 200

    thief = Client()
    assert _log_in(thief, "olga") == 302
    assert thief.get(reverse("admin:index")).headers["Location"].startswith(reverse("second-factor"))
    assert thief.post(reverse("second-factor"), {"code": "123456"}).status_code == 200
    assert thief.get(reverse("admin:index")).status_code == 302
    for kind in (AuthenticatorApp, StaticDevice):  # A wrong code slows all codes down; time passes.
        kind.objects.get(user__username="olga").throttle_reset()

    before = thief.session.session_key
    answer = thief.post(reverse("second-factor"), {"code": recovery, "next": "https://evil.example/"})
    assert thief.session.session_key != before, "who knew the session of the password alone knows no other"
    assert answer.headers["Location"] == reverse("admin:index")
    assert thief.get(reverse("admin:index")).status_code == 200

    again = Client()
    _log_in(again, "olga")
    assert again.post(reverse("second-factor"), {"code": recovery}).status_code == 200, "a recovery code works once"


def test_a_code_of_the_app_works_once() -> None:
    """Somebody who reads it over a shoulder, or from the wire, comes too late."""
    olga = person(OPERATOR, "olga")
    code = _code(AuthenticatorApp.objects.create(user=olga, name="app", confirmed=True))
    first, thief = Client(), Client()
    for one in (first, thief):
        _log_in(one, "olga")

    assert first.post(reverse("second-factor"), {"code": code}).status_code == 302
    assert thief.post(reverse("second-factor"), {"code": code}).status_code == 200
    assert thief.get(reverse("admin:index")).status_code == 302


def test_an_administrator_removes_a_lost_second_factor_and_the_history_says_so() -> None:
    olga = person(OPERATOR, "olga")
    AuthenticatorApp.objects.create(user=olga, name="app", confirmed=True)
    form = {"action": "remove_second_factor", "_selected_action": [olga.pk]}

    browser_of(ADMINISTRATOR).post(reverse("admin:auth_user_changelist"), form)

    assert not AuthenticatorApp.objects.exists()
    assert LogEntry.objects.filter(object_id=str(olga.pk), change_message="Removed the second factor.").exists()


def test_wrong_codes_are_slowed_down() -> None:
    olga = person(OPERATOR, "olga")
    device = AuthenticatorApp.objects.create(user=olga, name="app", confirmed=True)
    client = Client()
    _log_in(client, "olga")
    for _ in range(3):
        client.post(reverse("second-factor"), {"code": "000000"})

    # However long the wrong ones took: the last of them was just now.
    AuthenticatorApp.objects.update(throttling_failure_timestamp=timezone.now())
    answer = client.post(reverse("second-factor"), {"code": _code(device)})

    assert answer.status_code == 200, "the right code right after wrong ones is refused too"
    assert User.objects.filter(pk=olga.pk).exists()
