"""Where the web listens: ``HOST:PORT``, ``[IPV6]:PORT``. Pure but for the question whether it is free."""

import errno
import re
import socket
from dataclasses import dataclass

FORM = "give HOST:PORT with a port from 1 to 65535, for example 127.0.0.1:8000 or [::]:8000"
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_.-]*)):(?P<port>\d{1,5})")
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (names what it means to dial there)


@dataclass(frozen=True)
class Bind:
    """An address of this machine; ``str`` gives it as waitress reads it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def dialled(self) -> "Bind":
        """Return the address at which this machine itself reaches it."""
        return Bind(EVERYWHERE.get(self.host, self.host), self.port)

    @property
    def url(self) -> str:
        """Return the address for a browser on this machine."""
        return f"http://{self.dialled}"

    def problem(self) -> str:
        """Say why a server cannot listen here now; empty when it can."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
                probe.listen(1)
            except OSError as error:
                return _why(error)
        return ""


def parse_bind(text: str) -> Bind:
    """Read an address. Raises ``ValueError`` with what would do."""
    found = _ADDRESS.fullmatch(text)
    if not found or not 1 <= int(found["port"]) <= 65535:
        raise ValueError(FORM)
    return Bind(found["v6"] or found["host"], int(found["port"]))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return "this machine has no such address"
    if error.errno == errno.EACCES:
        return "this user may not listen there (ports below 1024 need the right to)"
    return str(error.strerror or error)
