"""Record who looked at which caller, and searched for which: for works council and data protection officer."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from calls.models import CallerView, CallerViewKind, Leg
from history.commands import command_line

Viewer = AbstractBaseUser | AnonymousUser
#: A search is kept as a keyed hash: equal searches can be recognised, and no number is read from it.
HASH_CHARACTERS = 16


def record_leg(user: Viewer, leg: Leg, at: datetime) -> None:
    """Record that somebody opened a leg whose caller they may see."""
    record_view(user, CallerViewKind.LEG, at, leg_id=leg.pk, shown=int(_has_caller(leg)))


def record_evidence_export(recording_guid: str, system_user: str, at: datetime) -> None:
    """Record that a command wrote the evidence of a recording; the history names this machine's user."""
    owner = command_line()
    for leg in Leg.objects.filter(recording_guid=recording_guid)[:1]:
        record_leg(owner, leg, at)
    text = f"Exported the evidence of recording {recording_guid} by command, as {system_user} on this machine."
    LogEntry.objects.create(user_id=owner.pk, action_flag=CHANGE, object_repr="Exported evidence", change_message=text)


def record_list(user: Viewer, legs: Sequence[Leg], term: str, at: datetime) -> None:
    """Record that somebody saw a list with callers, or searched; of the search's ``term`` only its keyed hash."""
    shown = sum(_has_caller(leg) for leg in legs)
    if term:
        record_view(user, CallerViewKind.SEARCH, at, term_hash=term_hash(term), shown=shown)
    elif shown:
        record_view(user, CallerViewKind.LIST, at, shown=shown)


def record_view(user: Viewer, kind: CallerViewKind, at: datetime, **what: Any) -> None:
    """Record that somebody saw callers: ``leg_id``, ``message_id``, ``term_hash``, and ``shown``, how many."""
    CallerView.objects.create(user_id=int(user.pk or 0), kind=kind, at=at, **what)


def _has_caller(leg: Leg) -> bool:
    return bool(leg.caller_name or leg.calling_number)


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
