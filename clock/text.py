"""How pages write moments: one format everywhere, with the zone named."""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html

#: In seconds.
MINUTE, HOUR = 60, 3600


def site_time(moment: datetime) -> datetime:
    """Return a moment by the site's clock, by which days are counted; pages are written by the reader's."""
    return timezone.localtime(moment, timezone.get_default_timezone())


def time_of_day(moment: datetime) -> str:
    """Write a time of day to the second, with the zone's name."""
    return f"{timezone.localtime(moment):%H:%M:%S %Z}"


def shown(moment: datetime | None) -> str:
    """Write a moment to the second in the current time zone, with the zone's name; "" for none."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def ago(moment: datetime | None, now: datetime) -> str:
    """Write how long ago a moment of the last day was, with the exact time for who points at it; else the moment."""
    if moment is None:
        return "never"
    if not timedelta(0) <= now - moment < timedelta(days=1):
        return shown(moment)
    seconds = int((now - moment).total_seconds())
    words = "just now" if seconds < MINUTE else f"{seconds // MINUTE} min ago" if seconds < HOUR else _hours(seconds)
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), shown(moment), words)


def _hours(seconds: int) -> str:
    return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min ago"


def exact(moment: datetime | None, since: datetime | None = None) -> str:
    """Write a moment to the millisecond; with ``since`` also the milliseconds between."""
    if moment is None:
        return "never"
    local = timezone.localtime(moment)
    text = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03} {local:%Z}"
    return text if since is None else f"{text} ({(moment - since).total_seconds() * 1000:+,.0f} ms)"
