"""The alarms as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AlarmsConfig(AppConfig):
    """Rules, channels and incidents."""

    name = "gateway_site.alarms"
    label = "alarms"
    verbose_name = "Alarms"

    def ready(self) -> None:
        """Have each ``migrate`` add the rules that are new."""
        from gateway_site.alarms.rules import add_new_rules  # noqa: PLC0415  (models are there only now)

        post_migrate.connect(add_new_rules, sender=self, dispatch_uid="alarm rules")
