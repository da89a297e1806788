"""Count the legs of each hour again from their table: when somebody doubts the counts, or changed the time zone."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Count, PositiveIntegerField, QuerySet, Value, When

from calls.models import Checkpoint, HourlyCount, HourlyLatency, Leg, Measure
from calls.stats.hourly import BUCKETS_MS, hour_of, hour_span
from cti.models import CtiSource

_COLUMNS = {Measure.GUID: "guid_ms", Measure.FLAGS: "flags_ms"}


def recount() -> int:
    """Count all legs again, an hour of a source a transaction, while consumers work. Returns how many there are."""
    sources = list(CtiSource.objects.order_by("pk"))
    return sum(_recount_hour(source, hour) for hour in _hours() for source in sources)


def forget_counts(before: datetime) -> None:
    """Drop the counts of the hours before the one of a moment: their legs are gone."""
    for model in (HourlyCount, HourlyLatency):
        model.objects.filter(hour__lt=hour_of(before)).delete()


def _first(since: datetime | None = None) -> datetime | None:
    legs = Leg.objects.filter(connected_at__gte=since) if since else Leg.objects.all()
    return legs.order_by("connected_at").values_list("connected_at", flat=True).first()


def _hours() -> Iterator[datetime]:
    """Yield the hours that have legs, and those that only have counts, oldest first."""
    counted = set(HourlyCount.objects.values_list("hour", flat=True))
    counted.update(HourlyLatency.objects.values_list("hour", flat=True))
    first = _first()
    while first is not None:  # One look into the index of times finds the next.
        counted.add(hour_of(first))
        first = _first(hour_span(hour_of(first)).end)
    yield from sorted(counted)


def _recount_hour(source: CtiSource, hour: datetime) -> int:
    with transaction.atomic():
        # The consumer changes its checkpoint first: while this holds the row, no leg of the source changes.
        Checkpoint.objects.select_for_update().filter(source=source).first()
        span = hour_span(hour)
        legs = Leg.objects.filter(source=source, is_canary=False).order_by()
        legs = legs.filter(connected_at__gte=span.begin, connected_at__lt=span.end)
        counts = [
            HourlyCount(source=source, hour=hour, **row)
            for row in legs.values("outcome", "reason_code").annotate(legs=Count("id"))
        ]
        latencies = [one for measure in Measure for one in _latencies(source, hour, legs, measure)]
        for model in (HourlyCount, HourlyLatency):
            model.objects.filter(source=source, hour=hour).delete()
        HourlyCount.objects.bulk_create(counts)
        HourlyLatency.objects.bulk_create(latencies)
    return sum(one.legs for one in counts)


def _latencies(source: CtiSource, hour: datetime, legs: QuerySet[Leg], measure: Measure) -> Iterator[HourlyLatency]:
    column = _COLUMNS[measure]
    ends = [When(**{f"{column}__lte": end}, then=Value(end)) for end in BUCKETS_MS]
    timed = legs.filter(**{f"{column}__isnull": False})
    rows = timed.values(bucket_ms=Case(*ends, output_field=PositiveIntegerField())).annotate(legs=Count("id"))
    return (HourlyLatency(source=source, hour=hour, measure=measure, **row) for row in rows)
