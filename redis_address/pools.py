"""Connections to whatever an address names; behind Sentinels always to the present master."""

from typing import Any

from redis import ConnectionPool
from redis.sentinel import Sentinel, SentinelConnectionPool

from redis_address import SentinelAddress, is_sentinel, parse_sentinel

#: Asking a Sentinel, in seconds: one that is away must not use up the time of a command.
SENTINEL_TIMEOUT = 0.5
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class AddressPool:
    """Makes pools; Django's cache takes this class in the place of redis-py's own."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> ConnectionPool:
        """Return a pool of connections to an address. ``options``: of redis-py's connections."""
        if not is_sentinel(url):
            return ConnectionPool.from_url(url, **options)
        return _sentinel_pool(parse_sentinel(url), options)


def _sentinel_pool(address: SentinelAddress, options: dict[str, Any]) -> ConnectionPool:
    login = {"username": address.username or None, "password": address.password or None}
    tls = tls_options(address)
    sentinels = Sentinel(list(address.sentinels), sentinel_kwargs=sentinel_options(address))  # type: ignore[no-untyped-call]
    return SentinelConnectionPool(  # type: ignore[no-untyped-call]
        address.master, sentinels, db=address.database, **login, **tls, **options
    )


def tls_options(address: SentinelAddress) -> dict[str, Any]:
    """Return what TLS to the master needs; empty without it. The certificate is always checked."""
    if not address.is_tls:
        return {}
    files = {name: address.options[name] for name in TLS_OPTIONS if name in address.options}
    return {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True, **files}


def sentinel_options(address: SentinelAddress) -> dict[str, Any]:
    """Return how the Sentinels themselves are reached."""
    login = {
        name.removeprefix("sentinel_"): address.options[name]
        for name in ("sentinel_username", "sentinel_password")
        if name in address.options
    }
    return {
        "socket_timeout": SENTINEL_TIMEOUT,
        "socket_connect_timeout": SENTINEL_TIMEOUT,
        **login,
        **tls_options(address),
    }
