"""What a session must keep to: an end when idle, a second factor where a role asks for one, renewed single sign-on."""

import time
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, logout
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_otp import user_has_device

from gateway_site.middleware import Handler

SEEN = "seen_at"
#: When a session of single sign-on must be renewed; mozilla-django-oidc writes it.
RENEW_AT = "oidc_id_token_expiration"
#: A form may be sent this long after the session should have been renewed, in seconds.
FORM_SECONDS = 1800
SINGLE_SIGN_ON = "gateway_site.login.single_sign_on.backend.SingleSignOnBackend"
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
        if request.path_info.startswith("/admin/") and request.user.is_authenticated:
            now = time.time()
            seen = request.session.get(SEEN, now)
            if now - seen > settings.SESSION_IDLE_MINUTES * 60:
                logout(request)
            elif SEEN not in request.session or (now - seen > NOTE_SECONDS and not _is_by_itself(request)):
                request.session[SEEN] = now
        return self._get_response(request)


class SingleSignOnRenewal:
    """Asks the identity provider again every ``OIDC_RENEW_MINUTES``: whoever lost a group there loses its role here.

    Only a page can be led there and back; a form that is being filled in is not lost, within ``FORM_SECONDS``.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not self._is_due(request):
            return self._get_response(request)
        return redirect(f"{reverse('single-sign-on')}?{urlencode({'next': request.get_full_path()})}")

    def _is_due(self, request: HttpRequest) -> bool:
        if not request.path_info.startswith("/admin/") or not is_single_sign_on(request):
            return False
        own = (reverse("single-sign-on"), reverse("admin:logout"), reverse("admin:login"))
        until = request.session.get(RENEW_AT, 0) + (0 if request.method in ("GET", "HEAD") else FORM_SECONDS)
        return bool(time.time() > until) and not request.path.startswith(own)


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
        if not request.path_info.startswith("/admin/") or not isinstance(user, User) or user.is_verified():  # type: ignore[attr-defined]
            return None
        if request.path.startswith((reverse("second-factor"), reverse("admin:logout"), reverse("admin:login"))):
            return None
        if is_single_sign_on(request) and settings.OIDC_GIVES_SECOND_FACTOR:
            return None
        if user_has_device(user):
            return "second-factor"
        return "second-factor-setup" if needs_second_factor(user) else None


def is_single_sign_on(request: HttpRequest) -> bool:
    """Say whether the session was begun by single sign-on."""
    return bool(request.session.get(BACKEND_SESSION_KEY) == SINGLE_SIGN_ON)


def needs_second_factor(user: User) -> bool:
    """Say whether one of the person's roles is among ``TWO_FACTOR_ROLES``; a superuser counts as Administrator."""
    roles = set(settings.TWO_FACTOR_ROLES)
    if not roles:
        return False
    return (user.is_superuser and "Administrator" in roles) or user.groups.filter(name__in=roles).exists()


def _is_by_itself(request: HttpRequest) -> bool:
    return request.path.endswith(_BY_ITSELF) or POLL_HEADER in request.headers
