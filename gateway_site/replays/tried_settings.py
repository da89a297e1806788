"""The settings that a declaration would make, without making them, and what of them no replay can try."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from django.db import models, transaction

from agents.api import forget_directories
from agents.models import Allocation
from calls.api import ReplaySettings, todays_settings
from cti.models import CtiSource
from cti.sources.registry import source_kind
from flags.models import FlagSetting
from gateway_site.config.apply import apply
from gateway_site.config.declaration import Declaration
from qms.models import RecordingService

#: What a replay tries; any other setting that changes is named. What was recorded does not show what that would do:
#: events were heard over the link, and decoded by the kind, of then, and it was those services that answered.
_TRIED_OF_SOURCE = frozenset({"devices", "queues", "seating", "canary_extensions", "canary_way", "canary_recorder_api"})
_TRIED_OPTIONS = frozenset({"ignored_devices", "settle_ms", "stale_hours"})
_TRIED_OF_SERVICE = frozenset({"wrapup_wait_seconds"})
_TRIED_OF_FLAG = frozenset({"name", "enabled", "max_length", "privacy"})


class TriedSettings(msgspec.Struct, frozen=True):
    """By what a source is replayed. ``untried``: the settings that would change and that no replay can try."""

    settings: ReplaySettings
    untried: list[str] = []


class _Standing(msgspec.Struct, frozen=True):
    """The settings that concern a source, as they stand; services in the order in which they are asked."""

    source: CtiSource
    services: Mapping[str, RecordingService]
    flags: Mapping[str, FlagSetting]
    allocations: Sequence[Allocation]


def tried_settings(declaration: Declaration, source: CtiSource) -> TriedSettings:
    """Return what a source would be replayed by if a declaration were applied.

    It is applied exactly as ``apply_config`` does, read, and taken back in the same transaction. Raises
    ``ConfigError``.
    """
    try:
        with transaction.atomic():
            before = _standing(source.pk)
            apply(declaration)
            after = _standing(source.pk)
            untried = list(_untried(before, after))
            _put_back(before)
            forget_directories()
            tried = TriedSettings(todays_settings(after.source), untried)
            transaction.set_rollback(True)
    finally:
        forget_directories()  # Those that were built meanwhile are of settings that never stood.
    return tried


def _put_back(before: _Standing) -> None:
    """Give the source the services that it has, with what a replay cannot try: it would be tried under another name."""
    for service in before.services.values():
        kept = {
            field.attname: getattr(service, field.attname)
            for field in service._meta.concrete_fields  # noqa: SLF001  (public in all but its name)
            if field.name not in _TRIED_OF_SERVICE and not field.primary_key
        }
        RecordingService.objects.filter(pk=service.pk).update(**kept)
    before.source.allocations.all().delete()
    Allocation.objects.bulk_create(before.allocations)


def _standing(source_id: int) -> _Standing:
    source = CtiSource.objects.get(pk=source_id)
    allocations = list(source.allocations.select_related("service").order_by("position", "id"))
    allocated = [one.service for one in allocations]
    return _Standing(
        source=source,
        services={one.slug: one for one in allocated},
        flags={one.field: one for one in FlagSetting.objects.all()},
        allocations=allocations,
    )


def _untried(before: _Standing, after: _Standing) -> Iterator[str]:
    slug = after.source.slug
    yield from (f"{slug}: {what}" for what in _of_source(before.source, after.source))
    if list(before.services) != list(after.services):
        yield f"{slug}: recording_services"
    for name, service in after.services.items():
        if name in before.services:
            yield from (f"{name}: {key}" for key in _changed(before.services[name], service, _TRIED_OF_SERVICE))
    for field, flag in after.flags.items():
        if field in before.flags:
            yield from (f"{flag.name}: {key}" for key in _changed(before.flags[field], flag, _TRIED_OF_FLAG))


def _of_source(before: CtiSource, after: CtiSource) -> Iterator[str]:
    yield from _changed(before, after, _TRIED_OF_SOURCE | {"options"})
    options = {**before.options, **after.options}
    for key in options:
        if key not in _TRIED_OPTIONS and before.options.get(key) != after.options.get(key):
            yield f"options.{key}"
    for key, was, will_be in (("devices", before.devices, after.devices), ("queues", before.queues, after.queues)):
        new = [str(one) for one in will_be if one not in was]
        if new and source_kind(after.kind).has_listener:
            yield f"{key} (the link did not watch {_some(new)} then)"
    if any(name != before.queues[device] for device, name in after.queues.items() if device in before.queues):
        yield "queues (their names)"


def _some(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{words[0]} and {len(words) - 1:,} more"


def _changed(before: models.Model, after: models.Model, tried: frozenset[str]) -> Iterator[str]:
    """Yield the fields that differ, but for those that a replay tries."""
    for field in after._meta.concrete_fields:  # noqa: SLF001  (public in all but its name)
        if field.name not in tried and _value(before, field) != _value(after, field):
            yield field.name


def _value(row: models.Model, field: Any) -> object:
    value = getattr(row, field.attname)
    return value.reveal() if hasattr(value, "reveal") else value
