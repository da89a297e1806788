"""The context of a source: its settings, and whose recordings are made at an extension."""

from datetime import timedelta

import msgspec
from django.conf import settings

from agents.api import load_directory
from agents.core.matching import Directory, MatchVerdict
from agents.models import Allocation
from calls.core.source_state import SiteSettings
from calls.models import are_legs_compact
from cti.models import CtiSource, Seating
from cti.sources.registry import source_kind
from flags.catalogue.values import FlagSpec
from qms.models import RecordingService

#: How long QMS names a recording where its service states nothing, in seconds.
DEFAULT_WINDOW_SECONDS = 10.0


class SourceContext(msgspec.Struct, frozen=True):
    """What the core asks about a source, loaded for a batch, and whether its legs are to be stored compactly."""

    site: SiteSettings
    directory: Directory
    services: dict[int, RecordingService]
    are_legs_compact: bool = False

    def verdict(self, extension: str, agent_id: str = "", agent_name: str = "") -> MatchVerdict:
        """Match an extension with a QMS user."""
        return self.directory.verdict(extension, agent_id, agent_name)

    def window(self, service_id: int) -> timedelta:
        """Return how long after Connected a service names a recording; one that was just taken away has its default."""
        service = self.services.get(service_id)
        return timedelta(seconds=service.guid_window_seconds if service else DEFAULT_WINDOW_SECONDS)


def load_source_context(source: CtiSource, specs: tuple[FlagSpec, ...]) -> SourceContext:
    """Load the context of a source; ``specs`` are the flags that are switched on."""
    allocated = Allocation.objects.filter(source=source, service__enabled=True).select_related("service")
    services = {one.service_id: one.service for one in allocated}
    site, directory = _site(source, services, specs), load_directory(source.pk)
    return SourceContext(site, directory, services, are_legs_compact())


def _site(source: CtiSource, services: dict[int, RecordingService], specs: tuple[FlagSpec, ...]) -> SiteSettings:
    options = source.options
    waits = [float(service.wrapup_wait_seconds) for service in services.values()]
    is_wrapup_written = any(spec.part == "wrapup" for spec in specs)
    settle_ms = options.get("settle_ms", source_kind(source.kind).settle_ms)
    return SiteSettings(
        devices=frozenset(map(str, source.devices)),
        queues=frozenset(map(str, source.queues)),
        ignored=frozenset(map(str, options.get("ignored_devices", ()))),
        settle_seconds=float(settle_ms) / 1000,
        wrapup_wait_seconds=max(waits) if waits and is_wrapup_written else None,
        agents_calls_only=settings.AGENTS_CALLS_ONLY,
        guid_window_seconds=min((float(one.guid_window_seconds) for one in services.values()), default=10.0),
        stale_hours=float(options.get("stale_hours", 12)),
        has_free_seating=source.seating == Seating.FREE,
        has_source_times=not source_kind(source.kind).has_listener,
        canaries=frozenset(map(str, source.canary_extensions)),
        has_canary_recordings=source.has_canary_recordings,
        has_marked_canaries=source.has_real_canaries,
    )
