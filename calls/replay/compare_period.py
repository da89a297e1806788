"""Replay a period of a source and compare it with what was done, slice by slice, in bounded memory."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

import msgspec
from django.conf import settings as site_settings

from agents.api import sessions_at
from calls.models import Checkpoint, QueueName
from calls.pipeline.source_context import SourceContext, load_source_context
from calls.replay.difference import (
    SETTINGS_TAKEN_WITHIN,
    DifferenceCause,
    LegAccount,
    PairedLegs,
    ReplayDifference,
    ReplayRules,
    differences,
    paired,
)
from calls.replay.erased import ErasedEvents, knows_caller, without_remains
from calls.replay.event_clock import EventClock
from calls.replay.journal_pages import EventPage, pages
from calls.replay.list_changes import list_changes
from calls.replay.nearby import BESIDE, is_beside
from calls.replay.reading_ahead import reading_ahead
from calls.replay.recorded import CALLER_ERASED, SLICE, RecordedLegs, account_of, begin_of, read_slice, slice_of
from calls.replay.refold import Refold, RefoldedLeg
from cti.api import START
from cti.models import CtiSource
from flags.api import hash_key, load_specs
from flags.catalogue.values import FlagSpec

#: How long before the period the fold begins, so that calls and log-ons are known, and how long after it goes on.
WARM_UP, RUN_OUT = timedelta(hours=1), timedelta(hours=2)
#: Time in which legs are deleted when they are old enough, and a replay ends.
DELETED_WITHIN = timedelta(hours=6)
#: Maximum number of groups of differences, and of examples in each.
MAXIMUM_GROUPS, MAXIMUM_EXAMPLES = 200, 10
#: The group of what is left over where there are too many.
OTHERS = "others"
#: Why a leg is not compared of whose call events may be missing.
EVENTS_MISSING = "events of its call may be missing in the archive"
#: Why a leg is not compared that would be there and was not.
NOT_THERE_BEFORE = "it would be there and was not, and events of it, or of a call beside it, may be missing"
#: Why a leg is not compared that was settled, and would not be by what was read of it.
UNSETTLED = (
    "what settled it came later than is read on, such as the extension's next call over "
    f"{RUN_OUT // timedelta(hours=1)} hours after the period"
)


class ReplaySettings(msgspec.Struct, frozen=True):
    """By what a source is replayed."""

    context: SourceContext
    specs: tuple[FlagSpec, ...]


class DifferenceGroup(msgspec.Struct):
    """Differences of one kind, cause and subject, with some of their legs."""

    kind: str
    cause: str
    subject: str
    was: str
    would_be: str
    count: int = 0
    examples: list[ReplayDifference] = []


class PeriodComparison(msgspec.Struct):
    """What a replay came to. ``apart``: legs that were not compared, by the reason.

    ``covered_from``: when the first event was that is still there; None: there is none. ``gaps``: how often events are
    missing; ``failures``: events on which today's code fails. ``canaries``: legs of canary calls, which are compared,
    and counted nowhere else. ``unfolded_from``: when the first event was that the gateway has not folded yet.
    """

    events: int = 0
    unreadable: int = 0
    failures: int = 0
    gaps: int = 0
    compared: int = 0
    different: int = 0
    canaries: int = 0
    covered_from: datetime | None = None
    covered_until: datetime | None = None
    unfolded_from: datetime | None = None
    apart: Counter[str] = msgspec.field(default_factory=Counter)
    groups: dict[tuple[str, str, str, str, str], DifferenceGroup] = {}

    def add(self, found: Iterable[ReplayDifference]) -> None:
        """Count differences into their groups; of a test only that it is one, or is none any more."""
        legs = set()
        for one in found:
            if one.is_canary and one.cause is not DifferenceCause.CANARY:
                continue
            if not one.is_canary:
                legs.add((one.leg_id, one.extension, one.connected_at))
            key: tuple[str, str, str, str, str] = (one.kind, one.cause, one.subject, one.was, one.would_be)
            if key not in self.groups and len(self.groups) >= MAXIMUM_GROUPS:
                key = (one.kind, one.cause, OTHERS, "", "")
            group = self.groups.setdefault(key, DifferenceGroup(*key))
            group.count += 1
            if len(group.examples) < MAXIMUM_EXAMPLES:
                group.examples.append(one)
        self.different += len(legs)

    def sorted_groups(self) -> list[DifferenceGroup]:
        """Return the groups, the largest first."""
        return sorted(self.groups.values(), key=lambda one: (-one.count, one.kind, one.subject))


def todays_settings(source: CtiSource) -> ReplaySettings:
    """Return the settings that stand now."""
    specs = load_specs()
    return ReplaySettings(load_source_context(source, specs), specs)


def compare_period(
    source: CtiSource,
    begin: datetime,
    end: datetime,
    settings: ReplaySettings,
    now: datetime,
    note: Callable[[PeriodComparison], None] = lambda _: None,
    *,
    reads_ahead: bool = False,
) -> PeriodComparison:
    """Replay the legs that were connected in [begin, end); nothing is written.

    ``now``: up to when the journal has every event; ``note`` is given the progress of each step. ``reads_ahead``: a
    second process reads what was recorded; not within a transaction, as connections to the database are closed.

    Raises ``JournalUnavailable``, and ``ReaderEnded`` where that process ended.
    """
    read = partial(read_slice, source.pk)
    with reading_ahead(read) if reads_ahead else nullcontext(read) as reads:
        work = _Comparison(source, begin, end, settings, now, RecordedLegs(source.pk, reads))
        for page in pages(source.slug, begin - WARM_UP, end + RUN_OUT, _folded_to(source)):
            work.take(page)
            note(work.result)
        known_until = work.result.unfolded_from or now
        work.finish(min(end + RUN_OUT, known_until), known_until)
    return work.result


class _Comparison:
    """One replay under way."""

    def __init__(
        self,
        source: CtiSource,
        begin: datetime,
        end: datetime,
        settings: ReplaySettings,
        now: datetime,
        recorded: RecordedLegs,
    ) -> None:
        self._source, self._begin, self._end = source, begin, end
        changes = list_changes(source, begin - SETTINGS_TAKEN_WITHIN)
        self._rules = ReplayRules(settings.context.site, settings.specs, hash_key(), changes=changes)
        self._recorded = recorded
        self._refold = Refold(
            source.slug,
            settings.context,
            settings.specs,
            self._recorded,
            sessions_at(source.pk, begin - WARM_UP),
            _queue_names(source.pk, begin - WARM_UP),
        )
        self.result = PeriodComparison()
        #: The slices that are not compared yet, in order; known with the first event.
        self._pending: list[int] = []
        #: Up to when the events of their legs were received, of those that were looked at.
        self._heard_until: dict[int, datetime | None] = {}
        self._would_be: defaultdict[int, list[LegAccount]] = defaultdict(list)
        #: Spans of which events are missing: legs that reach into one are not compared.
        #: So is the time whose legs may have been deleted: they would seem to be new ones.
        kept_since = now - timedelta(days=site_settings.RETENTION_DAYS) + DELETED_WITHIN
        self._unknown: list[tuple[datetime, datetime]] = [(datetime.min.replace(tzinfo=now.tzinfo), kept_since)]
        self._clock = EventClock()
        #: When the last event was received, by the source's clock.
        self._last: datetime | None = None
        self._latest: datetime | None = None
        self._is_erased, self._erased_events = False, ErasedEvents()
        #: Legs of the slice that was compared last, whose caller was erased.
        self._erased: list[LegAccount] = []
        #: Legs of slices that were compared, of which events are missing, as long as they may concern the next slice.
        self._lost: list[LegAccount] = []

    def take(self, page: EventPage) -> None:
        """Fold a page, and compare the slices that are over."""
        result = self.result
        result.events += len(page.events)
        result.unreadable += page.unreadable
        self._is_erased |= page.is_erased
        if page.erased is not None:
            self._erased_events.add(page.erased)
        result.unfolded_from = page.unfolded_from
        if not page.events:
            return
        self._clock.take(page.events)
        first, last = self._clock.by_source(page.events[0]), self._clock.by_source(page.events[-1])
        self._note_coverage(first, is_after_gap=page.is_after_gap)
        for leg in self._refold.fold(page.events):
            self._keep(leg)
        is_another_slice = self._last is None or slice_of(last) != slice_of(self._last)
        self._last = result.covered_until = last
        # What comes last may be about an earlier moment than what came before it.
        self._latest = max([self._latest or last, *(event.time for event in page.events)])
        if is_another_slice:
            self._compare(self._over(last))

    def _note_coverage(self, first: datetime, *, is_after_gap: bool) -> None:
        if self._last is None:
            self.result.covered_from = first
            self._pending = self._slices(first)
            self._unknown.append((datetime.min.replace(tzinfo=first.tzinfo), first))
        elif is_after_gap:
            self.result.gaps += 1
            self._unknown.append((self._last, first))

    def _slices(self, first: datetime) -> list[int]:
        """Return the slices of the period from the first event or leg on: of years without either none is read."""
        begins = [first - SLICE, *filter(None, [self._recorded.first_between(self._begin, self._end)])]
        begin, end = max(self._begin, min(begins)), self._end - timedelta(microseconds=1)
        return list(range(slice_of(begin), slice_of(end) + 1))

    def _keep(self, one: RefoldedLeg) -> None:
        leg = one.leg
        if self._begin <= leg.connected_source_at < self._end:
            account = account_of(leg, one.flags, 0, is_answered=one.is_answered)
            self._would_be[slice_of(leg.connected_source_at)].append(account)

    def _over(self, now: datetime) -> list[int]:
        """Return the slices that are past, whose legs' events were all taken, and of which no leg is unsettled."""
        unsettled = {slice_of(leg.connected_source_at) for leg in self._refold.unsettled()}
        past = takewhile(lambda number: number + 1 < slice_of(now), self._pending)
        return [number for number in past if number not in unsettled and self._is_heard(number)]

    def _is_heard(self, number: int) -> bool:
        """Say whether the events of a slice's legs were taken: some may have been sent hours after its time."""
        if number not in self._heard_until:
            self._heard_until[number] = self._recorded.slice(number).heard_until
        until, received = self._heard_until[number], self._clock.received
        return until is None or (received is not None and until + SLICE < received)

    def finish(self, until: datetime, answers_until: datetime) -> None:
        """Let the time pass in which nothing more happened, take QMS's later answers, and compare what is left."""
        if self._last is not None:
            for leg in self._refold.finish(max(until, self._refold.work.clock or until)):
                self._keep(leg)
            # A call whose events were sent hours late was asked for hours after its time.
            for leg in self._refold.take_later_answers(answers_until):
                self._keep(leg)
            since = self._latest or self._last
            self._unknown.append((since, datetime.max.replace(tzinfo=since.tzinfo)))
        self.result.failures = self._refold.failures
        self._compare(self._pending if self._last is not None else [])
        self._compare_late()

    def _compare(self, numbers: Iterable[int]) -> None:
        for number in list(numbers):
            self._pending.remove(number)
            self._compare_slice(number)

    def _compare_late(self) -> None:
        """Add what would be there, and whose events came after its slice was compared: nothing there was waited for."""
        extra = [leg for legs in self._would_be.values() for leg in legs]
        self.result.add(differences([], self._sure(extra, []), self._rules))

    def _compare_slice(self, number: int) -> None:
        recorded, would_be = self._recorded.slice(number), self._would_be.pop(number, [])
        mine = [leg for leg in recorded.accounts.values() if self._begin <= leg.connected_at < self._end]
        both = paired(mine, would_be)
        unsettled = {(leg.device_id, leg.connected_source_at) for leg in self._refold.unsettled()}
        again = {leg.leg_id for leg, _ in both.pairs}
        self._is_erased |= CALLER_ERASED in recorded.apart.values()
        reasons = {leg.leg_id: self._why_apart(leg, recorded.apart, unsettled, again) for leg in mine}
        erased = [leg for leg in mine if reasons[leg.leg_id] == CALLER_ERASED]
        around = [*self._erased, *erased, *self._erased_after(number)]
        for leg in both.missing if around else ():
            if not reasons[leg.leg_id] and is_beside(leg, around):
                reasons[leg.leg_id] = CALLER_ERASED
        lost = self._lost_around(number, mine, both, reasons)
        for leg in both.missing:
            if not reasons[leg.leg_id] and is_beside(leg, lost):
                reasons[leg.leg_id] = EVENTS_MISSING
        self.result.apart.update(why for leg in mine if (why := reasons[leg.leg_id]) and not leg.is_canary)
        was = [leg for leg in mine if not reasons[leg.leg_id]]
        would = [leg for before, leg in both.pairs if not reasons[before.leg_id]]
        would += self._sure(both.extra, lost)
        would = without_remains([leg for leg in would if not self._is_unknown(leg)], was, around)
        self._erased = erased
        canaries = sum(1 for leg in was if leg.is_canary)
        self.result.canaries += canaries
        self.result.compared += len(was) - canaries
        self.result.add(differences(was, would, self._rules))

    def _why_apart(
        self, leg: LegAccount, apart: dict[int, str], unsettled: set[tuple[str, datetime]], again: set[int]
    ) -> str:
        if leg.leg_id in apart:
            return apart[leg.leg_id]
        if self._is_unknown(leg):
            return EVENTS_MISSING
        if _key(leg) in self._refold.sent_again:
            return "a person sent its flags again, and a wrap-up came before they ended"
        if _key(leg) in unsettled:
            return UNSETTLED
        if self._erased_events.concern(leg):
            return CALLER_ERASED
        if self._is_erased and leg.leg_id not in again and not knows_caller(leg):
            return CALLER_ERASED
        return ""

    def _erased_after(self, number: int) -> list[LegAccount]:
        """Return the legs of the next slice whose caller was erased: what is left of them may be in this one."""
        if not self._is_erased:
            return []
        after = self._recorded.slice(number + 1)
        missing = paired(after.accounts.values(), self._would_be.get(number + 1, [])).missing
        erased = [leg for key, leg in after.accounts.items() if after.apart.get(key) == CALLER_ERASED]
        return [*erased, *(leg for leg in missing if not knows_caller(leg))]

    def _lost_around(
        self, number: int, recorded: list[LegAccount], both: PairedLegs, reasons: dict[int, str]
    ) -> list[LegAccount]:
        """Return the legs of which events are missing: one beside them may be there in one case alone for that."""
        lost = [*self._lost, *(leg for leg in recorded if reasons[leg.leg_id] == EVENTS_MISSING)]
        begin_of_next = begin_of(number + 1)
        self._lost = [leg for leg in lost if (leg.disconnected_at or begin_of_next) + BESIDE >= begin_of_next]
        if both.missing or both.extra:
            after = self._recorded.slice(number + 1).accounts.values()
            lost += [leg for leg in after if self._is_unknown(leg)]
        return lost

    def _sure(self, extra: Iterable[LegAccount], lost: list[LegAccount]) -> list[LegAccount]:
        """Return the legs that would be there and were not, and not for events that are missing; count the others.

        What is left of a call that lacks events is counted with the leg that was there.
        """
        counted = {(leg.extension, leg.call_id) for leg in lost}
        sure = []
        for leg in extra:
            if not is_beside(leg, lost) and not self._is_unknown(leg, BESIDE):
                sure.append(leg)
            elif not leg.is_canary and (leg.extension, leg.call_id) not in counted:
                self.result.apart[NOT_THERE_BEFORE] += 1
        return sure

    def _is_unknown(self, leg: LegAccount, after: timedelta = timedelta(0)) -> bool:
        """Say whether a leg reaches into a time of which events are missing, or began this soon ``after`` it."""
        begin, end = leg.began_at - after, leg.disconnected_at or leg.connected_at
        for since, until in self._unknown:  # noqa: SIM110  (asked twice of each leg; any() takes twice as long)
            if begin < until and end > since:
                return True
        return False


def _folded_to(source: CtiSource) -> str:
    """Return the last entry of the journal that the consumer has folded."""
    return Checkpoint.objects.filter(source=source).values_list("last_id", flat=True).first() or START


def _key(leg: LegAccount) -> tuple[str, datetime]:
    return leg.extension, leg.connected_at


def _queue_names(source_id: int, moment: datetime) -> dict[str, str]:
    rows = QueueName.objects.filter(source_id=source_id, since__lte=moment).order_by("since", "id")
    return dict(rows.values_list("device_id", "name"))
