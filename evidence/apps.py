"""The evidence as a Django app."""

from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """Entries, blocks, seals and keys."""

    name = "evidence"
    verbose_name = "Evidence"
