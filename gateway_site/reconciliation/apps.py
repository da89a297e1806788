"""The reconciliation as a Django app."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Runs and findings."""

    name = "gateway_site.reconciliation"
    label = "reconciliation"
    verbose_name = "Reconciliation"
