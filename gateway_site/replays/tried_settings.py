"""The settings that a declaration would make, without making them."""

from django.db import transaction
from msgspec import UNSET

from agents.api import forget_directories
from calls.api import ReplaySettings, todays_settings
from cti.models import CtiSource
from gateway_site.config.apply import apply
from gateway_site.config.declaration import Declaration
from qms.models import RecordingService

#: Settings of a Recording Service of which the recorded answers and flag writes cannot show what they do.
_OF_SERVICE = ("shadow", "lookup_interval_ms")


def untried(declaration: Declaration, source: CtiSource) -> list[str]:
    """Name the settings that a declaration changes and no replay of this source can try."""
    is_enabled = [row.enabled for row in declaration.cti_sources if row.slug == source.slug]
    found = [f"{source.slug}: enabled"] if any(one not in (UNSET, source.enabled) for one in is_enabled) else []
    services = {one.slug: one for one in RecordingService.objects.filter(allocations__source=source)}
    declared = [(row, services[row.slug]) for row in declaration.recording_services if row.slug in services]
    for key in _OF_SERVICE:
        changed = (row for row, service in declared if getattr(row, key) not in (UNSET, getattr(service, key)))
        found += [f"{row.slug}: {key}" for row in changed]
    return found


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
