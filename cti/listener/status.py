"""What a listener writes to and reads from the database beside the events: status, quarantine, settings."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

import clock
from bulk.kept import KeptRows, rows_as_text
from bulk.statements import fetched
from cti.device_classes import save_devices
from cti.listener.source_config import SecretMissing, source_config
from cti.models import CtiSource, LinkState, LinkStatus
from cti.quarantine import OVERFLOW, record_counted
from cti.sources.port import DeviceClass, MonitorRefusal, Quarantined, SourceConfig
from cti.sources.registry import has_session
from vault.fields import VaultError

#: Maximum different messages that wait for the database; those beyond are only counted.
WAITING = 1000
#: Interval at which a database connection that is too old is replaced, in seconds; to ask before each reading whether
#: it is alive would cost as much as the reading. One that failed is replaced at once.
RENEW_SECONDS = 60.0
#: Maximum length of an error's text, in characters.
ERROR_CHARACTERS = 500

_ROW = f"SELECT {rows_as_text(CtiSource, 'one.id = %s')}"

log = structlog.get_logger()


@dataclass
class LinkFacts:
    """How a link is, as its listener knows it."""

    state: LinkState = LinkState.CONNECTING
    since: datetime = field(default_factory=clock.now)
    leading_since: datetime = field(default_factory=clock.now)
    last_event_at: datetime | None = None
    last_call_at: datetime | None = None
    events: int = 0
    events_per_second: float = 0.0
    last_error: str = ""
    last_error_at: datetime | None = None
    refusals: dict[str, MonitorRefusal] = field(default_factory=dict)
    lack: str = ""
    devices: tuple[DeviceClass, ...] = ()
    spooled: int = 0

    def failed(self, error: str) -> None:
        """Note an error and its time."""
        self.last_error, self.last_error_at = error[:ERROR_CHARACTERS], clock.now()

    def columns(self) -> dict[str, Any]:
        """Return them as a ``LinkStatus`` has them; what has not happened in this process leaves the former value."""
        members = dict(vars(self))
        refusals: dict[str, MonitorRefusal] = members.pop("refusals")
        del members["devices"]  # They have rows of their own.
        members["monitors_refused"] = {device: one.reason for device, one in refusals.items()}
        members["monitors_again"] = {device: one.again_at for device, one in refusals.items() if one.again_at}
        return {name: value for name, value in members.items() if value or not name.startswith("last_")}


@dataclass(frozen=True)
class PreviousProcess:
    """What the last leader left in the database; ``seen_at`` is None when there never was one."""

    seen_at: datetime | None = None
    leader: str = ""
    epoch: int = 0
    spooling_since: datetime | None = None


class StatusReporter:
    """Access the database for one source, in a thread that may wait; the quarantine belongs to the event loop."""

    def __init__(self, source_id: int, owner: str) -> None:
        self._source_id, self._owner = source_id, owner
        self._quarantine: Counter[Quarantined] = Counter()
        self._saved_devices: tuple[DeviceClass, ...] = ()
        self._renew_at = 0.0
        self._kept: KeptRows[CtiSource | None] = KeptRows(self._as_text, self._row)
        #: What the row has, as this process wrote it; empty: not known.
        self._saved: dict[str, Any] = {}

    def quarantine(self, message: Quarantined) -> None:
        """Note a message that could not be read, for the next report. Returns at once."""
        if message not in self._quarantine and len(self._quarantine) >= WAITING:
            message = Quarantined(b"", message.kind, OVERFLOW)
        self._quarantine[message] += 1

    def take_quarantine(self) -> Counter[Quarantined]:
        """Return what waits for the database; it is then the caller's to report or to put back."""
        taken, self._quarantine = self._quarantine, Counter()
        return taken

    def put_back(self, messages: Counter[Quarantined]) -> None:
        """Have messages wait again."""
        self._quarantine += messages

    def previous_process(self) -> PreviousProcess:
        """Return what the last leader left. Raises the database's error."""
        close_old_connections()
        row = LinkStatus.objects.filter(source_id=self._source_id).first()
        if row is None:
            return PreviousProcess()
        spooling_since = row.since if row.state == LinkState.SPOOLING else None
        return PreviousProcess(row.reported_at, row.leader, row.epoch, spooling_since)

    def begin_term(self, epoch: int) -> None:
        """Note the epoch before its first append. Raises the database's error."""
        LinkStatus.objects.update_or_create(source_id=self._source_id, defaults={"epoch": epoch})

    def settings(self) -> SourceConfig | None:
        """Return the source's settings as they are now, None when there is nothing to listen to.

        Raises the database's error, ``SecretMissing`` or ``VaultError``.
        """
        self._renew_connection()
        row = self._kept.read() if connection.vendor == "postgresql" else self._row()
        return source_config(row) if row and has_session(row.kind) else None  # A file may hold another secret now.

    def _as_text(self) -> Any:
        return fetched(_ROW, [self._source_id])

    def _row(self) -> CtiSource | None:
        return CtiSource.objects.filter(pk=self._source_id, enabled=True).first()

    def _renew_connection(self) -> None:
        if connection.errors_occurred or monotonic() >= self._renew_at:
            self._renew_at = monotonic() + RENEW_SECONDS
            close_old_connections()

    def report(self, facts: LinkFacts, messages: Counter[Quarantined], seen_at: datetime | None = None) -> None:
        """Save the status, and the messages that could not be read. Raises the database's error.

        ``seen_at``: until when what was received is kept; None: all is. The connection is looked at where the settings
        are read.
        """
        self._save(facts.columns() | {"leader": self._owner, "reported_at": seen_at or clock.now()})
        self.record(messages)
        if facts.devices != self._saved_devices:
            save_devices(self._source_id, facts.devices, clock.now())
            self._saved_devices = facts.devices

    def _save(self, columns: dict[str, Any]) -> None:
        """Save what differs from what this process saved last, mostly the time alone; all where the row is another."""
        saved, self._saved = self._saved, {}
        row = LinkStatus.objects.filter(source_id=self._source_id)
        others = {name: value for name, value in columns.items() if name not in saved or saved[name] != value}
        is_own = bool(saved) and row.filter(reported_at=saved["reported_at"]).update(**others)
        if not is_own and not row.update(**columns):
            LinkStatus.objects.update_or_create(source_id=self._source_id, defaults=columns)
        self._saved = saved | columns

    def record(self, messages: Counter[Quarantined]) -> None:
        """Save messages that could not be read. Raises the database's error."""
        if messages:
            record_counted(self._source_id, messages, clock.now())


#: Errors of the settings and the database; the listener goes on with what it has.
UNREADABLE = (DatabaseError, InterfaceError, SecretMissing, VaultError)
