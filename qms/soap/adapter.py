"""SOAP as a kind of recorder: the gateway's own contract, or another WSDL by a dialect."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self
from urllib.parse import urlsplit

from qms.adapters import AdapterOption, CheckFailed, ConnectionCheck, ConnectionConfig
from qms.port import QmsUnavailable
from qms.soap.dialect import OPERATIONS
from qms.soap.http import NotReached
from qms.soap.service import ConnectionSettings, Limits, SoapRecordingService

#: Timeout of a connection, in seconds.
CONNECT_SECONDS = 2.0
CERTIFICATE = AdapterOption(
    key="client_certificate",
    label="Client certificate",
    help_text="Path of a PEM file with the certificate that the service asks for, and its key, not encrypted.",
)


class SoapAdapter(SoapRecordingService):
    """A ``RecorderAdapter`` over SOAP."""

    kind: ClassVar[str] = "soap"
    label: ClassVar[str] = "QMS over SOAP"
    options: ClassVar[Sequence[AdapterOption]] = (CERTIFICATE,)
    address: ClassVar[Literal["required", "unused"]] = "required"
    check_names: ClassVar[Sequence[str]] = ("Reach", "TLS", "WSDL")

    @classmethod
    def from_config(cls, config: ConnectionConfig) -> Self:
        """Make an adapter; it connects at the first call."""
        return cls(settings_of(config))

    @classmethod
    def problems(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        """Return what is wrong with the options."""
        file = options.get(CERTIFICATE.key, "")
        return {} if not file or Path(file).is_file() else {CERTIFICATE.key: "There is no such file on this machine."}

    @property
    def clock_offset_seconds(self) -> float | None:
        """Return how far the service's clock is ahead of ours, by its Date header."""
        return self.line.clock_offset_seconds

    def close(self) -> None:
        """Close the calling thread's connection."""
        self.line.close()

    def checks(self) -> Sequence[ConnectionCheck]:
        """Return the steps before the login."""
        return (
            ConnectionCheck(
                "Reach",
                self._reach,
                "Check host and port of the address, the network, and whether QMS's web services run.",
            ),
            ConnectionCheck(
                "TLS",
                self._tls,
                "Give the CA file of the authority that signed the certificate, or have the certificate replaced.",
            ),
            ConnectionCheck(
                "WSDL",
                self._wsdl,
                "Check the WSDL and the dialect file; leave both empty for the gateway's own contract.",
            ),
        )

    def _reach(self) -> str:
        _with_advice(self.line.reach)
        return f"{urlsplit(self.settings.url).netloc.rpartition('@')[2]} accepts connections."

    def _tls(self) -> str:
        _with_advice(self.line.open)
        if urlsplit(self.settings.url).scheme == "https":
            return "The server's certificate is trusted."
        return "Not used: user name and password travel readable. Use https outside of one machine."

    def _wsdl(self) -> str:
        contract = self.line.contract
        missing = [name for name in OPERATIONS if not contract.offers(name)]
        source = self.settings.wsdl or "the gateway's own copy"
        version = "1.2" if contract.is_soap_12 else "1.1"
        port = f" Port {contract.port_name}, SOAP {version}." if self.settings.wsdl else ""
        lacks = f" It lacks {', '.join(missing)}." if missing else " It has every operation."
        return f"Read from {source}.{port}{lacks}"


def settings_of(config: ConnectionConfig) -> ConnectionSettings:
    """Return a configuration in the adapter's words."""
    seconds = config.timeout_seconds
    return ConnectionSettings(
        url=config.url,
        username=config.username,
        password=config.password,
        login="" if config.login == "none" else config.login,
        wsdl=config.wsdl,
        dialect=config.dialect,
        ca_file=config.ca_file,
        client_certificate=config.option(CERTIFICATE.key),
        limits=Limits(connect_seconds=min(CONNECT_SECONDS, seconds), read_seconds=seconds, total_seconds=seconds),
    )


def _with_advice(act: Callable[[], None]) -> None:
    """Carry the advice of a connection that failed to the step of the test."""
    try:
        act()
    except QmsUnavailable as error:
        if isinstance(error.__cause__, NotReached) and error.__cause__.advice:
            raise CheckFailed(str(error), error.__cause__.advice) from error
        raise
