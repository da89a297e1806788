"""How the source of a trace is set up: from a site's file, from a source of this gateway, or not at all."""

from typing import Any

import msgspec
from msgspec import UNSET

from calls.core.source_state import SiteSettings
from calls.transcript.format import FlagSection, QmsSection
from cti.models import CtiSource, Seating
from cti.sources.port import SourceConfig
from cti.sources.registry import source_kind
from flags.catalogue.values import FIELDS
from gateway_site.config.declaration import CtiSourceRow, Declaration, DeclaredQueue, FlagRow, RecordingServiceRow

#: Default time that a Recording Service waits for a wrap-up, in seconds.
WRAPUP_WAIT = 120.0


class NoSuchSource(LookupError):
    """A site's file has no source of the kind, or of the slug, or more than one."""

    retryable = False


class TrialSite(msgspec.Struct, frozen=True):
    """What a trace is decoded and judged with."""

    config: SourceConfig
    settings: SiteSettings
    flags: list[FlagSection] = []
    qms: QmsSection = QmsSection()


def default_site(kind: str) -> TrialSite:
    """Return a source of a kind of which nothing is known."""
    config = SourceConfig(slug="", kind=kind)
    return TrialSite(config, _settings(config))


def stored_site(source: CtiSource) -> TrialSite:
    """Return a source of this gateway; its secret is not read."""
    config = SourceConfig(
        slug=source.slug,
        kind=source.kind,
        devices=tuple(map(str, source.devices)),
        queues={str(device): str(name) for device, name in source.queues.items()},
        options=dict(source.options),
    )
    return TrialSite(config, _settings(config, has_free_seating=source.seating == Seating.FREE))


def declared_site(declaration: Declaration, kind: str, slug: str = "") -> TrialSite:
    """Return the source of a site's file. Raises ``NoSuchSource``."""
    row = _row(declaration.cti_sources, kind, slug)
    config = SourceConfig(
        slug=row.slug,
        kind=kind,
        devices=tuple(_or(row.devices, [])),
        queues=_queues(row),
        options=_or(row.options, {}),
    )
    service = next(iter(declaration.recording_services), RecordingServiceRow(slug=""))
    settings = _settings(
        config,
        wrapup_wait=float(_or(service.wrapup_wait_seconds, WRAPUP_WAIT)),
        has_free_seating=_or(row.seating, "") == Seating.FREE.value,
    )
    qms = QmsSection(
        window_seconds=_or(service.guid_window_seconds, 10.0),
        interval_seconds=_or(service.lookup_interval_ms, 200) / 1000,
    )
    return TrialSite(config, settings, _flags(declaration.flags), qms)


def _row(rows: list[CtiSourceRow], kind: str, slug: str) -> CtiSourceRow:
    found = [row for row in rows if row.kind == kind and slug in ("", row.slug)]
    if len(found) == 1:
        return found[0]
    of = f" with the slug {slug}" if slug else ""
    if not found:
        raise NoSuchSource(f"The file has no source of kind {kind}{of}.")
    raise NoSuchSource(f"The file has {len(found)} sources of kind {kind}: name one of {', '.join(_slugs(found))}.")


def _slugs(rows: list[CtiSourceRow]) -> list[str]:
    return [row.slug for row in rows]


def _settings(
    config: SourceConfig, *, wrapup_wait: float = WRAPUP_WAIT, has_free_seating: bool = False
) -> SiteSettings:
    options = config.options
    return SiteSettings(
        devices=frozenset(config.devices),
        queues=frozenset(config.queues),
        ignored=frozenset(map(str, options.get("ignored_devices", ()))),
        settle_seconds=float(options.get("settle_ms", source_kind(config.kind).settle_ms)) / 1000,
        wrapup_wait_seconds=wrapup_wait,
        stale_hours=float(options.get("stale_hours", 12)),
        has_free_seating=has_free_seating,
        has_source_times=not source_kind(config.kind).has_listener,
    )


def _queues(row: CtiSourceRow) -> dict[str, str]:
    queues = _or(row.queues, {})
    if isinstance(queues, dict):
        return queues
    declared = [one if isinstance(one, DeclaredQueue) else DeclaredQueue(one) for one in queues]
    return {one.device: one.name or one.device for one in declared}


def _flags(rows: list[FlagRow]) -> list[FlagSection]:
    """Return the flags of a file over the eight of the manual; none where it says nothing of flags."""
    if not rows:
        return []
    found = {spec.field: FlagSection(name=spec.name, field=spec.field) for spec in FIELDS}
    fields = {spec.name: spec.field for spec in FIELDS}
    for row in rows:
        name = _or(row.name, "")
        field = _or(row.field, fields.get(name, ""))
        known = found.pop(field, FlagSection(name=name or field, field=field))
        if field and _or(row.enabled, True):
            found[field] = FlagSection(
                name=name or known.name,
                field=field,
                max_length=_or(row.max_length, known.max_length),
                privacy=_or(row.privacy, known.privacy),
            )
    return list(found.values())


def _or(value: Any, default: Any) -> Any:
    return default if value is UNSET else value
