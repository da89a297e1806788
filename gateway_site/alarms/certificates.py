"""When certificates end: those of QMS's endpoints and of links to PBXs, and the gateway's own client certificates.

A certificate is read without being trusted: one that has ended, or is of the site's own CA, ends all the same.
Nothing is sent over such a connection.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from django.core.cache import cache

from cti.models import CtiSource
from cti.sources.registry import source_kinds
from qms.models import RecordingService

#: How often a certificate is read, and how soon again where it could not be, in seconds.
CERTIFICATE_INTERVAL, RETRY_INTERVAL = 6 * 3600, 900
#: How long a server may take to show it, in seconds.
CONNECT_TIMEOUT = 3.0


@dataclass(frozen=True)
class WatchedCertificate:
    """A certificate: whose it is, which one, and how its end is learnt (None: not now)."""

    owner: str
    name: str
    place: str
    read: Callable[[], datetime | None]

    def ends_at(self) -> datetime | None:
        """Return when it ends, as it was read within ``CERTIFICATE_INTERVAL``; None where it could not be."""
        key = f"certificate:{self.place}"
        known = cache.get(key)
        if known is None:
            ends = self.read()
            known = ends.isoformat() if ends else ""
            cache.set(key, known, timeout=CERTIFICATE_INTERVAL if ends else RETRY_INTERVAL)
        return datetime.fromisoformat(known) if known else None


def watched() -> Iterator[WatchedCertificate]:
    """Yield every certificate on which a Recording Service or a CTI source in use depends."""
    for service in RecordingService.objects.filter(enabled=True):
        if service.url.startswith("https://"):
            yield _served(str(service), "its endpoint", service.url)
        if file := service.client_certificate:
            yield WatchedCertificate(str(service), "the client certificate", file, partial(end_in_file, file))
    for source in CtiSource.objects.filter(enabled=True, tls=True).exclude(host=""):
        kind = source_kinds().get(source.kind)
        if port := source.port or (kind.tls_port if kind else 0):
            yield _served(str(source), "its PBX", f"tls://{source.host}:{port}")


def _served(owner: str, of: str, url: str) -> WatchedCertificate:
    parts = urlsplit(url)
    where = parts.hostname or "", parts.port or 443
    return WatchedCertificate(owner, f"the certificate of {of}", url, partial(end_at_server, *where))


def end_at_server(host: str, port: int) -> datetime | None:
    """Return when the certificate that a server shows ends; None where it cannot be reached."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), CONNECT_TIMEOUT) as link,
            context.wrap_socket(link, server_hostname=host) as encrypted,
        ):
            shown = encrypted.getpeercert(binary_form=True)
    except (OSError, ValueError):  # The health of the service or the link says so.
        return None
    return _end(x509.load_der_x509_certificate, shown or b"")


def end_in_file(file: str) -> datetime | None:
    """Return when the first certificate of a PEM file ends; None where it cannot be read."""
    try:
        return _end(x509.load_pem_x509_certificate, Path(file).read_bytes())
    except OSError:
        return None


def _end(load: Callable[[bytes], x509.Certificate], data: bytes) -> datetime | None:
    try:
        return load(data).not_valid_after_utc.astimezone(UTC)
    except ValueError:
        return None
