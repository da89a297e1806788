"""What became of claimed flag writes, saved as long as their claims stand; the number of queries does not grow."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection, transaction
from django.db.models import Case, CharField, DateTimeField, F, Field, OuterRef, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Greatest

from flags.models import SETTLED, FlagWrite, WriteState
from flags.outbox.alerts import ALERTING, count_alerts
from flags.outbox.claims import Claimed, held
from flags.outbox.state_machine import Decision
from flags.outbox.withheld import await_comparisons
from flags.outbox.written_claims import settle_written


class Settlement(msgspec.Struct, frozen=True):
    """A claimed write and what became of it."""

    claimed: Claimed
    decision: Decision


def settle(settlements: Sequence[Settlement], claim: int, now: datetime) -> int:
    """Save what became of writes whose claims still stand. Returns how many came to their end."""
    written = [one.claimed.write_id for one in settlements if one.decision.state == "written"]
    failed = [one for one in settlements if one.decision.state in SETTLED and one.decision.state != "written"]
    put_off = [one for one in settlements if one.decision.state not in SETTLED]
    ended = settle_written(written, claim, now) + _settle_failed(failed, claim, now)
    _save(put_off, claim, now)
    _let_wrapups_wait([one.claimed for one in put_off if one.claimed.part == "base"])
    return ended


def _settle_failed(settlements: Sequence[Settlement], claim: int, now: datetime) -> int:
    """Save ends without success, and raise their alerts with them: what is held is locked, so that each counts once."""
    if not settlements:
        return 0
    with transaction.atomic():
        rows = held([one.claimed for one in settlements], claim).order_by("pk").select_for_update()
        services = dict(rows.filter(is_canary=False).values_list("pk", "service_id"))
        alerting = [one for one in settlements if _is_alerting(one) and one.claimed.write_id in services]
        count_alerts(Counter((services[one.claimed.write_id], _code(one)) for one in alerting))
        shadow = [one.claimed.write_id for one in settlements if one.decision.state == "shadow"]
        await_comparisons([key for key in shadow if key in services], now)
        return _save(settlements, claim, now)


def _is_alerting(settlement: Settlement) -> bool:
    return settlement.decision.state in ALERTING


def _code(settlement: Settlement) -> str:
    return settlement.decision.error_code[:32]


def _save(settlements: Sequence[Settlement], claim: int, now: datetime) -> int:
    """Save ends of many kinds, each with its own reason, by one statement."""
    if not settlements:
        return 0
    is_end = settlements[0].decision.state in SETTLED
    alerting = [one.claimed.write_id for one in settlements if _is_alerting(one)]
    return held([one.claimed for one in settlements], claim).update(
        state=_each(settlements, CharField(), lambda one: one.state),
        not_before=_each(settlements, DateTimeField(), lambda one: one.not_before or now),
        error_code=_each(settlements, CharField(), lambda one: one.error_code[:32]),
        error=_each(settlements, CharField(), lambda one: one.error[:500]),
        settled_at=now if is_end else None,
        unclear_since=_times(settlements, lambda one: one.unclear_since),
        missing_at=_times(settlements, lambda one: one.missing_at),
        claim=None,
        claimed_until=None,
        folded=False,
        alert_since=Case(
            When(pk__in=alerting, is_canary=False, then=Value(now, DateTimeField())), default=F("alert_since")
        ),
    )


def _each(settlements: Sequence[Settlement], output: "Field[Any, Any]", value: Callable[[Decision], Any]) -> Case:
    """Return a value for each write, by its key."""
    cases = [When(pk=one.claimed.write_id, then=Value(value(one.decision), output)) for one in settlements]
    return Case(*cases, output_field=output)


def _times(settlements: Sequence[Settlement], value: Callable[[Decision], datetime | None]) -> Case | Cast:
    """Return a time or nothing for each write; where all are nothing, PostgreSQL needs the type."""
    case = _each(settlements, DateTimeField(), value)
    return Cast(case, DateTimeField()) if connection.features.requires_casted_case_in_updates else case


def _let_wrapups_wait(bases: Sequence[Claimed]) -> None:
    """Let wrap-ups wait as long as their base flags: a claim need not pass over them again and again."""
    if not bases:
        return
    base = FlagWrite.objects.filter(recording_guid=OuterRef("recording_guid"), part="base").values("not_before")
    guids = [one.recording_guid for one in bases]
    FlagWrite.objects.filter(recording_guid__in=guids, part="wrapup", state=WriteState.QUEUED, claim=None).update(
        not_before=Greatest(F("not_before"), Coalesce(Subquery(base), F("not_before")))
    )
