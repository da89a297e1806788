"""What the form of a replay says of how far back events are kept."""

from datetime import datetime

from clock.text import site_time
from cti.api import JournalError, oldest_event


def reaches_back_to() -> datetime | None:
    """Return the moment of the oldest event that can be replayed; None where there is none, or it is not known."""
    try:
        return oldest_event()
    except JournalError:
        return None


def how_far_back(oldest: datetime | None) -> str:
    """Say how far back a replay can begin; nothing where that is not known."""
    return f" The oldest event that is kept is of {in_site_time(oldest)}." if oldest else ""


def is_before(oldest: datetime) -> str:
    """Say why a period that ends before the oldest event cannot be replayed."""
    return (
        f"No event of this period is kept any more: the oldest one is of {in_site_time(oldest)}. End the period after"
        " that (ARCHIVE_DAYS says how long events are kept)."
    )


def what_is_cut(begin: datetime, oldest: datetime | None) -> str:
    """Say what of a period cannot be compared because its events are gone; nothing where it is all there."""
    if oldest is None or begin >= oldest:
        return ""
    return f"Nothing before {in_site_time(oldest)} can be compared: no older event is kept (ARCHIVE_DAYS)."


def in_site_time(moment: datetime) -> str:
    """Write a moment by the site's clock, as the form's fields are."""
    return f"{site_time(moment):%Y-%m-%d %H:%M:%S %Z}"
