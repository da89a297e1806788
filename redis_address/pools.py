"""Connections to whatever an address names; behind Sentinels always to the present master."""

from typing import Any
from urllib.parse import urlsplit

from redis import ConnectionPool
from redis.exceptions import RedisError
from redis.sentinel import Sentinel, SentinelConnectionPool

from redis_address import SentinelAddress, is_sentinel, parse_sentinel
from redis_address.request_wait import note_silent, refuse_silent

#: Asking a Sentinel, in seconds: one that is away must not use up the time of a command.
SENTINEL_TIMEOUT = 0.5
TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


class _WaitingOnce:
    """Of a pool: a web request that got no answer from its server asks it no more."""

    server = ""

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """Give a connection. Raises ``RedisError``."""
        refuse_silent(self.server)
        try:
            return super().get_connection(*args, **options)  # type: ignore[misc]
        except (RedisError, OSError):
            note_silent(self.server)
            raise

    def release(self, connection: Any) -> None:
        """Take a connection back; one that is closed by then got no answer, or was reset."""
        if not connection.is_connected:
            note_silent(self.server)
        super().release(connection)  # type: ignore[misc]


class _ServerPool(_WaitingOnce, ConnectionPool):
    """Connections to one server."""


class _MasterPool(_WaitingOnce, SentinelConnectionPool):
    """Connections to the master that Sentinels name."""


class AddressPool:
    """Makes pools; Django's cache takes this class in the place of redis-py's own."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> ConnectionPool:
        """Return a pool of connections to an address. ``options``: of redis-py's connections."""
        pool = (
            _sentinel_pool(parse_sentinel(url), options) if is_sentinel(url) else _ServerPool.from_url(url, **options)
        )
        pool.server = _server(url)
        return pool


def _server(url: str) -> str:
    """Return what names the server of an address, whichever of its databases is meant."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


def _sentinel_pool(address: SentinelAddress, options: dict[str, Any]) -> _MasterPool:
    login = {"username": address.username or None, "password": address.password or None}
    tls = tls_options(address)
    sentinels = Sentinel(list(address.sentinels), sentinel_kwargs=sentinel_options(address))  # type: ignore[no-untyped-call]
    return _MasterPool(  # type: ignore[no-untyped-call]
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
