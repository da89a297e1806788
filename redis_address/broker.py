"""An address as Celery's transport over Redis wants it: its own schemes, and TLS and Sentinels by options."""

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from redis_address import SentinelAddress, is_sentinel, parse_sentinel
from redis_address.pools import TLS_OPTIONS, sentinel_options


@dataclass(frozen=True)
class Broker:
    """``url`` for Celery, ``transport_options`` besides its own, ``use_ssl`` where the link is encrypted."""

    url: str
    transport_options: dict[str, Any] = field(default_factory=dict)
    use_ssl: dict[str, Any] | None = None


def broker(url: str) -> Broker:
    """Translate an address. The certificate of a server is always checked."""
    if is_sentinel(url):
        return _sentinel(parse_sentinel(url))
    if url.startswith("unix://"):
        return Broker(url.replace("unix://", "redis+socket://", 1))
    parts = urlsplit(url)
    if parts.scheme != "rediss":
        return Broker(url)
    return Broker(urlunsplit(parts._replace(query="")), use_ssl=_tls(dict(parse_qsl(parts.query))))


def _sentinel(address: SentinelAddress) -> Broker:
    login = f"{quote(address.username, '')}:{quote(address.password, '')}@" if address.password else ""
    urls = ";".join(f"sentinel://{login}{host}:{port}/{address.database}" for host, port in address.sentinels)
    options = {"master_name": address.master, "sentinel_kwargs": sentinel_options(address)}
    return Broker(urls, options, _tls(address.options) if address.is_tls else None)


def _tls(options: dict[str, str]) -> dict[str, Any]:
    files = {name: options[name] for name in TLS_OPTIONS if name in options}
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, **files}
