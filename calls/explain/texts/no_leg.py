"""What it means that no leg is known: was a gap then, is the extension heard at all, was it before our time? Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

import msgspec

from agents.core.matching import MatchKind, MatchVerdict
from calls.explain.texts.causes import Cause
from calls.explain.texts.leg_outcome import Explanation, GapCase, LegLink, Mood, clock, date_and_time, gap_text

#: A person's time is of another clock, and often to the minute only.
SLACK = timedelta(minutes=2)
#: Maximum time by which a leg may lie beside the time that is asked for: what the clocks of QMS and the PBX may differ.
CLOSE = timedelta(seconds=5)


class SourceCoverage(StrEnum):
    """Whether a source's calls at an extension come to the gateway, by its settings."""

    HEARD = "heard"
    NOT_LISTED = "not listed"
    NOTHING_LISTED = "nothing listed"
    QUEUE = "queue"
    IGNORED = "ignored"
    REFUSED = "refused"
    DISABLED = "disabled"


#: Where a source's settings do not have the extension.
_NOT_ITS_OWN = {SourceCoverage.NOT_LISTED, SourceCoverage.NOTHING_LISTED, SourceCoverage.QUEUE}


class SourceCase(msgspec.Struct, frozen=True, kw_only=True):
    """A CTI source and an extension. ``near``: listed extensions that may be meant; ``refused``: the PBX's reason.

    ``hearing``: by the settings of that time; ``is_former``: those of now would have it otherwise, as ``hearing_now``
    says (None: as then).
    ``is_listed``: the extension stood on its own list then; one without a list hears each.
    ``behind_since``: the oldest event that waits to be folded; ``unread``: messages of that time in quarantine.
    """

    slug: str
    hearing: SourceCoverage
    near: tuple[str, ...] = ()
    refused: str = ""
    gaps: tuple[GapCase, ...] = ()
    behind_since: datetime | None = None
    is_journal_away: bool = False
    unread: int = 0
    has_service: bool = True
    verdict: MatchVerdict | None = None
    is_former: bool = False
    hearing_now: SourceCoverage | None = None
    is_listed: bool = False

    def has_extension(self) -> bool:
        """Say whether the extension is one of the source's, then or now, though it may be switched off or ignored."""
        return not {self.hearing, self.hearing_now or self.hearing} <= _NOT_ITS_OWN


class Near(msgspec.Struct, frozen=True):
    """The extension's leg next to the time in question."""

    key: int
    connected_at: datetime
    disconnected_at: datetime | None


class NothingCase(msgspec.Struct, frozen=True, kw_only=True):
    """A question without a leg. ``at`` is None where only a GUID or a reference was given.

    ``newest``: without a time, the newest legs of the extension that the text names after all.
    """

    text: str
    at: datetime | None
    now: datetime
    keeps_days: int
    oldest_at: datetime | None = None
    sources: tuple[SourceCase, ...] = ()
    before: Near | None = None
    after: Near | None = None
    newest: tuple[Near, ...] = ()


def explain_nothing(case: NothingCase, zone: tzinfo) -> Explanation:
    """Answer where no leg is known: the likeliest cause first, then what else was found."""
    if case.newest:
        return _which(case, zone)
    if case.at is None:
        return _answer(case, [_unknown_name(case, zone)], zone)
    causes = list(_by_time(case, case.at, zone)) or list(_by_source(case, case.at, zone))
    return _answer(case, causes or [_nothing_missed(case, zone)], zone)


def _which(case: NothingCase, zone: tzinfo) -> Explanation:
    return Explanation(
        mood=Mood.WAITING,
        heading="Which call of the extension?",
        said=f"{case.text} is an extension with calls; these are the newest.",
        todo="Ask again with the time at which the recording began, or look at one of these.",
        links=tuple(
            LegLink(one.key, f"Connected {date_and_time(one.connected_at, zone)}{_end(one, zone)}")
            for one in case.newest
        ),
    )


