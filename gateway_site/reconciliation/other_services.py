"""Legs of extensions that any of several Recording Services may record (users marked "Any").

QMS is asked at one service after the other, and a leg without recording is filed under the last that was asked. Its
recording may be at each of them: there it is a candidate. The finding that it has none stands at its own service alone,
and not where a recording at another one may be its own. Where two services have one, neither is offered for a repair.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from msgspec.structs import replace

from calls.models import RecordingSearch
from gateway_site.reconciliation.candidates import ComparedLeg
from gateway_site.reconciliation.compare import Finding, FindingKind
from gateway_site.reconciliation.lapsed import lapse_repairs
from gateway_site.reconciliation.models import ReconciliationFinding
from qms.models import RecordingService

#: Maximum number of keys of one query.
AT_ONCE = 500
#: Maximum time between the begins of two recordings that may be one leg's.
BESIDE = timedelta(minutes=2)


def legs_asked_for_at(service: RecordingService, legs: Sequence[ComparedLeg]) -> list[ComparedLeg]:
    """Leave out the missed legs whose recording is not sought at a service; mark those filed under another one."""
    filed, named = _services_of([leg.leg_id for leg in legs if _is_missed(leg)])
    kept = []
    for leg in legs:
        if not _is_missed(leg) or service.pk in filed[leg.leg_id]:
            kept.append(replace(leg, is_of_several=len(named[leg.leg_id]) > 1) if named[leg.leg_id] else leg)
        elif service.pk in named[leg.leg_id]:
            kept.append(replace(leg, is_of_several=True, is_filed_elsewhere=True))
    return kept


def of_search_at(service: RecordingService, legs: Sequence[ComparedLeg]) -> list[ComparedLeg]:
    """Keep the legs whose recording was sought at a service, and is at another one."""
    _, named = _services_of([leg.leg_id for leg in legs])
    return [replace(leg, is_filed_elsewhere=True) for leg in legs if service.pk in named[leg.leg_id]]


def services_of_leg(leg_id: int) -> set[int]:
    """Return at which services a leg's recording was sought."""
    return _services_of([leg_id])[1][leg_id]


def _is_missed(leg: ComparedLeg) -> bool:
    return leg.was_sought and not leg.guid


def _services_of(legs: Sequence[int]) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return under which services the searches of legs are filed, and at which they were put."""
    filed: dict[int, set[int]] = defaultdict(set)
    named: dict[int, set[int]] = defaultdict(set)
    for first in range(0, len(legs), AT_ONCE):
        rows = RecordingSearch.objects.filter(leg_id__in=legs[first : first + AT_ONCE]).order_by()
        for leg_id, service_id, services in rows.values_list("leg_id", "service_id", "services"):
            filed[leg_id].add(service_id)
            named[leg_id] |= {service_id, *map(int, services)}
    return filed, named


def candidates_elsewhere(
    service: RecordingService, legs: Sequence[ComparedLeg], begin: datetime, end: datetime, far: timedelta
) -> frozenset[int]:
    """Return which of the legs may have their recording at another service, by what was found there."""
    several = {leg.leg_id for leg in legs if leg.is_of_several}
    if not several:
        return frozenset()
    found = _unflagged_elsewhere(service, begin, end, far)
    return frozenset(several.intersection(key for keys in found.values_list("candidates", flat=True) for key in keys))


def beside_at_others(finding: ReconciliationFinding) -> list[ReconciliationFinding]:
    """Return what stands at other services of recordings that may be the same leg's."""
    near = _unflagged_elsewhere(finding.service, finding.began_at, finding.began_at, BESIDE)
    return [one for one in near.select_related("service") if set(one.candidates) & set(finding.candidates)]


def _unflagged_elsewhere(
    service: RecordingService, begin: datetime, end: datetime, far: timedelta
) -> QuerySet[ReconciliationFinding]:
    return ReconciliationFinding.objects.filter(
        service__in=other_keys(service),
        began_at__gte=begin - far,
        began_at__lte=end + far,
        kind=FindingKind.UNFLAGGED,
        withdrawn_at=None,
    )


def take_back_offers(service: RecordingService, findings: Sequence[Finding]) -> None:
    """Offer no repair at other services to a leg that may have one of these findings' recordings instead.

    One that was decided there and not carried out yet lapses.
    """
    own = [one for one in findings if one.kind is FindingKind.UNFLAGGED and one.candidates]
    if not own:
        return
    legs = {key for one in own for key in one.candidates}
    times = [one.began_at for one in own]
    elsewhere = _unflagged_elsewhere(service, min(times), max(times), BESIDE)
    decided = elsewhere.exclude(repaired_at=None)
    lapse_repairs([one for one in decided if legs.intersection(one.candidates)])
    offered = elsewhere.filter(is_repairable=True)
    doubtful = [key for key, candidates in offered.values_list("pk", "candidates") if legs.intersection(candidates)]
    for first in range(0, len(doubtful), AT_ONCE):
        ReconciliationFinding.objects.filter(pk__in=doubtful[first : first + AT_ONCE]).update(is_repairable=False)


def withdraw_elsewhere(service: RecordingService, findings: Sequence[Finding], now: datetime) -> None:
    """Withdraw at other services that legs have no recording, where it may be one of these findings."""
    keys = [f"leg:{key}" for one in findings for key in one.candidates]
    for first in range(0, len(keys), AT_ONCE):
        ReconciliationFinding.objects.filter(
            service__in=other_keys(service),
            kind=FindingKind.NOT_RECORDED,
            key__in=keys[first : first + AT_ONCE],
            withdrawn_at=None,
        ).update(withdrawn_at=now)


def other_keys(service: RecordingService) -> list[int]:
    """Return the other Recording Services."""
    # By their keys: what is sought is then found in an index of the findings.
    return list(RecordingService.objects.exclude(pk=service.pk).order_by().values_list("pk", flat=True))
