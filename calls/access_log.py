"""Keep who looked at which caller, and searched for which: for the works council and the data protection officer."""

import hashlib
import hmac
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from calls.models import CallerView, CallerViewKind, Leg

#: A search is kept as a keyed hash: equal searches can be recognised, and no number is read from it.
HASH_CHARACTERS = 16


def note_leg(user: AbstractBaseUser | AnonymousUser, leg: Leg, at: datetime) -> None:
    """Keep that somebody opened a leg whose caller they may see."""
    CallerView.objects.create(user_id=int(user.pk or 0), kind=CallerViewKind.LEG, leg_id=leg.pk, at=at)


def note_search(user: AbstractBaseUser | AnonymousUser, term: str, at: datetime) -> None:
    """Keep that somebody who may see callers searched; of the term only its keyed hash."""
    CallerView.objects.create(user_id=int(user.pk or 0), kind=CallerViewKind.SEARCH, term_hash=term_hash(term), at=at)


def term_hash(term: str) -> str:
    """Return the keyed hash of a search, by which the same search is known again."""
    key = bytes.fromhex(settings.HASH_KEY)
    return hmac.new(key, b"search " + term.strip().encode(), hashlib.sha256).hexdigest()[:HASH_CHARACTERS]


def forget_views(before: datetime, at_once: int) -> int:
    """Delete what is older, in small batches; return how many rows."""
    deleted = 0
    while keys := list(CallerView.objects.filter(at__lt=before).order_by("id").values_list("pk", flat=True)[:at_once]):
        deleted += CallerView.objects.filter(pk__in=keys).delete()[0]
    return deleted
