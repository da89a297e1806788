"""Log-ins, log-outs, failures and locks are kept in the history, with the address they came from."""

from collections.abc import Callable
from typing import Any

from axes.signals import user_locked_out
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.cache import cache
from django.http import HttpRequest

from history.commands import command_line

#: Failures kept within an hour; more are only counted by the throttle, so that nobody can fill the history.
MAXIMUM_AN_HOUR = 500


def connect_signals(address_of: Callable[[HttpRequest], str]) -> None:
    """Begin to keep them. ``address_of`` returns the address of a request."""

    def entered(user: User, request: HttpRequest, **_: Any) -> None:
        if address_of(request):  # Without a client the program itself began the session.
            _keep(user, f"Logged in from {address_of(request)}.")

    def left(user: User | None, request: HttpRequest, **_: Any) -> None:
        if user is not None and address_of(request):
            _keep(user, f"Logged out from {address_of(request)}.")

    def failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
        if request is not None and _has_room():
            _keep_for(credentials.get("username"), f"A log-in failed, from {address_of(request)}.")

    def locked(request: HttpRequest, username: str | None = None, **_: Any) -> None:
        if _has_room():
            _keep_for(username, f"Locked after too many failed log-ins, from {address_of(request)}.")

    for signal, receiver in (
        (user_logged_in, entered),
        (user_logged_out, left),
        (user_login_failed, failed),
        (user_locked_out, locked),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"history-{receiver.__name__}")


def _keep_for(name: object, text: str) -> None:
    """Keep it for the user of that name. A name of nobody is not kept: people type passwords there."""
    user = User.objects.filter(username=str(name or "")).first()
    _keep(user or command_line(), text if user else f"{text} Nobody has the name that was given.")


def _keep(user: User, text: str) -> None:
    LogEntry.objects.log_actions(user.pk, [user], CHANGE, text, single_object=True)


def _has_room() -> bool:
    key = "login-failures-kept"
    cache.add(key, 0, 3600)
    try:
        return cache.incr(key) <= MAXIMUM_AN_HOUR
    except ValueError:  # It ended between the two.
        return True
