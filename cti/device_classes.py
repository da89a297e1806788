"""Keep how a source classifies the devices that it has seen, and take a person's correction into its options."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cti.models import CtiSource, SeenDevice
from cti.sources.port import DeviceClass

#: Maximum number of devices that are kept for a source; those that were seen longest ago are forgotten.
KEPT = 5_000
CORRECTED = "corrected by hand"


def save_devices(source_id: int, devices: Sequence[DeviceClass], at: datetime) -> None:
    """Save the devices that a listener has seen; those of an earlier process stay. Raises the database's error."""
    rows = [
        SeenDevice(
            source_id=source_id,
            device=one.device[:255],
            extension=one.extension[:255],
            is_extension=one.is_extension,
            reason=one.reason[:255],
            seen_at=at,
        )
        for one in devices[:KEPT]
    ]
    fields = ["extension", "is_extension", "reason", "seen_at"]
    SeenDevice.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["source", "device"], update_fields=fields, batch_size=500
    )
    _forget_oldest(source_id)


def _forget_oldest(source_id: int) -> None:
    known = SeenDevice.objects.filter(source_id=source_id)
    excess = known.count() - KEPT
    if excess > 0:
        oldest = list(known.order_by("seen_at").values_list("pk", flat=True)[:excess])
        known.filter(pk__in=oldest).delete()


def correct(source: CtiSource, seen: SeenDevice, *, is_extension: bool) -> None:
    """Write into a source's options what a device is, and show it so; the listener takes up changed options at once."""
    source.options = corrected(source.options, seen, is_extension=is_extension)
    source.save(update_fields=["options"])
    seen.is_extension, seen.reason = is_extension, CORRECTED
    seen.save(update_fields=["is_extension", "reason"])


def corrected(options: dict[str, Any], seen: SeenDevice, *, is_extension: bool) -> dict[str, Any]:
    """Return options in which a device is named as an extension or as a trunk, and no longer as the other."""
    trunks = [one for one in options.get("trunks", ()) if one != seen.device]
    extensions = options.get("extensions", [])
    if isinstance(extensions, dict):
        extensions = {name: number for name, number in extensions.items() if name != seen.device}
        named: Any = extensions | ({seen.device: seen.extension} if is_extension else {})
    else:
        named = [one for one in extensions if one != seen.device] + ([seen.device] if is_extension else [])
    trunks += [] if is_extension else [seen.device]
    return {**options, "trunks": trunks, "extensions": named}
