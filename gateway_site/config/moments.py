"""Days and moments as people type them, by the site's clock: in commands and in forms."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

#: The first and the last year of which every moment can be reckoned in any zone.
YEARS = range(1970, 9999)


class NoSuchMoment(ValueError):
    """The site's clock never shows this time."""

    retryable = False


def moment(text: str) -> datetime:
    """Read a day or a moment by the site's clock. Raises ``ArgumentTypeError``."""
    try:
        day = parse_date(text)
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001  (made aware below)
    except ValueError:
        found = None
    if found is None:
        raise ArgumentTypeError(f'"{text}" is no day and no time: write 2026-11-28 or 2026-11-28T14:30')
    try:
        return by_sites_clock(found)
    except NoSuchMoment as error:
        raise ArgumentTypeError(str(error)) from error


def by_sites_clock(found: datetime) -> datetime:
    """Return a moment, in UTC unless it has a zone: of an hour that the clock shows twice, in autumn, the first.

    Raises ``NoSuchMoment`` for a time of the hour that is left out in spring, and for years beyond ``YEARS``.
    """
    if found.year not in YEARS:
        raise NoSuchMoment(f"The year must be one from {YEARS.start} to {YEARS.stop - 1}.")
    if timezone.is_aware(found):
        return found
    aware = timezone.make_aware(found.replace(fold=0)).astimezone(UTC)
    if timezone.make_naive(aware) != found:
        raise NoSuchMoment(
            f"{found:%Y-%m-%d %H:%M} does not exist in {timezone.get_current_timezone_name()}: "
            "the clock is put forward over it. Choose a time before or after."
        )
    return aware
