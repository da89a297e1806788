"""The sentences about a replay."""

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from calls.api import DifferenceGroup, PeriodComparison

_KINDS = {
    "missing_leg": "A leg would be missing",
    "extra_leg": "There would be another leg",
    "outcome": "Another outcome",
    "flag": "Another value of the flag",
}
_CAUSES = {
    "extensions": "the list of extensions, queues and ignored devices",
    "flag_settings": "the settings of the flags",
    "queue_names": "the queue's name",
    "agents": "who was logged on there",
    "users": "QMS users, their mapping or the allocation of Recording Services",
    "not_asked": "QMS was not asked for this recording then, so that its answer is not known",
    "rules": "the rules of the call model, or the order in which events and answers came",
}


def group_line(group: DifferenceGroup) -> str:
    """Return a group of differences in one line."""
    values = f': "{group.was}", would be "{group.would_be}"' if group.was and group.would_be else ""
    subject = f" {group.subject}" if group.kind == "flag" else ""
    return f"{group.count:>7,}  {_KINDS[group.kind]}{subject}{values}. Cause: {_CAUSES[group.cause]}."


def example_lines(group: DifferenceGroup) -> Iterator[str]:
    """Yield some of a group's legs, a line each."""
    for one in group.examples:
        leg = f"leg {one.leg_id}" if one.leg_id else "no leg"
        yield f"{leg}, extension {one.extension}, {timezone.localtime(one.connected_at):%Y-%m-%d %H:%M:%S}"


def result_lines(result: PeriodComparison, begin: datetime, archive_days: int) -> Iterator[str]:
    """Yield what a replay came to, a sentence each."""
    if result.covered_from is None:
        kept = f"the archive keeps {archive_days} days (ARCHIVE_DAYS)" if archive_days else "no archive is kept"
        yield f"Nothing was compared: no event of that time is kept on this machine; {kept}."
        return
    if result.covered_from > begin:
        yield f"The first event that is kept is of {timezone.localtime(result.covered_from):%Y-%m-%d %H:%M:%S}."
    legs = "1 leg" if result.compared == 1 else f"{result.compared:,} legs"
    yield f"{legs} compared; {result.different:,} would be different."
    for why, count in sorted(result.apart.items()):
        yield f"{count:,} not compared: {why}."
    if result.gaps:
        yield f"Events are missing at {result.gaps:,} place{'s' if result.gaps > 1 else ''}; calls there are left out."
    if result.unreadable:
        yield f"{result.unreadable:,} entries are no events by this version of the gateway; they were left out."
    if result.failures:
        yield f"This version fails on {result.failures:,} of the events; what follows them may differ by that."
