"""Forget the entries of legs that are no longer kept; blocks and seals stay, and with them the chain."""

from datetime import datetime

from clock.text import site_time
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceSeal

#: Blocks whose entries are deleted in one transaction.
AT_ONCE = 50


def forget_entries(before: datetime) -> int:
    """Delete the entries of sealed days before a time, whole blocks at a time; return how many."""
    deleted = 0
    sealed = EvidenceSeal.objects.filter(day__lt=site_time(before).date()).values("day")
    old = EvidenceBlock.objects.filter(day__in=sealed, entries__isnull=False).order_by("number").distinct()
    while keys := list(old.values_list("number", flat=True)[:AT_ONCE]):
        deleted += EvidenceEntry.objects.filter(block_id__in=keys).delete()[0]
    return deleted
