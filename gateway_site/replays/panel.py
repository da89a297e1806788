"""What the page of a replay shows, in the words of the page."""

from collections.abc import Sequence

import msgspec

from clock.text import shown
from gateway_site.replays.models import ReplayRun
from gateway_site.replays.results import ExampleLeg, ResultGroup, SourceResult, of_json
from gateway_site.replays.texts import deleted_line, group_advice, group_cause, group_title, result_lines, verdict

#: Maximum number of sources on the page.
MAXIMUM_SOURCES = 50


class ShownLeg(msgspec.Struct, frozen=True):
    """An example; ``leg_id`` 0: there was no such leg."""

    leg_id: int
    extension: str
    connected_at: str


class ShownGroup(msgspec.Struct, frozen=True):
    """Differences of one kind and cause. ``heading``: an id that the page has once."""

    heading: str
    count: int
    title: str
    cause: str
    advice: str
    legs: Sequence[ShownLeg]


class ShownSource(msgspec.Struct, frozen=True):
    """A source's part of the result. ``speed``: how many events took how long."""

    slug: str
    speed: str
    lines: Sequence[str]
    groups: Sequence[ShownGroup]


class ReplayPanel(msgspec.Struct, frozen=True, kw_only=True):
    """A run: its state in a word, the sentence that comes first, and what was found.

    ``left_out``: how many further sources are not shown.
    """

    run: ReplayRun
    state: str
    first_line: str
    next_step: str
    is_under_way: bool
    sources: Sequence[ShownSource] = ()
    left_out: int = 0


def replay_panel(run: ReplayRun, archive_days: int, *, with_result: bool = True) -> ReplayPanel:
    """Return what is shown of a run; ``with_result`` False: its state alone."""
    # Those with differences first, and of those the ones with most.
    results = sorted(of_json(run.result) if with_result else [], key=lambda one: (-one.different, one.slug))
    state, first_line, next_step = _said(run, results)
    return ReplayPanel(
        run=run,
        state=state,
        first_line=first_line,
        next_step=next_step,
        is_under_way=run.done_at is None,
        sources=[_source(one, run, archive_days, is_only=len(results) == 1) for one in results[:MAXIMUM_SOURCES]],
        left_out=max(0, len(results) - MAXIMUM_SOURCES),
    )


def _said(run: ReplayRun, results: list[SourceResult]) -> tuple[str, str, str]:
    """Return the state, the first line and what to do next."""
    if run.done_at is None and run.claimed_until is None:
        return "waiting", "It waits for a worker.", "You may leave this page. One replay runs at a time."
    if run.done_at is None:
        return f"{run.percent} %", f"Under way: {run.percent} %.", "You may leave this page meanwhile."
    if run.cancelled_at is not None:
        line = f"{run.cancelled_by} cancelled it at {run.percent} % ({shown(run.cancelled_at)})."
        return "cancelled", line, "Nothing of it is kept. Begin another where you need the result."
    if run.error:
        return "failed", f"It failed. {run.error}", "Begin it again when the reason is gone."
    line = f"{verdict(results)} {deleted_line(run.asked_slugs, results)}".strip()
    return "done", line, _next_step(run, results)


def _next_step(run: ReplayRun, results: list[SourceResult]) -> str:
    if any(one.different for one in results):
        return "Read the causes below; open some of the legs of each. Nothing was changed by this replay."
    if not results:
        return "Begin another, of sources that exist."
    if not any(one.compared for one in results):
        return "See below why, and choose a time of which the archive has events and legs that are settled."
    if run.settings_name:
        return "The settings that were tried change nothing for these calls."
    return "Nothing: today's version and settings decide these calls as it was done."


def _source(result: SourceResult, run: ReplayRun, archive_days: int, *, is_only: bool) -> ShownSource:
    events = "1 event" if result.events == 1 else f"{result.events:,} events"
    return ShownSource(
        slug=result.slug,
        speed=f"{events} in {result.seconds:,.1f} s.",
        lines=[*([] if is_only else [verdict([result])]), *result_lines(result, run.begin, run.end, archive_days)],
        groups=[_group(one, f"{result.slug}-{number}") for number, one in enumerate(result.groups, 1)],
    )


def _group(group: ResultGroup, heading: str) -> ShownGroup:
    return ShownGroup(
        heading=heading,
        count=group.count,
        title=group_title(group),
        cause=group_cause(group),
        advice=group_advice(group),
        legs=[_leg(one) for one in group.examples],
    )


def _leg(one: ExampleLeg) -> ShownLeg:
    return ShownLeg(one.leg_id, one.extension, shown(one.connected_at))
