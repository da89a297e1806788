"""Whether this program fits the database: it may be one minor version older, as in a rolling upgrade, and no more.

``migrate`` writes down the newest version that has migrated the database. Within a minor version, and from one to the
next, migrations only add: a program of the version before goes on beside the newer one, and can be gone back to.
"""

from typing import Any

from django.db import DatabaseError

import clock
from gateway_site.version import VERSION


def note_version(**_: Any) -> None:
    """Write down this version, unless a newer one has been here. A receiver of ``post_migrate``."""
    from gateway_site.models import InstalledVersion  # noqa: PLC0415  (models are there only now)

    if _parsed(installed_version() or "0") >= _parsed(VERSION):
        return
    InstalledVersion.objects.update_or_create(pk=1, defaults={"version": VERSION, "migrated_at": clock.now()})


def installed_version() -> str:
    """Return the newest version that has migrated the database; empty where none wrote it down. Raises
    ``DatabaseError``.
    """
    from gateway_site.models import InstalledVersion  # noqa: PLC0415  (models are there only now)

    return InstalledVersion.objects.filter(pk=1).values_list("version", flat=True).first() or ""


def version_problem(own: str = VERSION) -> str:
    """Say why this program must not run on the database; empty where it may, or where nothing is known."""
    try:
        installed = installed_version()
    except DatabaseError:  # Not migrated yet, or away: the probes say so.
        return ""
    if not installed or _parsed(installed)[:2] <= _next_minor(own):
        return ""
    return (
        f"This is version {own}, and version {installed} has migrated the database: a program may be one minor version "
        "older, no more. Install a newer version, or restore a backup of this one."
    )


def _next_minor(version: str) -> tuple[int, ...]:
    major, minor = _parsed(version)[:2]
    return (major, minor + 1)


def _parsed(version: str) -> tuple[int, ...]:
    numbers = [int(one) for one in version.split(".")[:3] if one.isdigit()]
    return (*numbers, 0, 0, 0)[:3]
