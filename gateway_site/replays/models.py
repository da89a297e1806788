"""Replays that people asked for on the page, and what they came to."""

from django.db import models
from django.db.models import Q

from cti.models import CtiSource
from vault.fields import EncryptedTextField


class ReplayRun(models.Model):
    """A replay of the calls that were connected in [begin, end), carried out by a worker.

    ``all_sources``: of those that there are when it is carried out; ``sources`` names none then. ``asked_slugs``: those
    that were ticked, also where one was deleted since; none of runs of a version that did not keep them. A run whose
    worker dies begins again from the start. ``result`` is a list with a ``SourceResult`` for each source;
    ``settings_text`` may hold secrets: it is encrypted, and deleted when the run is over.
    """

    sources = models.ManyToManyField(CtiSource, verbose_name="CTI sources", related_name="+", blank=True)
    all_sources = models.BooleanField(default=False)
    asked_slugs = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    begin = models.DateTimeField("from")
    end = models.DateTimeField("to")
    settings_name = models.CharField("settings", max_length=200, blank=True, help_text="Empty: those of today.")
    settings_text = EncryptedTextField("text of the settings", blank=True, default="")
    changes = models.JSONField(default=list, help_text="What the settings would change, a line each.")
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=150)
    claim = models.BigIntegerField(default=0, help_text="Names the worker that has it now.")
    claimed_until = models.DateTimeField(null=True, help_text="After this the worker is taken to have died.")
    attempts = models.PositiveIntegerField(default=0)
    percent = models.PositiveSmallIntegerField(default=0)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=150, blank=True, default="")
    done_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, default="")
    compared = models.BigIntegerField("legs compared", default=0)
    different = models.BigIntegerField("legs different", default=0)
    result = models.JSONField(default=list)

    class Meta:
        ordering = ["-id"]
        verbose_name = "replay"
        indexes = [models.Index(fields=["id"], condition=Q(done_at=None), name="replays_under_way")]

    def __str__(self) -> str:
        return f"replay {self.pk}"
