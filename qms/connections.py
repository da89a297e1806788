"""From a Recording Service's row to a port that speaks to it; one adapter a process, one connection a thread."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from qms.models import RecordingService
from qms.port import QmsUnavailable, RecordingServicePort
from qms.soap.service import ConnectionSettings, Limits, SoapRecordingService
from vault.fields import Secret

CONNECT_SECONDS = 2.0


#: What connects to a Recording Service; an argument where a test gives a twin.
ConnectService = Callable[[RecordingService], RecordingServicePort]


class _Adapters:
    """The adapters of this process, by service; one whose settings changed is replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[ConnectionSettings, SoapRecordingService]] = {}

    def of(self, service_id: int, settings: ConnectionSettings) -> SoapRecordingService:
        """Return the service's adapter with these settings."""
        with self._lock:
            known = self._known.get(service_id)
            if known is None or known[0] != settings:
                known = self._known[service_id] = (settings, SoapRecordingService(settings))
            return known[1]

    def clock_offset_seconds(self, service_id: int) -> float | None:
        """Return what the calling thread last saw of the service's clock."""
        known = self._known.get(service_id)
        return known[1].line.clock_offset_seconds if known else None


adapters = _Adapters()


def _start_anew() -> None:
    """Forget the parent's adapters: its lock may be held, and its connections are its own."""
    adapters.__init__()  # type: ignore[misc]  # the same object, so that every reference to it starts anew


os.register_at_fork(after_in_child=_start_anew)


def connect(service: RecordingService) -> SoapRecordingService:
    """Return the port to a service; raises ``QmsUnavailable`` when its password cannot be had.

    Cheap: to be called for each batch, so that changed settings are taken up. Connects at the first call.
    """
    return adapters.of(service.pk, connection_of(service))


def connection_of(service: RecordingService) -> ConnectionSettings:
    """Return the settings of the connection. Raises ``QmsUnavailable``."""
    seconds = service.timeout_seconds
    return ConnectionSettings(
        url=service.url,
        username=service.username,
        password=_password(service),
        login=service.login,
        wsdl=service.wsdl,
        dialect=service.dialect,
        ca_file=service.ca_file,
        limits=Limits(connect_seconds=min(CONNECT_SECONDS, seconds), read_seconds=seconds, total_seconds=seconds),
    )


def _password(service: RecordingService) -> Secret:
    """Return the password from the environment where a variable is named, else from the row."""
    name = service.password_env
    if not name:
        return service.password if isinstance(service.password, Secret) else Secret(service.password)
    if name in os.environ:
        return Secret(os.environ[name])
    try:
        return Secret(Path(os.environ[f"{name}_FILE"]).read_text().strip())
    except KeyError:
        raise QmsUnavailable(f"Neither {name} nor {name}_FILE is set.", code="Configuration") from None
    except OSError as error:
        message = f"The file of {name}_FILE cannot be read: {error.strerror}."
        raise QmsUnavailable(message, code="Configuration") from error
