"""The way to single sign-on, for the log-in page."""

from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.urls import reverse

register = template.Library()


@register.simple_tag
def single_sign_on_address(following: str) -> str:
    """Return the address that begins single sign-on and then leads on; empty where there is none."""
    if not settings.OIDC_ISSUER:
        return ""
    return f"{reverse('single-sign-on')}?{urlencode({'next': following or reverse('admin:index')})}"
