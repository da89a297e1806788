"""Since when a test extension has had no canary call: its newest one counts, or the settings by which it gets calls."""

from datetime import datetime, timedelta

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.contenttypes.models import ContentType

from cti.models import CtiSource
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import KEPT, RESERVE
from history.former_values import FormerValues, former_values

#: The fields that decide whether a test extension gets calls, as the history names them.
ENABLED, EXTENSIONS = "Enabled", "Test extensions"
#: The field that decides how often.
INTERVAL = "Canary interval"


def silent_since(source: CtiSource, extension: str, newest: CanaryCall | None, now: datetime) -> datetime | None:
    """Return since when no call was begun while the timetable ought to have; None: nothing shows it.

    1. Its newest call; where there was none, the act that made the source.
    2. The act by which the source was switched on, or the extension became one for tests, where that is later.
    """
    since = newest.began_at if newest is not None else _made_at(source)
    changes = former_values(source, [ENABLED, EXTENSIONS], since or now - KEPT)
    begun = next((one.until for one in changes if _begins(one, extension)), None)
    return begun or since


def red_at(source: CtiSource, since: datetime) -> datetime:
    """Return when a silence that began then is red: as the interval ends, by the settings of each time.

    Where the interval was changed meanwhile, a call that is due by the new one alone is due from the change on: it has
    as long to come as any that is due. One that was due before stays so, unless the new interval is not over yet.
    """
    changes = [one for one in former_values(source, [INTERVAL], since)[::-1] if isinstance(one.values[INTERVAL], int)]
    lengths = [*(one.values[INTERVAL] for one in changes), source.canary_minutes]
    ends = [since + timedelta(minutes=one) for one in lengths]
    red = ends[0]
    for change, end in zip(changes, ends[1:], strict=True):
        red = max(end, min(red, change.until + RESERVE))
    return red


def _made_at(source: CtiSource) -> datetime | None:
    of_source = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(source), object_id=str(source.pk), action_flag=ADDITION
    )
    found: datetime | None = of_source.order_by("-id").values_list("action_time", flat=True).first()
    return found


def _begins(change: FormerValues, extension: str) -> bool:
    """Say whether an extension gets canary calls since a change."""
    was_off = change.values.get(ENABLED) is False
    before = change.values.get(EXTENSIONS)
    return was_off or (before is not None and extension not in map(str, before))
