"""What the comparison with QMS found, for pages about a leg or about an extension's time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django import template
from django.contrib.auth.models import AnonymousUser, User

from calls.explain.texts.leg_outcome import Explanation
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
def named_findings(
    text: str, at: datetime | None, answers: Sequence[Explanation], person: _Person
) -> "Sequence[FindingBeside]":
    """Return the findings of the recording that a text names, or that began at the extension that it names at a moment.

    A time without seconds is that minute. What stands at the answer for a leg is left out: a call that was heard says
    nothing of one that was not. Only where this person may see findings.
    """
    from gateway_site.reconciliation.beside_legs import findings_of_recording, without_leg_at  # noqa: PLC0415  (as above)

    if not person.has_perm(_MAY_SEE):
        return ()
    keys = {one.key for one in answers if one.key}
    named = [] if keys else findings_of_recording(text.strip())
    if named or at is None:
        return named
    return without_leg_at(text, at, at if at.second else at + timedelta(minutes=1), keys)
