"""Gaps: the times in which events of a source could be missed."""

from datetime import datetime

from django.db import models

from clock.text import shown
from cti.models import CtiSource

#: Maximum number of extensions that a gap names; one of more is taken to be of all.
MAXIMUM_NAMED = 5_000
#: The reason of the gaps of a source that posts its events, while it is switched off.
SWITCHED_OFF = "The source was switched off."
#: Maximum number of extensions that a person is shown of one gap.
MAXIMUM_SHOWN = 5


class Gap(models.Model):
    """The ledger of what a source may have missed: calls that began and ended inside a gap cannot be recovered.

    ``devices``: the extensions whose events alone were missed, each with the time when it was heard again ("" where the
    gap ends for it); None: all of the source's.
    """

    source = models.ForeignKey(CtiSource, models.CASCADE, related_name="gaps")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=255, blank=True)
    legs_saved = models.PositiveIntegerField(default=0)
    legs_lost = models.PositiveIntegerField(default=0)
    devices = models.JSONField(null=True, blank=True, help_text="The extensions that it is of; empty: all.")

    class Meta:
        ordering = ["-began_at"]
        constraints = [models.UniqueConstraint(fields=["source", "began_at"], name="calls_gap_once")]

    def __str__(self) -> str:
        return f"{self.source} from {shown(self.began_at)}"

    @property
    def extensions(self) -> str:
        """Name the extensions that it is of."""
        if self.devices is None:
            return "all"
        named = sorted(self.devices)
        more = f" and {len(named) - MAXIMUM_SHOWN:,} more" if len(named) > MAXIMUM_SHOWN else ""
        return ", ".join(named[:MAXIMUM_SHOWN]) + more

    def end_at(self, extension: str) -> datetime | None:
        """Return when the gap ended for an extension; None while it goes on. Raises ``KeyError`` if it is of others."""
        if self.devices is None:
            return self.ended_at
        heard_again = self.devices[extension]
        return datetime.fromisoformat(heard_again) if heard_again else self.ended_at


def open_gap(source_id: int, began_at: datetime, reason: str, devices: frozenset[str] | None) -> None:
    """Add a gap; what is missed from the same moment on is one gap: of these devices, or of all (None)."""
    named = None if devices is None or len(devices) > MAXIMUM_NAMED else dict.fromkeys(sorted(devices), "")
    row, is_new = Gap.objects.get_or_create(
        source_id=source_id, began_at=began_at, defaults={"reason": reason, "devices": named}
    )
    if is_new or row.devices is None:
        return
    whole = None if named is None else named | row.devices
    row.devices = whole if whole is None or len(whole) <= MAXIMUM_NAMED else None
    row.save(update_fields=["devices"])


def leave_gap(source_id: int, began_at: datetime, ended_at: datetime, devices: frozenset[str]) -> None:
    """Note that some devices of a gap are heard again while it goes on for the others."""
    row = Gap.objects.filter(source_id=source_id, began_at=began_at).exclude(devices__isnull=True).first()
    if row is not None and row.devices is not None:
        row.devices |= dict.fromkeys(sorted(devices & row.devices.keys()), ended_at.isoformat())
        row.save(update_fields=["devices"])
