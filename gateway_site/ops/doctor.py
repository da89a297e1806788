"""What support needs to know of a gateway, without call data or secrets: one value that is readable and as JSON."""

import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version as package_version
from typing import Any

import msgspec
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from calls.models import Checkpoint, Gap, RecordingSearch
from cti.models import LinkStatus, QuarantinedMessage
from evidence.api import seal_files
from flags.models import UNSETTLED, FlagWrite, state_is_one_of
from gateway_site.config.masking import masked
from gateway_site.config.names import NAMES
from gateway_site.ops import clock_offsets, probes, worker_heartbeat
from gateway_site.ops.degraded import degraded
from gateway_site.ops.version_guard import installed_version
from gateway_site.version import VERSION
from qms.models import ServiceHealth

PACKAGES = ("Django", "celery", "kombu", "redis", "psycopg", "zeep", "waitress", "django-unfold")
#: Gaps that are listed, and how far back.
MAXIMUM_GAPS, GAPS_SINCE = 20, timedelta(days=7)
#: Counting ends here.
MAXIMUM_COUNTED = 100_000

Section = dict[str, Any]


class Diagnosis(msgspec.Struct, frozen=True):
    """All sections, in the order in which they are read."""

    made_at: datetime
    sections: dict[str, Section]

    def __str__(self) -> str:
        lines = [f"QMS Gateway, {self.made_at:%Y-%m-%d %H:%M:%S} UTC"]
        for name, section in self.sections.items():
            lines += ["", name, *(f"  {key}: {value}" for key, value in section.items())]
        return "\n".join(lines)


def diagnose(now: datetime, environment: Mapping[str, str]) -> Diagnosis:
    """Look at everything; a section that cannot be made says why, and the others are made all the same."""
    looks: dict[str, Callable[[], Section]] = {
        "versions": _versions,
        "settings": lambda: _settings(environment),
        "machine": _machine,
        "probes": _probes,
        "not well": lambda: {str(number): text for number, text in enumerate(degraded(now), start=1)},
        "signs of life": lambda: _signs(now),
        "clocks": lambda: {one.name: f"{one.seconds:+.3f} s" for one in clock_offsets.offsets()},
        "sources": _sources,
        "recording services": _services,
        "queues": _queues,
        "sizes": _sizes,
        "evidence": seal_files,
        "recent gaps": lambda: _gaps(now),
    }
    return Diagnosis(now, {name: _section(look) for name, look in looks.items()})


def _section(look: Callable[[], Section]) -> Section:
    try:
        return {str(key): value for key, value in look().items()}
    except Exception as error:  # noqa: BLE001  (whatever is broken: that is what the diagnosis is for)
        return {"could not be made": f"{type(error).__name__}: {error}"[:300]}


def _versions() -> Section:
    found = {"gateway": VERSION, "database migrated by": installed_version() or "unknown"}
    found |= {"Python": sys.version.split()[0], "system": platform.platform()}
    with connection.cursor() as cursor:
        query = "SELECT version()" if connection.vendor == "postgresql" else "SELECT 'SQLite ' || sqlite_version()"
        cursor.execute(query)
        found["database"] = cursor.fetchone()[0]
    return found | {name: package_version(name) for name in PACKAGES}


def _settings(environment: Mapping[str, str]) -> Section:
    """Return what the environment names, secrets masked; a name that is not there has its default."""
    named = [name for one in NAMES for name in (one, f"{one}_FILE") if environment.get(name)]
    return {name: masked(name, environment[name]) for name in named}


def _machine() -> Section:
    usage = shutil.disk_usage(settings.VAR_DIR)
    return {
        "folder": str(settings.VAR_DIR),
        "disk": f"{100 * usage.used / usage.total:.0f} % used, {usage.free // 2**20} MiB free",
        "time zone": settings.TIME_ZONE,
    }


def _probes() -> Section:
    return {one.name: f"{'well' if one.ok else 'NOT WELL'}: {one.detail}" for one in probes.vital()}


def _signs(now: datetime) -> Section:
    found = {queue: worker_heartbeat.last(queue) for queue in worker_heartbeat.QUEUES}
    return {queue: f"{(now - at).total_seconds():.0f} s ago" if at else "none in a day" for queue, at in found.items()}


def _sources() -> Section:
    rows = LinkStatus.objects.select_related("source__checkpoint")
    return {one.source.slug: f"{one.source.kind}, {one.state}, spooled {one.spooled}, {_folded(one)}" for one in rows}


def _folded(link: LinkStatus) -> str:
    checkpoint = Checkpoint.objects.filter(source=link.source).first()
    return f"folded to {checkpoint.last_id}, {checkpoint.events} events" if checkpoint else "nothing folded"


def _services() -> Section:
    rows = ServiceHealth.objects.select_related("service")
    return {one.service.slug: f"{one.failures} failures in a row; last good {one.ok_at}; {one.error}" for one in rows}


def _queues() -> Section:
    open_searches = RecordingSearch.objects.filter(state="open", is_canary=False)
    return {
        "searches open": _counted(open_searches),
        "flag writes unsettled": _counted(FlagWrite.objects.filter(state_is_one_of(UNSETTLED), is_canary=False)),
        "messages in quarantine, unseen": _counted(QuarantinedMessage.objects.filter(seen_at=None)),
    }


def _counted(rows: Any) -> str:
    count = rows.order_by()[: MAXIMUM_COUNTED + 1].count()
    return str(count) if count <= MAXIMUM_COUNTED else f"more than {MAXIMUM_COUNTED}"


def _sizes() -> Section:
    found: Section = {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database()) / 1048576")
            found["database"] = f"{cursor.fetchone()[0]} MiB"
    client = cache._cache.get_client()  # type: ignore[attr-defined]  # noqa: SLF001  (Django names no other way)
    memory = client.info("memory")
    found["Redis"] = f"{memory['used_memory'] // 2**20} MiB of {memory['maxmemory'] // 2**20 or 'unlimited'}"
    found["spools"] = f"{sum(file.stat().st_size for file in settings.SPOOL_DIR.glob('*') if file.is_file())} bytes"
    return found


def _gaps(now: datetime) -> Section:
    rows = Gap.objects.filter(began_at__gt=now - GAPS_SINCE).select_related("source").order_by("-began_at")
    return {f"{one.began_at:%Y-%m-%d %H:%M:%S} {one.source.slug}": one.reason for one in rows[:MAXIMUM_GAPS]}
