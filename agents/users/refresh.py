"""Load the users of a Recording Service: one load at a time, with its progress, keeping the last good list.

1. ``begin_refresh`` makes the row that everybody sees; the database allows one running row a service.
2. ``load`` takes the row, reads the list page by page and writes down how far it is.
3. A list that fails, is empty or much smaller changes nothing and says so; ``confirm`` takes a smaller one.
4. Otherwise the difference is applied in one transaction, together with the row's end.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from django.db import IntegrityError, transaction

import clock
from agents.models import RefreshState, Trigger, UserRefresh
from agents.users import stored_users
from agents.users.list_changes import by_user_id, compare, doubt, fit, with_those_kept
from clock.text import time_of_day
from qms.api import connect
from qms.port import ListedUser, QmsError, QmsRejected, QmsUnavailable, UnreadableUser

log = structlog.get_logger()

#: Maximum time without a sign of life after which a load is given up.
STALE_AFTER = timedelta(minutes=10)
#: Interval between signs of life, in users and in seconds.
PROGRESS_USERS, PROGRESS_SECONDS = 500, 5.0
#: The run names this many of the users that cannot be read, and counts the others.
PROBLEMS_SHOWN = 5
#: Limits of one load: a service whose list never ends, or takes too long, is broken.
MAXIMUM_USERS, MAXIMUM_SECONDS = 200_000, 1800.0


class UserSource(Protocol):
    """Whoever lists users: a ``RecordingServicePort``, or a file."""

    def users(self) -> Iterable[ListedUser | UnreadableUser]:
        """Yield the users. Raises ``QmsError``."""


class RefreshRunning(Exception):
    """The users of this service are being loaded just now; ``refresh`` is that load. Try again when it ended."""

    retryable = True

    def __init__(self, refresh: UserRefresh) -> None:
        super().__init__(f"The users of {refresh.service} are being loaded since {time_of_day(refresh.started_at)}.")
        self.refresh = refresh


class RefreshTakenOver(Exception):
    """This load was given up meanwhile, and another may run; nothing of it counts."""

    retryable = False


def begin_refresh(
    service_id: int, trigger: Trigger, *, asked_by: str = "", accepts_down_to: int | None = None
) -> UserRefresh:
    """Make the row of a load that is to run. Raises ``RefreshRunning``."""
    now = clock.now()
    give_up_stale(now)
    try:
        with transaction.atomic():
            return UserRefresh.objects.create(
                service_id=service_id,
                trigger=trigger,
                asked_by=asked_by,
                accepts_down_to=accepts_down_to,
                started_at=now,
                progress_at=now,
            )
    except IntegrityError:
        running = UserRefresh.objects.filter(service_id=service_id, state=RefreshState.RUNNING).first()
        if running is None:
            raise
        raise RefreshRunning(running) from None


def load(refresh_id: int, port: UserSource | None = None) -> UserRefresh:
    """Carry out a load that was begun, unless another process took it, and return its row as it ended.

    A service that fails leaves its reason on the row; only what is a fault of ours is raised, after it was noted there.
    """
    now = clock.now()
    mine = UserRefresh.objects.filter(pk=refresh_id, state=RefreshState.RUNNING, taken_at=None)
    if mine.update(taken_at=now, progress_at=now):
        try:
            _run_refresh(UserRefresh.objects.select_related("service").get(pk=refresh_id), port)
        except RefreshTakenOver:
            log.warning("user_refresh_taken_over", refresh_id=refresh_id)
    return UserRefresh.objects.select_related("service").get(pk=refresh_id)


def give_up_stale(now: datetime) -> int:
    """End the loads whose process gave no sign of life for ten minutes, and return how many."""
    silent = UserRefresh.objects.filter(state=RefreshState.RUNNING, progress_at__lt=now - STALE_AFTER)
    return silent.update(
        state=RefreshState.FAILED,
        finished_at=now,
        error="The process that loaded the users gave no sign of life for ten minutes and was given up.",
    )


def _run_refresh(refresh: UserRefresh, port: UserSource | None) -> None:
    try:
        listed = list(_listed(refresh, port or connect(refresh.service)))
        users = by_user_id(one for one in listed if isinstance(one, ListedUser))
        _take(refresh, users, [one for one in listed if isinstance(one, UnreadableUser)])
    except QmsError as error:
        _end(refresh, RefreshState.FAILED, str(error))
    except RefreshTakenOver:
        raise
    except Exception as error:
        _end(refresh, RefreshState.FAILED, f"A fault of the gateway: {type(error).__name__}. The log says more.")
        raise


def _listed(refresh: UserRefresh, port: UserSource) -> Iterator[ListedUser | UnreadableUser]:
    """Yield the users as the service lists them, giving signs of life; every list ends."""
    began = reported = time.monotonic()
    for count, user in enumerate(port.users(), start=1):
        yield fit(user) if isinstance(user, ListedUser) else user
        now = time.monotonic()
        if count > MAXIMUM_USERS:
            raise QmsRejected(f"The service lists more than {MAXIMUM_USERS} users; its list does not seem to end.")
        if now - began > MAXIMUM_SECONDS:
            raise QmsUnavailable(f"The list did not end within {MAXIMUM_SECONDS:.0f} s.")
        if count % PROGRESS_USERS == 0 or now - reported > PROGRESS_SECONDS:
            _progress(refresh, count)
            reported = now


def _progress(refresh: UserRefresh, count: int) -> None:
    """Write down how far the load is. Raises ``RefreshTakenOver`` when it was given up meanwhile."""
    running = UserRefresh.objects.filter(pk=refresh.pk, state=RefreshState.RUNNING)
    if not running.update(loaded=count, progress_at=clock.now()):
        raise RefreshTakenOver(refresh.pk)


def _take(refresh: UserRefresh, listed: dict[str, ListedUser], unreadable: Sequence[UnreadableUser]) -> None:
    """Apply a list that can be believed, or say why it cannot. Known users who cannot be read stay as they are."""
    _progress(refresh, len(listed))
    if unreadable and not listed:
        _end(refresh, RefreshState.FAILED, left_out(unreadable), unreadable=len(unreadable))
        return
    known = stored_users.known(refresh.service_id)
    listed = with_those_kept(known, listed, unreadable)
    if doubts := doubt(len(known), len(listed), refresh.accepts_down_to):
        _end(refresh, RefreshState.SUSPICIOUS if known else RefreshState.FAILED, doubts)
        return
    difference = compare(known, listed)
    with transaction.atomic():
        stored_users.apply(refresh, difference, clock.now())
        _end(
            refresh,
            RefreshState.DONE,
            left_out(unreadable),
            unreadable=len(unreadable),
            added=len(difference.added),
            changed=len(difference.changed),
            gone=len(difference.gone),
            unchanged=difference.unchanged,
        )


def left_out(unreadable: Sequence[UnreadableUser]) -> str:
    """Say how many users were left out and why; "" where all could be read."""
    if not unreadable:
        return ""
    shown = "; ".join(one.problem for one in unreadable[:PROBLEMS_SHOWN])
    more = " ..." if len(unreadable) > PROBLEMS_SHOWN else ""
    count = "1 user was" if len(unreadable) == 1 else f"{len(unreadable)} users were"
    return f"{count} left out, unreadable: {shown}{more}."


def _end(refresh: UserRefresh, state: RefreshState, error: str = "", **counts: int) -> None:
    """End the load; raises ``RefreshTakenOver`` (and so rolls back what it changed) when it was given up meanwhile."""
    running = UserRefresh.objects.filter(pk=refresh.pk, state=RefreshState.RUNNING)
    if not running.update(state=state, finished_at=clock.now(), error=error[:500], **counts):
        raise RefreshTakenOver(refresh.pk)
    log.info("user_refresh_ended", service=refresh.service.slug, refresh_id=refresh.pk, state=str(state), **counts)
