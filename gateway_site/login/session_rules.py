"""What a session must keep to: an end when idle, and a second factor where the person's role asks for one."""

import time
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_otp import user_has_device

from gateway_site.middleware import Handler

SEEN = "seen_at"
#: The session is written at most this often for it, in seconds.
NOTE_SECONDS = 60
#: Parts of pages that ask for themselves are no sign of a person.
_BY_ITSELF = ("/fragment/", "/panel/", "/steps/")
#: What a list says that fetches itself.
POLL_HEADER = "Gateway-Poll"
Person = AbstractBaseUser | AnonymousUser


class IdleTimeout:
    """Logs out whoever did nothing for ``SESSION_IDLE_MINUTES``."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin/") and request.user.is_authenticated:
            now = time.time()
            seen = request.session.get(SEEN, now)
            if now - seen > settings.SESSION_IDLE_MINUTES * 60:
                logout(request)
            elif SEEN not in request.session or (now - seen > NOTE_SECONDS and not _is_by_itself(request)):
                request.session[SEEN] = now
        return self._get_response(request)


class SecondFactor:
    """Leads whoever has a second factor, or must have one, to the page that asks for it, before any other page."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        page = self._page(request)
        if page is None:
            return self._get_response(request)
        return redirect(f"{reverse(page)}?{urlencode({'next': request.path})}")

    def _page(self, request: HttpRequest) -> str | None:
        """Return the page that must come first; None where the request may go on."""
        user = request.user
        if not request.path.startswith("/admin/") or not isinstance(user, User) or user.is_verified():  # type: ignore[attr-defined]
            return None
        if request.path.startswith((reverse("second-factor"), reverse("admin:logout"), reverse("admin:login"))):
            return None
        if user_has_device(user):
            return "second-factor"
        return "second-factor-setup" if needs_second_factor(user) else None


def needs_second_factor(user: User) -> bool:
    """Say whether one of the person's roles is among ``TWO_FACTOR_ROLES``; a superuser counts as Administrator."""
    roles = set(settings.TWO_FACTOR_ROLES)
    if not roles:
        return False
    return (user.is_superuser and "Administrator" in roles) or user.groups.filter(name__in=roles).exists()


def _is_by_itself(request: HttpRequest) -> bool:
    return request.path.endswith(_BY_ITSELF) or POLL_HEADER in request.headers