def _answer(case: NothingCase, causes: Sequence[Cause], zone: tzinfo) -> Explanation:
    first = causes[0]
    extras = [cause.said for cause in causes[1:]]
    besides = [_no_flags_anyway(case.sources)] if case.at is not None else []
    said = " ".join(part for part in (_question(case, zone), first.said, *extras, *besides) if part)
    return Explanation(mood=Mood.BROKEN, heading=first.heading, said=said, todo=first.todo, links=_links(case, zone))


def _question(case: NothingCase, zone: tzinfo) -> str:
    if case.at is None:
        return f"No leg has {case.text} as its recording's GUID, its call reference or its interaction."
    at = f"{date_and_time(case.at, zone)} ({zone})"
    return f"No leg of extension {case.text} is known at {at}, give or take {CLOSE // timedelta(seconds=1)} seconds."


def _unknown_name(case: NothingCase, zone: tzinfo) -> Cause:
    kept = f"legs are kept for {case.keeps_days} days"
    if case.oldest_at is not None:
        kept = f"{kept}; the oldest known is of {date_and_time(case.oldest_at, zone)}"
    return Cause(
        "No leg has this GUID or reference",
        "The gateway knows a recording's GUID only when QMS named it within seconds of Connected: of a recording that "
        f"was never found it knows the leg, but not the GUID. It may also be too old ({kept}).",
        "Ask again with the extension and the time at which the recording began, both as QMS shows them.",
    )


def _by_time(case: NothingCase, at: datetime, zone: tzinfo) -> Iterator[Cause]:
    """Yield the cause where the time itself is one."""
    if at > case.now + SLACK:
        yield Cause(
            "This time is still to come",
            f"It is now {date_and_time(case.now, zone)}.",
            f"Check the date and the time zone: times here are in {zone}.",
        )
    elif at < case.now - timedelta(days=case.keeps_days):
        yield Cause(
            "Too old: the legs of that time are deleted",
            f"Legs are kept for {case.keeps_days} days (RETENTION_DAYS); what happened before is no longer known.",
            "Look at the recording's flags in QMS itself: flags that were written stay there.",
        )
    elif not case.sources:
        yield Cause(
            "Nothing is connected to the gateway",
            "There is no CTI source, so it hears of no call.",
            "Add the PBX or CTI server on the page CTI sources.",
        )
    elif case.oldest_at is None:
        yield Cause(
            "The gateway has never seen a call",
            "No leg at all is known here.",
            "Test the installation: the page shows step by step what is missing.",
        )


def _by_source(case: NothingCase, at: datetime, zone: tzinfo) -> Iterator[Cause]:
    """Yield what the sources show, the most decisive first."""
    heard = [one for one in case.sources if one.hearing is SourceCoverage.HEARD]
    if not heard:
        yield from (_not_heard(one, case.text) for one in sorted(case.sources, key=_closeness))
        return
    for one in heard:
        yield from (_in_gap(gap, zone) for gap in one.gaps if not gap.is_off)
    yield from _switched_off(case, heard, zone)
    if not any(map(_would_flag, heard)):
        yield from (_not_heard(one, case.text) for one in sorted(case.sources, key=_closeness) if _is_own_setting(one))
    for one in heard:
        yield from _not_read(one, at, zone)
    if case.oldest_at is not None and at < case.oldest_at - SLACK:
        yield Cause(
            "Before the gateway's first known call",
            f"The oldest leg known here is of {date_and_time(case.oldest_at, zone)}.",
            "Nothing: was the gateway installed, or its database recreated, after that call?",
        )


def _switched_off(case: NothingCase, heard: Sequence[SourceCase], zone: tzinfo) -> Iterator[Cause]:
    """Yield the sources that were switched off then, where no other was to hear the extension, as comparisons say."""
    for one in case.sources:
        off = [gap for gap in one.gaps if gap.is_off]
        if not off or any(_hears_for(one, other) for other in heard):
            continue
        if one.hearing is SourceCoverage.DISABLED:
            yield _not_heard(one, case.text)
        else:
            yield from (_in_gap(gap, zone) for gap in off)


