"""The sentences about a replay."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.utils import timezone

from calls.api import OTHERS
from gateway_site.replays.results import ResultGroup, SourceResult

#: Maximum number of deleted sources that are named.
MAXIMUM_NAMES = 10
_KINDS = {
    "missing_leg": "A leg would be missing",
    "extra_leg": "There would be another leg",
    "outcome": "Another outcome",
}
#: What is said of a flag whose values are not shown, by whether it has one then and now.
_FLAGS = {
    ("written", "not written"): "The flag {} would not be written",
    ("not written", "written"): "The flag {} would be written",
}
_CAUSES = {
    "extensions": "the list of extensions, queues and ignored devices",
    "flag_settings": "the settings of the flags",
    "queue_names": "the queue's name",
    "agents": "who was logged on there",
    "users": "QMS users, their mapping or the allocation of Recording Services",
    "canary": "the test extensions of the canary calls",
    "wrapup_wait": "how long a wrap-up is waited for",
    "not_asked": "QMS was not asked for this recording then, so that its answer is not known",
    "rules": "the rules of the call model, or the order in which events and answers came",
}
#: Written flags stay as they are, whatever is done: the next step is about calls to come.
_ADVICE = {
    "extensions": "Compare the devices, queues and ignored devices of the CTI source with those that you mean to have.",
    "flag_settings": "See whether the Flags are as you want them. Flags that were written stay; calls to come follow"
    " the settings.",
    "queue_names": "See the queues of the CTI source and the list of queue names.",
    "agents": "Open the first legs, and see the agent sessions of their extensions at that time.",
    "users": "Open the first legs, and see whether the QMS user of their extension, its mapping or its allocation is"
    " what you mean it to be.",
    "canary": "No call of a person is concerned. See whether the test extensions, and the way of the canary calls, in"
    " the settings of the CTI source are as you want them.",
    "wrapup_wait": "See the wait for the wrap-up in the Recording Services: a wrap-up that comes later is not written.",
    "not_asked": "Nothing is known to be wrong: what QMS would have answered only a live call can show.",
    "rules": "After an upgrade, read its notes. With the same version, see in the history whether a setting of the"
    " source, its services or the flags was changed meanwhile, and changed back; open the first legs and read how they"
    " were decided. Report it if neither explains it.",
}


def group_title(group: ResultGroup) -> str:
    """Return what would be different, without its cause."""
    values = f': "{group.was}", would be "{group.would_be}"' if group.was and group.would_be else ""
    if group.kind == "missing_leg" and group.was:
        return f"{_KINDS[group.kind]} that came to: {group.was.replace('_', ' ')}"
    if group.kind != "flag":
        return f"{_KINDS[group.kind]}{values.replace('_', ' ')}"
    if not values:
        return f"Differences of the flag {group.subject}"  # What is left over where there are too many.
    hidden = _FLAGS.get((group.was, group.would_be))
    if hidden is not None:
        return hidden.format(group.subject)
    is_shown = group.was != "another value"
    return f"Another value of the flag {group.subject}{values if is_shown else ''}"


def group_cause(group: ResultGroup) -> str:
    """Return the cause of a group in words."""
    changed = group.subject if group.kind == "extra_leg" and group.cause == "extensions" else ""
    return f"{_CAUSES[group.cause]}{f', changed {changed}' if changed not in ('', OTHERS) else ''}"


def group_advice(group: ResultGroup) -> str:
    """Return what a person does next about a group."""
    return _ADVICE[group.cause]


def group_line(group: ResultGroup) -> str:
    """Return a group of differences in one line."""
    return f"{group.count:>7,}  {group_title(group)}. Cause: {group_cause(group)}."


def example_lines(group: ResultGroup) -> Iterator[str]:
    """Yield some of a group's legs, a line each."""
    for one in group.examples:
        leg = f"leg {one.leg_id}" if one.leg_id else "no leg"
        yield f"{leg}, extension {one.extension}, {timezone.localtime(one.connected_at):%Y-%m-%d %H:%M:%S}"


def result_lines(result: SourceResult, begin: datetime, end: datetime, archive_days: int) -> Iterator[str]:
    """Yield what the replay of a source came to, a sentence each."""
    if result.untried:
        yield f"Not tried, for what was recorded cannot show what it does: {', '.join(result.untried)}."
    if result.covered_from is None:
        kept = f"the archive keeps {archive_days} days (ARCHIVE_DAYS)" if archive_days else "no archive is kept"
        yield f"Nothing was compared: no event of that time is kept on this machine; {kept}."
        return
    if result.covered_from > begin:
        yield f"The first event that is kept is of {timezone.localtime(result.covered_from):%Y-%m-%d %H:%M:%S}."
    # A replay reads on for hours after its period; that the newest events wait says nothing of it.
    if result.unfolded_from is not None and result.unfolded_from < end:
        since = timezone.localtime(result.unfolded_from)
        yield f"The gateway has not folded the events from {since:%Y-%m-%d %H:%M:%S} on yet: they are left out."
    for why, count in sorted(result.apart.items()):
        yield f"{count:,} not compared: {why}."
    if result.canaries:
        yield f"{_count(result.canaries, 'leg of a canary call is', 'legs of canary calls are')} in no count."
    if result.gaps:
        yield f"Events are missing at {result.gaps:,} place{'s' if result.gaps > 1 else ''}; calls there are left out."
    if result.unreadable:
        yield (
            f"{_count(result.unreadable, 'entry is no event', 'entries are no events')} by this version of the"
            " gateway, and left out."
        )
    if result.failures:
        yield f"This version fails on {result.failures:,} of the events; what follows them may differ by that."


def verdict(results: list[SourceResult]) -> str:
    """Say in one sentence whether anything would be different."""
    if not results:
        return "Nothing was replayed: none of its CTI sources exists any more."
    compared, different = sum(one.compared for one in results), sum(one.different for one in results)
    legs = _count(compared, "leg was compared", "legs were compared")
    if different:
        return f"{_count(different, 'leg', 'legs')} would be different; {legs}."
    return f"Nothing would be different: {legs}." if compared else "Nothing was compared."


def deleted_line(asked: Sequence[str], results: Sequence[SourceResult]) -> str:
    """Name the sources that were asked for and were deleted before their turn; empty where there are none."""
    # One that has another name since is among the results.
    gone = sorted(set(asked) - {one.slug for one in results}) if len(results) < len(asked) else []
    more = f" and {len(gone) - MAXIMUM_NAMES} more" if len(gone) > MAXIMUM_NAMES else ""
    return f"Deleted since it was asked for, and not replayed: {', '.join(gone[:MAXIMUM_NAMES])}{more}." if gone else ""


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
