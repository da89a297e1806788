"""From a Recording Service's row to the adapter that speaks to it; one adapter a process and service."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from qms.adapters import ConnectionConfig, RecorderAdapter
from qms.models import RecordingService
from qms.port import QmsUnavailable, RecordingServicePort
from qms.recorder_kinds import adapter_class
from vault.fields import Secret

#: What connects to a Recording Service; an argument where a test gives a simulated one.
ConnectService = Callable[[RecordingService], RecordingServicePort]


class _Adapters:
    """The adapters of this process, by service; one whose configuration changed is replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[str, ConnectionConfig, RecorderAdapter]] = {}

    def of(self, service_id: int, kind: str, config: ConnectionConfig) -> RecorderAdapter:
        """Return the service's adapter with this configuration."""
        with self._lock:
            known = self._known.get(service_id)
            if known is None or known[:2] != (kind, config):
                known = self._known[service_id] = (kind, config, adapter_class(kind).from_config(config))
            return known[2]

    def clock_offset_seconds(self, service_id: int) -> float | None:
        """Return what the calling thread last saw of the service's clock."""
        known = self._known.get(service_id)
        return known[2].clock_offset_seconds if known else None


adapters = _Adapters()


def _reset_after_fork() -> None:
    """Forget the parent's adapters: its lock may be held, and its connections are its own."""
    adapters.__init__()  # type: ignore[misc]  # the same object, so that every reference to it starts empty


os.register_at_fork(after_in_child=_reset_after_fork)


def connect(service: RecordingService) -> RecorderAdapter:
    """Return the port to a service; raises ``QmsUnavailable`` for a kind, an option or a password that is missing.

    Cheap: to be called for each batch, so that changed settings are taken up. Connects at the first call.
    """
    return adapters.of(service.pk, service.kind, connection_of(service))


def new_adapter(service: RecordingService) -> RecorderAdapter:
    """Return an adapter of its own, for a test of the connection. Raises ``QmsUnavailable``."""
    return adapter_class(service.kind).from_config(connection_of(service))


def connection_of(service: RecordingService) -> ConnectionConfig:
    """Return a service as its adapter gets it. Raises ``QmsUnavailable`` where the password is missing."""
    return ConnectionConfig(
        slug=service.slug,
        url=service.url,
        wsdl=service.wsdl,
        dialect=service.dialect,
        ca_file=service.ca_file,
        login=service.login,
        username=service.username,
        password=_password(service),
        timeout_seconds=service.timeout_seconds,
        options=tuple(sorted((str(key), str(value)) for key, value in service.options.items())),
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