def _hears_for(one: SourceCase, other: SourceCase) -> bool:
    """Say whether another source was to hear the extension of one that was switched off: on its list, if on that's."""
    is_in_use = other.slug != one.slug and not any(gap.is_off for gap in other.gaps)
    return is_in_use and _would_flag(other) and (other.is_listed or not one.is_listed)


def _would_flag(one: SourceCase) -> bool:
    """Say whether a call that a source hears at the extension would get flags."""
    return one.has_service and (one.verdict is None or one.verdict.kind is MatchKind.MATCHED)


def _is_own_setting(one: SourceCase) -> bool:
    """Say whether a source that does not hear the extension has it in its settings, or had."""
    is_own = one.is_former or one.hearing is SourceCoverage.IGNORED
    return is_own and one.hearing is not SourceCoverage.HEARD


def _closeness(one: SourceCase) -> int:
    """Order sources by how near they are to hearing the extension, those first that hear it now."""
    order = (
        SourceCoverage.REFUSED,
        SourceCoverage.DISABLED,
        SourceCoverage.IGNORED,
        SourceCoverage.QUEUE,
        SourceCoverage.NOT_LISTED,
    )
    place = order.index(one.hearing) if one.hearing in order else len(order)
    return place - (bool(one.near) + 2 * one.is_former) * len(order)


def _not_heard(one: SourceCase, extension: str) -> Cause:
    if one.is_former and one.hearing is not SourceCoverage.REFUSED:
        return _was_not_heard(one, extension)
    heading = "The extension is not monitored"
    words = {
        SourceCoverage.REFUSED: (
            f"The PBX of {one.slug} refuses to let extension {extension} be monitored: {one.refused.rstrip('.')}.",
            f"Allow it in the PBX; the listener of {one.slug} then tries again.",
        ),
        SourceCoverage.DISABLED: (
            f"CTI source {one.slug} is switched off: nothing is taken from it.",
            f"Switch {one.slug} on, if the extension is its own.",
        ),
        SourceCoverage.IGNORED: (
            f"Extension {extension} is among the ignored devices of {one.slug}.",
            f"Take it out of ignored_devices of {one.slug}, if its calls are wanted.",
        ),
        SourceCoverage.QUEUE: (
            f"For {one.slug} {extension} is a queue, not an extension: queues have no recordings of their own.",
            "Ask for the extension that took the call, or by the call reference.",
        ),
        SourceCoverage.NOTHING_LISTED: (
            f"CTI source {one.slug} lists no devices at all, and CSTA XML hears only those that are listed.",
            f"Add the extensions to the devices of {one.slug}.",
        ),
        SourceCoverage.NOT_LISTED: _not_listed(one, extension),
    }
    return Cause(heading, *words[one.hearing])


def _was_not_heard(one: SourceCase, extension: str) -> Cause:
    said = {
        SourceCoverage.DISABLED: f"CTI source {one.slug} was switched off then: nothing was taken from it.",
        SourceCoverage.IGNORED: f"Extension {extension} was among the ignored devices of {one.slug} then.",
        SourceCoverage.QUEUE: f"For {one.slug} {extension} was a queue then, not an extension.",
        SourceCoverage.NOTHING_LISTED: f"CTI source {one.slug} listed no devices at all then.",
        SourceCoverage.NOT_LISTED: f"CTI source {one.slug} did not monitor extension {extension} then.",
    }
    return Cause(
        "The extension was not monitored then",
        f"{said[one.hearing]} Its settings were changed since.",
        f"Nothing for this call. The history of {one.slug} has who changed it, and when.",
    )


def _not_listed(one: SourceCase, extension: str) -> tuple[str, str]:
    near = f" It lists {', '.join(one.near)}, which is not {extension}." if one.near else ""
    return (
        f"CTI source {one.slug} does not monitor extension {extension}.{near}",
        f"Add {extension} to the devices of {one.slug}, or ask for the extension as it is written there.",
    )


