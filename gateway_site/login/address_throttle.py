"""A limit of failed log-ins by address, beside the one by name and address (django-axes).

Without it one address could try a few passwords at every account.
"""

import ipaddress
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import caches
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from gateway_site.middleware import client_address

#: The cache in which failed log-ins are counted, as django-axes does.
COUNTS = "log-ins"
#: Maximum failures of an address, whatever the names, within the window, in seconds.
MAXIMUM_FAILURES, WINDOW_SECONDS = 30, 900
#: One customer of a provider has at least such a network of IPv6, and takes any address in it.
IPV6_PREFIX = 64


class AddressThrottle:
    """Stands before the other backends: refuses an address that failed too often. It knows no user."""

    def authenticate(self, request: HttpRequest | None, **_: Any) -> User | None:
        """Refuse, or leave the decision to the next backend. Raises ``PermissionDenied``."""
        if request is not None and _failures(request) >= MAXIMUM_FAILURES:
            request.axes_locked_out = True  # type: ignore[attr-defined]  # axes answers for it
            raise PermissionDenied("Too many failed log-ins from this address.")
        return None


def throttled_address(request: HttpRequest) -> str:
    """Return what failures of a client are counted by: its address, or the network of an IPv6 address."""
    text = client_address(request)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text
    return str(address.ipv4_mapped or ipaddress.ip_network((int(address), IPV6_PREFIX), strict=False).network_address)


def note_failure(request: HttpRequest | None) -> None:
    """Count a failed log-in of the request's address."""
    if request is None:
        return
    key, cache = _key(request), caches[COUNTS]
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        cache.incr(key)
    except ValueError:  # It ended between the two.
        cache.set(key, 1, WINDOW_SECONDS)


def _failures(request: HttpRequest) -> int:
    return int(caches[COUNTS].get(_key(request), 0))


def _key(request: HttpRequest) -> str:
    return f"login-failures:{throttled_address(request)}"
