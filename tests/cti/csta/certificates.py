"""Certificates for the tests: a CA, a server's that names 127.0.0.1, and one that names another host."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_certificates(folder: Path) -> None:
    """Write ca.pem, right.pem and wrong.pem with their keys."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("Test CA")
    authority = x509.BasicConstraints(ca=True, path_length=0)
    ca = (
        _begun(ca_name, ca_name, ca_key.public_key())
        .add_extension(authority, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    here = x509.IPAddress(IPv4Address("127.0.0.1"))
    for stem, host in (("right", here), ("wrong", x509.DNSName("other.example"))):
        key = ec.generate_private_key(ec.SECP256R1())
        begun = _begun(_name(stem), ca_name, key.public_key())
        certificate = begun.add_extension(x509.SubjectAlternativeName([host]), critical=False).sign(
            ca_key, hashes.SHA256()
        )
        (folder / f"{stem}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / f"{stem}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer, subject, key, x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(hours=1)
    )
