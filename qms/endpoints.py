"""Where QMS endpoints may be: the server calls what an administrator enters, and must not be led to its own cloud.

Without a list anything may be called but link-local addresses, at which clouds hand out credentials to anyone. With
a list (``QMS_ENDPOINTS``) only the hosts and networks in it. A name is judged as it is saved, and the address that it
leads to at each connection: what a name means can be changed by whoever owns it.
"""

import socket
from functools import cache
from ipaddress import ip_address

from django.conf import settings

from qms.allowed_hosts import Allowed, is_guarded, parse

ADVICE = "Correct the field Address (or WSDL), or have the host or its network added to QMS_ENDPOINTS."


def may_call(host: str, to: str) -> bool:
    """Say whether the site allows a host at an address, as a socket names it."""
    return _site(tuple(settings.QMS_ENDPOINTS)).may_call(host, ip_address(to))


def may_be_entered(host: str) -> bool:
    """Say whether the site allows a host to be saved."""
    return _site(tuple(settings.QMS_ENDPOINTS)).may_be_entered(host)


@cache
def _site(entries: tuple[str, ...]) -> Allowed:
    return parse(entries)


def is_guarded_host(host: str) -> bool:
    """Say whether a host's name leads to a link-local address: for what is called besides QMS."""
    try:
        found = {ip_address(one[4][0]) for one in socket.getaddrinfo(host, None)}
    except OSError:
        return False  # It cannot be called either.
    return any(map(is_guarded, found))
