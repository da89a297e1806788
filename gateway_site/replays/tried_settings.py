"""The settings that a declaration would make, without making them."""

from django.db import transaction
from msgspec import UNSET

from agents.api import forget_directories
from calls.api import ReplaySettings, todays_settings
from cti.models import CtiSource
from gateway_site.config.apply import apply
from gateway_site.config.declaration import CtiSourceRow, Declaration, RecordingServiceRow
from qms.models import RecordingService

#: Settings of a Recording Service of which the recorded answers and flag writes cannot show what they do.
_OF_SERVICE = (
    "shadow",
    "lookup_interval_ms",
    "guid_window_seconds",
    "timeout_seconds",
    "max_in_flight",
    "url",
    "kind",
    "dialect",
    "options",
)
#: The same of a CTI source: its events were heard over the link, and decoded by the kind, of then.
_OF_SOURCE = ("enabled", "kind", "host", "port")


def untried(declaration: Declaration, source: CtiSource) -> list[str]:
    """Name the settings that a declaration changes and no replay of this source can try."""
    rows = [row for row in declaration.cti_sources if row.slug == source.slug]
    found = [f"{source.slug}: {key}" for key in _OF_SOURCE if any(_changes(row, source, key) for row in rows)]
    services = {one.slug: one for one in RecordingService.objects.filter(allocations__source=source)}
    declared = [(row, services[row.slug]) for row in declaration.recording_services if row.slug in services]
    for key in _OF_SERVICE:
        found += [f"{row.slug}: {key}" for row, service in declared if _changes(row, service, key)]
    return found


def _changes(row: CtiSourceRow | RecordingServiceRow, kept: CtiSource | RecordingService, key: str) -> bool:
    return getattr(row, key) not in (UNSET, getattr(kept, key))


def settings_of_declaration(declaration: Declaration, source: CtiSource) -> ReplaySettings:
    """Return what a source would be replayed by if a declaration were applied.

    It is applied exactly as ``apply_config`` does, read, and taken back in the same transaction. Raises
    ``ConfigError``.
    """
    try:
        with transaction.atomic():
            apply(declaration)
            tried = todays_settings(CtiSource.objects.get(pk=source.pk))
            transaction.set_rollback(True)
    finally:
        forget_directories()  # Those that were built meanwhile are of settings that never stood.
    return tried
