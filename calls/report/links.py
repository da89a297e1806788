"""From a number of a report to the list of exactly its legs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.urls import get_script_prefix, reverse

from clock.text import site_time

#: The report's filters by the names that the list of legs gives them.
_NAMES = {"queue": "queue", "team": "team", "agent": "agent", "extension": "extension", "service": "service"}


def legs_address(filters: Mapping[str, str], begin: datetime, end: datetime, *, flagged: str) -> str:
    """Return the address of the legs of a report's filters, connected from ``begin`` until before ``end``."""
    asked = {_NAMES[name]: value for name, value in filters.items() if name in _NAMES}
    outcome, _, reason = filters.get("cause", "").partition(":")
    if outcome:
        asked |= {"outcome__exact": outcome} | ({"reason": reason} if reason else {})
    if "source" in filters:
        asked["source"] = filters["source"]
    asked["flagged"] = flagged
    first, last = site_time(begin), site_time(end - timedelta(microseconds=1))
    asked |= {"connected_at_from_0": f"{first:%Y-%m-%d}", "connected_at_from_1": f"{first:%H:%M:%S}"}
    asked |= {"connected_at_to_0": f"{last:%Y-%m-%d}", "connected_at_to_1": f"{last:%H:%M:%S.%f}"}
    return f"{reverse('admin:calls_leg_changelist')}?{urlencode(asked)}"


def public_link(path: str) -> str:
    """Return the whole address of a path that ``reverse`` gave, for a mail; "" where ``PUBLIC_URL`` is not known."""
    # Of the sub-path, some threads of Django know and others do not; the public address has it always.
    return f"{settings.PUBLIC_URL}/{path.removeprefix(get_script_prefix())}" if settings.PUBLIC_URL else ""