def _in_gap(gap: GapCase, zone: tzinfo) -> Cause:
    heading = "The link was down then"
    todo = f"Find out why the link of {gap.source} was lost: see the gaps, and the source's page."
    if gap.is_off:
        heading, todo = "The CTI source was switched off then", f"Leave {gap.source} switched on."
    elif gap.extension:
        heading = f"Events of {gap.extension} were missed then"
        todo = "Find out why by the gap's reason: see the gaps."
    return Cause(
        heading,
        f"The ledger has a gap then: {gap_text(gap, zone)} Calls that began and ended inside a gap "
        "cannot be recovered, so this recording cannot be flagged any more.",
        f"Nothing for this call. {todo}",
    )


def _not_read(one: SourceCase, at: datetime, zone: tzinfo) -> Iterator[Cause]:
    if one.is_journal_away:
        yield Cause(
            "The journal cannot be read now",
            f"Redis does not answer, so it is not known whether events of {one.slug} still wait to be worked on.",
            "See the dashboard; ask again when Redis is back.",
        )
    elif one.behind_since is not None and one.behind_since <= at + SLACK:
        yield Cause(
            "The gateway is behind: that time is not worked on yet",
            f"Events of {one.slug} from {clock(one.behind_since, zone)} on are kept and wait to be worked on.",
            "Ask again later. If it does not catch up, see on the dashboard whether the worker for events runs.",
        )
    if one.unread:
        messages = "1 message" if one.unread == 1 else f"{one.unread} messages"
        yield Cause(
            "A message of that time could not be read",
            f"{messages} of {one.slug} of that time could not be read and stand in the quarantine.",
            "Look at the page Quarantined messages: the reason stands beside each message.",
        )


def _nothing_missed(case: NothingCase, zone: tzinfo) -> Cause:
    heard = ", ".join(one.slug for one in case.sources if one.hearing is SourceCoverage.HEARD and not one.gaps)
    off = "".join(f" CTI source {one.slug} was switched off then." for one in case.sources if one.gaps)
    never = "" if case.before or case.after else " No call at this extension is known at any time."
    return Cause(
        "No connected call is known there then",
        f"By the settings of that time, as far as the history has them, the extension was heard ({heard}), the ledger "
        "has no gap and nothing waits or was unreadable: the PBX reported no call that was connected there."
        f"{never} A call that only rang has no leg.{off}",
        f"Check the extension, the date and the time zone (times here are in {zone}); compare the clocks of QMS and "
        "the PBX with the gateway's.",
    )


def _no_flags_anyway(sources: Sequence[SourceCase]) -> str:
    """Say whether a call there would have got flags at all: not where one of the sources that have it gives them.

    Also one that does not hear it, or did not then: what another one lacks is then not why.
    """
    if any(one.has_extension() and _would_flag(one) for one in sources):
        return ""
    heard = [one for one in sources if one.hearing is SourceCoverage.HEARD]
    return _lack(heard[0], is_only=len(heard) == 1) if heard else ""


def _lack(one: SourceCase, *, is_only: bool) -> str:
    """Say why a call of a source there gets no flags; nothing where it gets them."""
    if not one.has_service:
        return f"Besides, no enabled Recording Service is allocated to {one.slug}: its calls get no flags."
    if one.verdict is not None and one.verdict.kind is not MatchKind.MATCHED:
        of_source = "" if is_only else f" of {one.slug}"
        return f"Besides, a call{of_source} there would get no flags now: {one.verdict.reason}"
    return ""


def _links(case: NothingCase, zone: tzinfo) -> tuple[LegLink, ...]:
    named = (("before", case.before), ("after", case.after))
    return tuple(
        LegLink(
            near.key,
            f"The extension's call {word}: connected {date_and_time(near.connected_at, zone)}{_end(near, zone)}",
        )
        for word, near in named
        if near is not None
    )


def _end(near: Near, zone: tzinfo) -> str:
    return f", disconnected {clock(near.disconnected_at, zone)}" if near.disconnected_at else ""
