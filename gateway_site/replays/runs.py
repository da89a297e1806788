"""Carry out the replays that people asked for, one at a time, in a worker for ``default``.

1. ``ask`` makes the row and sends a wake-up; beat repeats it, because a wake-up may be lost.
2. ``carry_on`` claims the oldest run by a conditional update; each note of the progress renews the claim.
3. The claim of a worker that died runs out: another worker begins the run again.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from celery import current_app
from django.conf import settings
from django.db import DatabaseError
from django.db.models import F, Q, QuerySet
from kombu.exceptions import KombuError

from calls.api import RUN_OUT, WARM_UP, PeriodComparison, compare_period, todays_settings
from clock import ReadClock
from clock.stopping import stop
from cti.api import JournalError
from cti.models import CtiSource
from gateway_site.config.declaration import ConfigError, read
from gateway_site.replays.models import ReplayRun
from gateway_site.replays.results import SourceResult, as_json, kept_result
from gateway_site.replays.tried_settings import TriedSettings, tried_settings

log = structlog.get_logger()

#: Maximum time without a note of the progress after which a worker is presumed dead.
CLAIM = timedelta(seconds=120)
#: Minimum interval between two notes of the progress.
NOTE_INTERVAL = timedelta(seconds=1)
#: Maximum number of workers that may die at a run before it ends.
MAXIMUM_ATTEMPTS = 3
#: Maximum number of runs that wait or run at once.
MAXIMUM_WAITING = 10
#: Maximum number of runs that are kept; the oldest are deleted.
MAXIMUM_KEPT = 1_000
TASK = "gateway_site.tasks.replay"


class TooManyReplays(Exception):
    """As many replays wait as may. Worth another try when one has ended."""

    retryable = True


class ReplayStopped(Exception):
    """The process was asked to stop; another worker begins the run again."""

    retryable = True


class ReplayGivenUp(Exception):
    """A person cancelled the run, or the claim ran out and another worker has it."""

    retryable = False


def ask(run: ReplayRun, sources: Sequence[CtiSource]) -> ReplayRun:
    """Save a run, of all sources where none is named; a worker carries it out. Raises ``TooManyReplays``."""
    if ReplayRun.objects.filter(done_at=None).count() >= MAXIMUM_WAITING:
        raise TooManyReplays(f"{MAXIMUM_WAITING} replays wait or run; ask again when one is done.")
    run.all_sources, run.asked_slugs = not sources, sorted(one.slug for one in sources)
    run.save()
    run.sources.set(sources)
    return run


def wake() -> None:
    """Send a wake-up to the workers. Never raises: beat finds the run where the message is lost."""
    try:
        current_app.send_task(TASK, queue="default", expires=60)
    except (KombuError, OSError) as error:
        log.warning("wakeup_not_sent", task=TASK, error=type(error).__name__)


def cancel(run: ReplayRun, by: str, now: datetime) -> bool:
    """End a run that is not over; return whether it was not. Its worker notices with its next note."""
    open_runs = ReplayRun.objects.filter(pk=run.pk, done_at=None)
    return bool(open_runs.update(done_at=now, cancelled_at=now, cancelled_by=by[:150], settings_text=""))


def forget_old(now: datetime) -> None:
    """Delete runs of a time whose legs are no longer kept, and the oldest where there are too many."""
    over = ReplayRun.objects.exclude(done_at=None)
    over.filter(end__lt=now - timedelta(days=settings.RETENTION_DAYS)).delete()
    newest = list(over.order_by("-id").values_list("pk", flat=True)[MAXIMUM_KEPT - 1 : MAXIMUM_KEPT])
    over.filter(pk__lt=min(newest, default=0)).delete()


def carry_on(now: ReadClock) -> None:
    """Carry out the runs that wait, the oldest first, unless another worker is at one."""
    while not stop.is_asked and (run := _claimed(now())):
        _Replaying(run, now).carry_out()


def _claimed(now: datetime) -> ReplayRun | None:
    """Claim the oldest run that waits; None where a worker is at one: two would slow the calls."""
    waiting = ReplayRun.objects.filter(done_at=None)
    free = waiting.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
    free.filter(attempts__gte=MAXIMUM_ATTEMPTS).update(
        done_at=now,
        settings_text="",
        error=f"The worker died {MAXIMUM_ATTEMPTS} times at it: see its log, and the memory of the machine.",
    )
    if waiting.filter(claimed_until__gte=now).exists():
        return None
    for key in free.order_by("id").values_list("pk", flat=True)[:MAXIMUM_WAITING]:
        claim = random.randrange(1, 2**62)  # noqa: S311  (names this try)
        values = {"claim": claim, "claimed_until": now + CLAIM, "attempts": F("attempts") + 1, "percent": 0}
        if free.filter(pk=key).update(**values):
            return ReplayRun.objects.get(pk=key)
    return None


class _Replaying:
    """One run under way in this worker."""

    def __init__(self, run: ReplayRun, now: ReadClock) -> None:
        self._run, self._now = run, now
        self._noted_at = now()
        wanted = CtiSource.objects.all() if run.all_sources else run.sources
        self._sources = list(wanted.order_by("slug"))
        self._done = 0

    def carry_out(self) -> None:
        """Replay source after source, and keep the result or why there is none."""
        try:
            results = [self._replayed(source) for source in self._sources]
        except ReplayStopped:
            self._mine().update(claimed_until=None, attempts=F("attempts") - 1)
        except ReplayGivenUp:
            log.info("replay_given_up", run=self._run.pk)
        except Exception as error:  # noqa: BLE001  (whatever it is, the run says so and ends)
            log.warning("replay_failed", run=self._run.pk, error=type(error).__name__)
            self._end(error=_reason(error)[:500])
        else:
            totals = {"compared": sum(x.compared for x in results), "different": sum(x.different for x in results)}
            self._end(result=as_json(results), percent=100, **totals)

    def _replayed(self, source: CtiSource) -> SourceResult:
        began = self._now()
        text = self._run.settings_text.reveal()
        tried = tried_settings(read(text), source) if text else TriedSettings(todays_settings(source))
        found = compare_period(source, self._run.begin, self._run.end, tried.settings, began, self._note)
        self._done += 1
        return kept_result(source.slug, (self._now() - began).total_seconds(), found, tried.untried)

    def _note(self, found: PeriodComparison) -> None:
        """Note the progress now and then. Raises ``ReplayStopped`` and ``ReplayGivenUp``."""
        if stop.is_asked:
            raise ReplayStopped
        if (now := self._now()) - self._noted_at < NOTE_INTERVAL:
            return
        self._noted_at = now
        if not self._mine().update(percent=self._percent(found), claimed_until=now + CLAIM):
            raise ReplayGivenUp

    def _percent(self, found: PeriodComparison) -> int:
        begin, end = self._run.begin - WARM_UP, self._run.end + RUN_OUT
        share = ((found.covered_until or begin) - begin) / (end - begin)
        return min(99, int(100 * (self._done + max(0.0, share)) / len(self._sources)))

    def _end(self, **values: object) -> None:
        self._mine().update(done_at=self._now(), settings_text="", **values)

    def _mine(self) -> QuerySet[ReplayRun]:
        """Return the run where this worker still has it, and nobody has cancelled it."""
        return ReplayRun.objects.filter(pk=self._run.pk, done_at=None, claim=self._run.claim)


def _reason(error: Exception) -> str:
    if isinstance(error, JournalError):
        return f"The journal could not be read: {error}"
    if isinstance(error, ConfigError):
        return f"The settings cannot be applied any more: {'; '.join(error.problems)}"
    if isinstance(error, DatabaseError):
        return "The database did not answer."
    return f"The gateway itself failed ({type(error).__name__}): report this."  # Its text may quote a value.
