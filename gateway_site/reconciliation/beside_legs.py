"""What the comparison with QMS found that still holds, for the pages that speak of a leg, or of an extension's time."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from django.db.models import QuerySet
from django.urls import reverse

from calls.models import Leg
from gateway_site.reconciliation.models import KINDS, STANDS, ReconciliationFinding
from gateway_site.reconciliation.runs import TOLERANCE
from gateway_site.reconciliation.texts import text_of
from qms.guids import spellings
from qms.models import RecordingService

#: Maximum number of findings that a page shows.
MAXIMUM_SHOWN = 5
#: The key of no finding.
NONE = ""


class FindingBeside(msgspec.Struct, frozen=True):
    """A finding that holds: its grade, what it says, and its page."""

    grade: str
    text: str
    address: str


def findings_of_leg(leg: Leg) -> list[FindingBeside]:
    """Return what holds of a leg's recording, or of one that may be its own; that it has none says the leg itself."""
    named = _standing().filter(kind__in=[kind for kind, _ in KINDS], key=leg.recording_guid or NONE)
    end = leg.disconnected_at or leg.connected_at
    near = _standing().filter(
        began_at__gte=leg.connected_at - TOLERANCE, began_at__lte=end + TOLERANCE, extension=leg.device_id
    )
    found = {one.pk: one for one in named}
    found |= {one.pk: one for one in near if leg.pk in one.candidates}
    return _shown(found)


def without_leg_at(extension: str, since: datetime, until: datetime, legs: Collection[int]) -> list[FindingBeside]:
    """Return what holds of an extension's recordings that began in this time, as far as clocks agree.

    Those of these legs, or that may be theirs, are left out.
    """
    near = _standing().filter(began_at__gte=since - TOLERANCE, began_at__lte=until + TOLERANCE, extension=extension)
    others = [one for one in near if one.leg_id not in legs and not set(one.candidates) & set(legs)]
    return _shown({one.pk: one for one in others})


def findings_of_recording(guid: str) -> list[FindingBeside]:
    """Return what holds of a recording, in whatever form its GUID is written."""
    named = _standing().filter(kind__in=[kind for kind, _ in KINDS], key__in=spellings(guid))
    return _shown({one.pk: one for one in named})


def _standing() -> QuerySet[ReconciliationFinding]:
    # By their keys: what is sought is then found in an index of the findings.
    services = list(RecordingService.objects.order_by().values_list("pk", flat=True))
    return ReconciliationFinding.objects.filter(STANDS, service__in=services)


def _shown(found: dict[int, ReconciliationFinding]) -> list[FindingBeside]:
    worst = sorted(found.values(), key=lambda one: (one.grade, one.pk))
    return [_beside(one) for one in worst[:MAXIMUM_SHOWN]]


def _beside(one: ReconciliationFinding) -> FindingBeside:
    text = text_of(one.kind, one.cause)
    page = reverse("admin:reconciliation_reconciliationfinding_change", args=[one.pk])
    names = f" Flags: {', '.join(one.names)}." if one.names else ""
    carried = f" It carries Flags of before: {', '.join(one.carried)}." if one.carried else ""
    return FindingBeside(one.grade, f"{text.happened} {text.why}{names}{carried}", page)
