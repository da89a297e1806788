"""Days and moments as people type them into commands."""

from argparse import ArgumentTypeError
from datetime import datetime

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime


def moment(text: str) -> datetime:
    """Read a day or a moment by the site's clock. Raises ``ArgumentTypeError``."""
    try:
        day = parse_date(text)
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001  (made aware below)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f'"{text}" is no day and no time: write 2026-11-28 or 2026-11-28T14:30')
    return found if timezone.is_aware(found) else timezone.make_aware(found)
