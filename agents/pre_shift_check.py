"""The pre-shift check: match everybody who may log on today, while there is time to correct what is wrong.

Who: each agent seen in the last two weeks, at the extension of the last session, and each monitored extension.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from agents.core.matching import MatchKind, MatchVerdict
from agents.models import AgentSessionRecord, RefreshState, ShiftCheck, ShiftTrouble, UserRefresh
from agents.users.directories import load_directory
from agents.users.schedule import last_time_of_day
from cti.models import CtiSource
from qms.models import RecordingService

log = structlog.get_logger()

#: An agent not seen for longer is not expected.
EXPECTED_FOR = timedelta(days=14)
#: Users that were loaded longer ago are themselves a trouble: a daily load failed.
USERS_FRESH_FOR = timedelta(hours=26)
#: Maximum of checks kept, and of findings kept of each; the counts are always complete.
KEPT_CHECKS = 60
#: Maximum number of troubled agents kept for a check.
KEPT_TROUBLES = 1000
#: The kind of a trouble that concerns all users of a Recording Service.
USERS_OLD = "users_old"


def check_due(now: datetime) -> None:
    """Check where the time of day has come since the last check. Harmless when run twice or late."""
    if settings.PRE_SHIFT_AT is None or not CtiSource.objects.filter(enabled=True).exists():
        return
    due_at = last_time_of_day(settings.PRE_SHIFT_AT, now)
    if not ShiftCheck.objects.filter(due_at=due_at).exists():
        check(now, due_at=due_at)


def check(now: datetime, *, due_at: datetime | None = None, asked_by: str = "") -> None:
    """Match everybody who is expected, and keep the result; one check for each time that it is due."""
    run = ShiftCheck(at=now, due_at=due_at, asked_by=asked_by)
    troubles = [*_old_users(now)]
    run.troubled = len(troubles)
    for source in CtiSource.objects.filter(enabled=True):
        troubles += _checked(source, now, run)
    troubles.sort(key=lambda one: one.kind == MatchKind.MATCHED)  # Stable: each source's order stays.
    try:
        _save(run, troubles[:KEPT_TROUBLES])
    except IntegrityError:
        log.info("shift_check_done_elsewhere")
        return
    log.info("shift_check", ready=run.ready, doubtful=run.doubtful, troubled=run.troubled)


def latest() -> ShiftCheck | None:
    """Return the newest check."""
    return ShiftCheck.objects.order_by("-id").first()


@transaction.atomic
def _save(run: ShiftCheck, troubles: Iterable[ShiftTrouble]) -> None:
    run.save()
    for trouble in troubles:
        trouble.check_run = run
    ShiftTrouble.objects.bulk_create(troubles, batch_size=500)
    old = ShiftCheck.objects.order_by("-id").values_list("id", flat=True)[KEPT_CHECKS : KEPT_CHECKS + 1].first()
    ShiftCheck.objects.filter(id__lte=old or 0).delete()


def _checked(source: CtiSource, now: datetime, run: ShiftCheck) -> Iterator[ShiftTrouble]:
    """Yield what is wrong at a source, and count on the run."""
    directory = load_directory(source.pk)
    for device, agent_id, name in _expected(source, now):
        verdict = directory.verdict(device, agent_id, name)
        if verdict.kind is MatchKind.MATCHED and not verdict.is_doubtful:
            run.ready += 1
            continue
        if verdict.kind is MatchKind.MATCHED:
            run.doubtful += 1
        else:
            run.troubled += 1
        yield _trouble(source, device, f"{name} ({agent_id})" if name else agent_id, verdict)


def _expected(source: CtiSource, now: datetime) -> Iterator[tuple[str, str, str]]:
    """Yield extension, agent id and name: of each agent's newest session, and the monitored extensions without one."""
    seen = AgentSessionRecord.objects.filter(source=source, until=None) | AgentSessionRecord.objects.filter(
        source=source, until__gte=now - EXPECTED_FOR
    )
    newest = seen.order_by().values("agent_id").annotate(newest=Max("id")).values("newest")
    sessions = AgentSessionRecord.objects.filter(id__in=newest).order_by("device_id", "agent_id")
    taken = set()
    for device, agent_id, name in sessions.values_list("device_id", "agent_id", "agent_name"):
        taken.add(device)
        yield device, agent_id, name
    yield from ((device, "", "") for device in map(str, source.devices) if device not in taken)


def _trouble(source: CtiSource, device: str, agent: str, verdict: MatchVerdict) -> ShiftTrouble:
    return ShiftTrouble(source=source.slug, device_id=device, agent=agent, kind=verdict.kind, reason=verdict.reason)


def _old_users(now: datetime) -> Iterator[ShiftTrouble]:
    """Yield the Recording Services whose users were not loaded for long: what is matched may be out of date."""
    good = UserRefresh.objects.filter(state=RefreshState.DONE, finished_at__gte=now - USERS_FRESH_FOR)
    for service in RecordingService.objects.filter(enabled=True).exclude(pk__in=good.values("service_id")):
        reason = (
            f"The users of Recording Service {service.slug} were not loaded in the last 26 hours, so what is matched "
            "may be out of date; see why on the page QMS users and press Refresh QMS users."
        )
        yield ShiftTrouble(kind=USERS_OLD, reason=reason)
