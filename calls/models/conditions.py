"""Conditions of partial indexes, written so that SQLite and PostgreSQL both use the index."""

from django.db import models
from django.db.models import F, Func, Q


def is_open() -> Func:
    """Return the condition of an open leg with the word in it: a partial index serves no parameters on SQLite."""
    return Func(F("phase"), template="%(expressions)s = 'open'", output_field=models.BooleanField())


def has_recording() -> Func:
    """Return the condition of the index by recording, as it stands there: SQLite does not infer it from a value."""
    return Func(F("recording_guid"), template="NOT (%(expressions)s IS NULL)", output_field=models.BooleanField())


def is_live() -> Func:
    """Return the condition of a leg that events may change, likewise."""
    return Func(F("phase"), template="%(expressions)s IN ('open', 'closed')", output_field=models.BooleanField())


def is_final() -> Func:
    """Return the condition of a leg whose facts are final, likewise: its flags are on their way, or settled."""
    return Func(F("phase"), template="%(expressions)s IN ('delivering', 'settled')", output_field=models.BooleanField())


def is_missed() -> Func:
    """Return the condition of a missed search, likewise."""
    return Func(F("state"), template="%(expressions)s = 'missed'", output_field=models.BooleanField())


def final_with(column: str) -> Q:
    """Return the condition of an index that a leg enters once, when its facts are final, and only with a value."""
    return Q(phase__in=("delivering", "settled")) & ~Q(**{column: ""})
