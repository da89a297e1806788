"""Log-ins, log-outs, failures and lock-outs go into the history, with the address they came from."""

from collections.abc import Callable
from typing import Any

from axes.signals import user_locked_out
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import caches
from django.http import HttpRequest

from history.commands import command_line

#: Maximum failures recorded in an hour; beyond, only the throttle counts them, so that nobody can fill the history.
MAXIMUM_AN_HOUR = 500
#: The end of the name of the backend that logs in by single sign-on.
SINGLE_SIGN_ON = "SingleSignOnBackend"


def connect_signals(address_of: Callable[[HttpRequest], str]) -> None:
    """Record them from now on. ``address_of`` returns the address of a request."""

    def entered(user: User, request: HttpRequest, **_: Any) -> None:
        if address_of(request):  # Without a client the program itself began the session.
            means = " by single sign-on" if str(getattr(user, "backend", "")).endswith(SINGLE_SIGN_ON) else ""
            _record(user, f"Logged in{means} from {address_of(request)}.")

    def left(user: User | None, request: HttpRequest, **_: Any) -> None:
        if user is not None and address_of(request):
            _record(user, f"Logged out from {address_of(request)}.")

    def failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
        if request is not None and "nonce" not in credentials and _has_room():  # Those of single sign-on have a reason.
            _record_for(credentials.get("username"), f"A log-in failed, from {address_of(request)}.")

    def locked(request: HttpRequest, username: str | None = None, **_: Any) -> None:
        if _has_room():
            _record_for(username, f"Locked after too many failed log-ins, from {address_of(request)}.")

    for signal, receiver in (
        (user_logged_in, entered),
        (user_logged_out, left),
        (user_login_failed, failed),
        (user_locked_out, locked),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"history-{receiver.__name__}")


def record_sign_on_failure(address: str, reason: str) -> None:
    """Record that somebody came back from the identity provider and was not let in, with the reason."""
    if _has_room():
        _record(command_line(), f"Single sign-on failed, from {address}. {reason}")


def _record_for(name: object, text: str) -> None:
    """Record it for the user of that name. A name that no user has is left out: people type passwords there."""
    user = User.objects.filter(username=str(name or "")).first()
    _record(user or command_line(), text if user else f"{text} No user has the name that was given.")


def _record(user: User, text: str) -> None:
    LogEntry.objects.log_actions(user.pk, [user], CHANGE, text, single_object=True)


def _has_room() -> bool:
    key, cache = "login-failures-recorded", caches["log-ins"]
    cache.add(key, 0, 3600)
    try:
        return cache.incr(key) <= MAXIMUM_AN_HOUR
    except ValueError:  # It ended between the two.
        return True
