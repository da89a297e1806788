"""The pages of the second factor: set up an authenticator app (TOTP), and give its code at log-in."""

import hashlib
import hmac
import secrets
from typing import Any

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.decorators import staff_member_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_otp import devices_for_user, login, match_token, user_has_device
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice

from gateway_site.login.models import AuthenticatorApp

#: How many recovery codes a user gets.
RECOVERY_CODES = 10
#: Digits of a code of the app; a recovery code is longer.
APP_DIGITS = 6
#: Characters of a recovery code's hash; django-otp's column has no more.
HASH_CHARACTERS = 16
WRONG = "That code is not right, or it was used already. A code is valid for half a minute."


@never_cache
@require_http_methods(["GET", "POST"])
@staff_member_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for a code, and let the session go on where it is right."""
    if request.method == "POST":
        device = match_token(request.user, _typed(request))
        if device is not None:
            _let_in(request, device)
            return redirect(_next(request))
        _record(request, "A wrong code was given for the second factor.")
        messages.error(request, WRONG)
    if not user_has_device(request.user):
        return redirect("second-factor-setup")
    return _page(request, "second_factor.html", "Second factor", {"next": request.GET.get("next", "")})


@never_cache
@require_http_methods(["GET", "POST"])
@staff_member_required
def second_factor_setup(request: HttpRequest) -> HttpResponse:
    """Show the key for the app; with its first code the device is confirmed, and recovery codes are shown once."""
    if user_has_device(request.user):
        return redirect("second-factor" if not request.user.is_verified() else "admin:index")  # type: ignore[union-attr]
    device = _unconfirmed(request)
    if request.method == "POST":
        if device.verify_token(_typed(request)):
            return _confirmed(request, device)
        messages.error(request, WRONG)
    picture = segno.make(device.config_url, error="m").svg_data_uri(scale=4, light="#fff")
    key = device.config_url.partition("secret=")[2].partition("&")[0]
    return _page(request, "second_factor_setup.html", "Set up a second factor", {"picture": picture, "key": key})


def _let_in(request: HttpRequest, device: Device) -> None:
    """Let the session go on, by a key that was not there before the second factor."""
    request.session.cycle_key()
    login(request, device)


def forget_devices(user: User) -> int:
    """Remove a person's second factor, with the recovery codes; return how many devices there were."""
    found = list(devices_for_user(user, confirmed=None))
    for device in found:
        device.delete()
    return len(found)


def _unconfirmed(request: HttpRequest) -> AuthenticatorApp:
    device: AuthenticatorApp
    device, _ = AuthenticatorApp.objects.get_or_create(user=request.user, confirmed=False, defaults={"name": "app"})
    return device


def _confirmed(request: HttpRequest, device: AuthenticatorApp) -> HttpResponse:
    with transaction.atomic():
        device.confirmed = True
        device.save()
        codes = _recovery_codes(request)
        _record(request, "Set up a second factor.")
    _let_in(request, device)
    return _page(request, "recovery_codes.html", "Recovery codes", {"codes": codes})


def _recovery_codes(request: HttpRequest) -> list[str]:
    """Make recovery codes; each opens one log-in."""
    StaticDevice.objects.filter(user=request.user).delete()
    device = StaticDevice.objects.create(user=request.user, name="recovery codes")
    codes = [secrets.token_hex(5) for _ in range(RECOVERY_CODES)]
    for code in codes:
        device.token_set.create(token=recovery_hash(code))
    return codes


def recovery_hash(code: str) -> str:
    """Return what is stored of a recovery code: its keyed hash, so that a copy of the database opens nothing."""
    key = bytes.fromhex(settings.HASH_KEY)
    return hmac.new(key, b"recovery code " + code.encode(), hashlib.sha256).hexdigest()[:HASH_CHARACTERS]


def _typed(request: HttpRequest) -> str:
    """Return the app's code as it was typed, or a recovery code as it is stored."""
    code = request.POST.get("code", "").strip().replace(" ", "")
    return code if len(code) == APP_DIGITS else recovery_hash(code.lower())


def _next(request: HttpRequest) -> str:
    asked = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(asked, allowed_hosts={request.get_host()})
    return asked if asked and is_ours else "admin:index"


def _record(request: HttpRequest, text: str) -> None:
    assert request.user.pk is not None
    LogEntry.objects.log_actions(request.user.pk, [request.user], CHANGE, text, single_object=True)


def _page(request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    context = {**admin.site.each_context(request), "title": title, "is_nav_sidebar_enabled": False, **context}
    return TemplateResponse(request, f"gateway_site/login/{template}", context)
