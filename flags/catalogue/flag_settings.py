"""The Flags as this site set them, in the catalogue's form."""

import structlog
from django.conf import settings

from flags.catalogue.values import FlagSpec
from flags.models import FlagSetting

log = structlog.get_logger()


def load_specs() -> tuple[FlagSpec, ...]:
    """Return the Flags that are switched on, in their order. One query: to be called once for a batch.

    One whose field does not exist is left out and logged; the others go on.
    """
    return tuple(spec for row in FlagSetting.objects.filter(enabled=True) if (spec := spec_of(row)))


def spec_of(row: FlagSetting) -> FlagSpec | None:
    """Return a Flag in the catalogue's form, or None when it cannot be written as it is set."""
    try:
        return FlagSpec(name=row.name, field=row.field, max_length=row.max_length, privacy=row.privacy, order=row.order)
    except ValueError as error:
        log.error("flag_setting_broken", flag=row.name, error=str(error))
        return None


def hash_key() -> bytes:
    """Return the key of hashed flags: the same value gives the same hash for as long as it stands.

    It is a key of its own (``HASH_KEY``), so that ``SECRET_KEY`` can be exchanged.
    """
    return bytes.fromhex(settings.HASH_KEY)
