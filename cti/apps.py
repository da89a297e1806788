"""The sources as a Django app: its checks."""

from django.apps import AppConfig


class CtiConfig(AppConfig):
    """Hold the sources, the journal and their checks."""

    name = "cti"
    verbose_name = "CTI sources"

    def ready(self) -> None:
        """Register the checks."""
        from cti.journal import checks  # noqa: F401, PLC0415  (Django's place for it: apps are loaded first)
