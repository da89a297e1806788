"""Where a Redis (or Valkey) is: one server, or the master that Sentinels name. Pure; ``redis_address.pools`` connects.

``redis://[USER:PASSWORD@]HOST:PORT/DB``, ``rediss://`` with TLS, ``unix:///PATH``,
``sentinel://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...]/MASTER[/DB]``, ``sentinels://`` with TLS. ``valkey://`` and
``valkeys://`` mean the same as ``redis://`` and ``rediss://``.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix", "sentinel", "sentinels")
FORMS = "write redis://HOST:6379/0, rediss://... for TLS, unix:///PATH, or sentinel://HOST:26379,HOST:26379/MASTER"
#: The port of Sentinel where an address names none.
SENTINEL_PORT = 26379
#: What may follow a ``?`` in the address of Sentinels; the first two are about them and not the master.
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


@dataclass(frozen=True)
class SentinelAddress:
    """The Sentinels, and the master that they name. ``options``: of ``SENTINEL_OPTIONS``, those that are given."""

    sentinels: tuple[tuple[str, int], ...]
    master: str
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = False
    options: dict[str, str] = field(default_factory=dict, repr=False)


def check_address(url: str) -> str:
    """Return the address with Redis's own schemes. Raises ``ValueError`` with what would do; shows no password."""
    scheme = urlsplit(url).scheme
    if scheme not in SCHEMES:
        raise ValueError(f'its kind is "{scheme}"; {FORMS}')
    if is_sentinel(url):
        parse_sentinel(url)
        return url
    try:
        parts = urlsplit(url)
        port, database = parts.port, parts.path.strip("/")
    except ValueError as error:
        raise ValueError(f"its port must be a number from 1 to 65535; {FORMS}") from error
    if scheme == "unix":
        if not parts.path.strip("/"):
            raise ValueError(f"it names no socket; {FORMS}")
        return url
    if not parts.hostname or port == 0 or (database and not database.isdigit()):
        raise ValueError(f"it cannot be read; {FORMS}")
    return url.replace("valkey", "redis", 1) if scheme.startswith("valkey") else url


def is_sentinel(url: str) -> bool:
    """Say whether the address names Sentinels."""
    return urlsplit(url).scheme in ("sentinel", "sentinels")


def parse_sentinel(url: str) -> SentinelAddress:
    """Read the address of Sentinels. Raises ``ValueError`` with what would do."""
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = login.partition(":")
    path = [one for one in parts.path.split("/") if one]
    options = dict(parse_qsl(parts.query))
    if not path or len(path) > 2 or (len(path) == 2 and not path[1].isdigit()):
        raise ValueError(f"it names no master; {FORMS}")
    if unknown := sorted(set(options) - set(SENTINEL_OPTIONS)):
        raise ValueError(f"it does not take {', '.join(unknown)}; known: {', '.join(SENTINEL_OPTIONS)}")
    return SentinelAddress(
        sentinels=tuple(_host(one) for one in hosts.split(",")),
        master=unquote(path[0]),
        database=int(path[1]) if len(path) == 2 else 0,
        username=unquote(username),
        password=unquote(password),
        is_tls=parts.scheme == "sentinels",
        options=options,
    )


def _host(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    try:
        port = parts.port or SENTINEL_PORT
    except ValueError as error:
        raise ValueError(f"its port must be a number from 1 to 65535; {FORMS}") from error
    if not parts.hostname:
        raise ValueError(f"a Sentinel has no name; {FORMS}")
    return parts.hostname, port
