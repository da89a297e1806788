"""TLS as a client of a source: which certificates are trusted, and what to correct where one is not."""

import ssl
from typing import Final

from cti.sources.port import CertificateUntrusted, NeedsPerson, SourceConfig

_CA_REMEDY: Final = "Correct the source's CA file: a PEM file that the listener may read"
_REMEDY: Final = (
    "Name the CA that signed it in the source's CA file, set the host to the name that stands in it, or have it renewed"
)


def client_context(config: SourceConfig) -> ssl.SSLContext | None:
    """Return what a TLS link trusts, None for a link in clear. Raises ``NeedsPerson`` when the CA file is no use."""
    if not config.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=config.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise NeedsPerson(f"the CA file cannot be read: {type(error).__name__}", _CA_REMEDY) from error
    # From Python 3.13 on certificates of many PBXs would be refused for their form (no Authority Key Identifier).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def untrusted(where: str, error: ssl.SSLCertVerificationError) -> CertificateUntrusted:
    """Return the error that says why a certificate is not trusted."""
    return CertificateUntrusted(f"the certificate of {where} is not trusted: {error.verify_message}", _REMEDY)
