"""The settings that a declaration would make, without making them."""

from django.db import transaction

from agents.api import forget_directories
from calls.api import ReplaySettings, todays_settings
from cti.models import CtiSource
from gateway_site.config.apply import apply
from gateway_site.config.declaration import Declaration


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
