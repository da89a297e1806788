"""Read out of the history when a switch of a row was set, and unset."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q, QuerySet


def switched(model: type[models.Model], name: str, *, on: bool) -> QuerySet[LogEntry]:
    """Return the acts by which a switch of rows of a model was set, or unset; ``name``: as the history has it."""
    text = f"{name}: no \N{RIGHTWARDS ARROW} yes." if on else f"{name}: yes \N{RIGHTWARDS ARROW} no."
    said = Q(change_message__startswith=text) | Q(change_message__contains=f". {text}")
    of_model = ContentType.objects.get_for_model(model)
    return LogEntry.objects.filter(said, content_type=of_model, action_flag=CHANGE)
