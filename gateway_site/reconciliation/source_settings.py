"""Read the settings of CTI sources that say whose calls have legs: those of now, and by the history those of before."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cti.models import CtiSource
from cti.sources.registry import source_kinds
from gateway_site.reconciliation.hearing import HearingRules, SourceHearing
from history.former_values import former_values
from qms.models import RecordingService

#: The fields as the history names them.
_NAMES = {
    "Devices": "devices",
    "Queues": "queues",
    "Options": "options",
    "Test extensions": "canary_extensions",
    "Enabled": "enabled",
}


def hearing_of(service: RecordingService, since: datetime) -> list[SourceHearing]:
    """Return the sources whose calls a service records, with their settings from ``since`` on."""
    sources = CtiSource.objects.filter(allocations__service=service).distinct()
    return [SourceHearing(one.pk, list(_rules(one, since))[::-1]) for one in sources]


def _rules(source: CtiSource, since: datetime) -> Iterator[HearingRules]:
    """Yield the rules of now, then those before each change, the latest first."""
    settings: dict[str, Any] = {name: getattr(source, name) for name in _NAMES.values()}
    yield _read(source, settings, None)
    for former in former_values(source, list(_NAMES), since):
        settings = {**settings, **{_NAMES[name]: value for name, value in former.values.items()}}
        yield _read(source, settings, former.until)


def _read(source: CtiSource, settings: dict[str, Any], until: datetime | None) -> HearingRules:
    if None in settings.values():
        return HearingRules(until=until, is_known=False, is_enabled=settings["enabled"] is not False)
    options = settings["options"] or {}
    kind = source_kinds().get(source.kind)
    return HearingRules(
        until=until,
        devices=frozenset(map(str, settings["devices"])),
        canaries=frozenset(map(str, settings["canary_extensions"])),
        queues=frozenset(map(str, settings["queues"])),
        ignored=frozenset(map(str, options.get("ignored_devices", ()))),
        needs_devices=kind is not None and kind.needs_devices,
        is_enabled=settings["enabled"],
    )
