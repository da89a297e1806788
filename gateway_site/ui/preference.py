"""Preferences that a browser keeps: small cookies of the admin, without a row in the database."""

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse

#: How long a browser keeps a preference, in seconds.
KEPT_SECONDS = 365 * 24 * 3600


def keep_preference(answer: HttpResponse, name: str, value: str) -> None:
    """Let the browser keep a value under a name; "" removes it."""
    if not value:
        answer.delete_cookie(name, path=reverse("admin:index"), samesite="Lax")
        return
    answer.set_cookie(
        name,
        value,
        KEPT_SECONDS,
        path=reverse("admin:index"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
