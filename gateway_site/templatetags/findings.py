"""What the comparison with QMS found, for pages about a leg or about an extension's time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django import template
from django.contrib.auth.models import AnonymousUser, User

from calls.models import Leg

if TYPE_CHECKING:
    from gateway_site.reconciliation.beside_legs import FindingBeside

register = template.Library()
_MAY_SEE = "reconciliation.view_reconciliationfinding"
_Person = User | AnonymousUser


@register.simple_tag
def leg_findings(key: int, person: _Person) -> "Sequence[FindingBeside]":
    """Return the findings of a leg that hold, where this person may see findings."""
    from gateway_site.reconciliation.beside_legs import findings_of_leg  # noqa: PLC0415  (the admin loads tags first)

    leg = Leg.objects.filter(pk=key).first() if person.has_perm(_MAY_SEE) else None
    return findings_of_leg(leg) if leg is not None else ()


@register.simple_tag
def extension_findings(extension: str, at: datetime | None, person: _Person) -> "Sequence[FindingBeside]":
    """Return the findings of recordings that began at an extension at a moment, where this person may see findings.

    A time without seconds is that minute.
    """
    from gateway_site.reconciliation.beside_legs import findings_at  # noqa: PLC0415  (the admin loads tags first)

    if at is None or not person.has_perm(_MAY_SEE):
        return ()
    return findings_at(extension, at, at if at.second else at + timedelta(minutes=1))
