"""How pages write moments: one format everywhere, with the zone named."""

from datetime import datetime

from django.utils import timezone


def site_time(moment: datetime) -> datetime:
    """Return a moment by the site's clock, by which days are counted; pages are written by the reader's."""
    return timezone.localtime(moment, timezone.get_default_timezone())


def time_of_day(moment: datetime) -> str:
    """Write a time of day to the second, with the zone's name."""
    return f"{timezone.localtime(moment):%H:%M:%S %Z}"


def shown(moment: datetime | None) -> str:
    """Write a moment to the second in the current time zone, with the zone's name; "" for none."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def exact(moment: datetime | None, since: datetime | None = None) -> str:
    """Write a moment to the millisecond; with ``since`` also the milliseconds between."""
    if moment is None:
        return "never"
    local = timezone.localtime(moment)
    text = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local:%Z}"
    return text if since is None else f"{text} ({(moment - since).total_seconds() * 1000:+,.0f} ms)"
