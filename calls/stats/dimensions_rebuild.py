"""Rebuild the counts of ``calls.stats.dimensions`` from the legs, and forget old ones."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet
from django.db.models.functions import Coalesce, Left
from django.utils import timezone

from calls.core.outcomes import Outcome
from calls.models import DIMENSION_LENGTH, Checkpoint, DailyDimensionCount, HourlyDimensionCount, Leg
from calls.stats.coarse_counts import forget_coarsely, month_of, recount_coarsely, recount_month, take_off_month
from calls.stats.dimensions import HOURS_KEPT, local_day
from calls.stats.hourly import hour_of, hour_span, hours_between
from cti.models import CtiSource

DAY = timedelta(days=1)
_COLUMNS = ("service_key", "queue", "agent", "device", "outcome", "reason_code")


def recount_dimensions(now: datetime) -> int:
    """Rebuild all counts, a day of a source a transaction, while the consumers run. Returns the decided legs."""
    sources, days = list(CtiSource.objects.order_by("pk")), list(_days())
    legs = sum(_recount_day(source, day, now) for day in days for source in sources)
    for month in sorted({month_of(day) for day in days}):
        for source in sources:
            _recount_month(source, month)
    return legs


def forget_dimensions(before: datetime, now: datetime) -> None:
    """Delete the counts of days before that of ``before``, and those of hours that are no longer shown."""
    first_kept = local_day(before)
    forget_coarsely(first_kept)
    DailyDimensionCount.objects.filter(day__lt=month_of(first_kept)).delete()
    for source in CtiSource.objects.order_by("pk"):
        _forget_days(source, month_of(first_kept), first_kept)
    HourlyDimensionCount.objects.filter(hour__lt=hour_of(now - HOURS_KEPT)).delete()


def _forget_days(source: CtiSource, month: date, first_kept: date) -> None:
    with transaction.atomic():
        _hold(source)
        take_off_month(source, month, first_kept)
        DailyDimensionCount.objects.filter(source=source, day__gte=month, day__lt=first_kept).delete()


def _hold(source: CtiSource) -> None:
    """Let no leg of a source change in this transaction: the consumer changes its checkpoint first."""
    Checkpoint.objects.select_for_update().filter(source=source).first()


def _days() -> Iterator[date]:
    """Yield the days that have legs or counts, oldest first."""
    counted = set(DailyDimensionCount.objects.order_by().values_list("day", flat=True).distinct())
    first = _first(Leg.objects.all())
    while first is not None:
        counted.add(local_day(first))
        first = _first(Leg.objects.filter(connected_at__gte=_midnight(local_day(first) + DAY)))
    yield from sorted(counted)


def _first(legs: QuerySet[Leg]) -> datetime | None:
    return legs.order_by("connected_at").values_list("connected_at", flat=True).first()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone())


def _recount_day(source: CtiSource, day: date, now: datetime) -> int:
    begin, end = _midnight(day), _midnight(day + DAY)
    with transaction.atomic():
        _hold(source)
        legs = Leg.objects.filter(source=source, is_canary=False, connected_at__gte=begin, connected_at__lt=end)
        DailyDimensionCount.objects.filter(source=source, day=day).delete()
        days = [DailyDimensionCount(source=source, day=day, **row) for row in _counts(legs)]
        DailyDimensionCount.objects.bulk_create(days, batch_size=500)
        recount_coarsely(source, day)
        HourlyDimensionCount.objects.filter(source=source, hour__gte=begin, hour__lt=end).delete()
        if end > now - HOURS_KEPT:
            hours = [one for hour in hours_between(begin, end) for one in _hour_counts(source, legs, hour)]
            HourlyDimensionCount.objects.bulk_create(hours, batch_size=500)
    return sum(one.legs for one in days)


def _recount_month(source: CtiSource, month: date) -> None:
    with transaction.atomic():
        _hold(source)
        recount_month(source, month)


def _hour_counts(source: CtiSource, legs: QuerySet[Leg], hour: datetime) -> Iterator[HourlyDimensionCount]:
    span = hour_span(hour)
    found = legs.filter(connected_at__gte=span.begin, connected_at__lt=span.end)
    return (HourlyDimensionCount(source=source, hour=hour, **row) for row in _counts(found))


def _counts(legs: QuerySet[Leg]) -> Iterator[dict[str, Any]]:
    """Yield the columns of each count of these legs."""
    cut = {
        name: Left(column, DIMENSION_LENGTH)
        for name, column in (("queue", "queue_name"), ("agent", "agent_id"), ("device", "device_id"))
    }
    decided = legs.exclude(outcome=Outcome.WAITING.value).order_by()
    rows = decided.values(service_key=Coalesce("service_id", 0), **cut).values(*_COLUMNS).annotate(legs=Count("id"))
    for row in rows:
        dimensions = {"queue_name": row.pop("queue"), "agent_id": row.pop("agent"), "device_id": row.pop("device")}
        yield {**row, **dimensions}
