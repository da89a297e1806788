"""The sources as a Django app: its checks."""

from django.apps import AppConfig
from django.conf import settings

from cti.sources import registry


class CtiConfig(AppConfig):
    """Hold the sources, the journal and their checks."""

    name = "cti"
    verbose_name = "Sources"

    def ready(self) -> None:
        """Register the checks, and the kinds of source that the settings name."""
        registry.use_packages(settings.CTI_SOURCE_PACKAGES)
        from cti.journal import checks  # noqa: F401, PLC0415  (Django's place for it: apps are loaded first)
