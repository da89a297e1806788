"""The reconciliation as a Django app."""

from django.apps import AppConfig


class ReconciliationConfig(AppConfig):
    """Runs and findings."""

    name = "gateway_site.reconciliation"
    label = "reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        """Have the months of *Objectives* read what was found."""
        from calls.objectives.comparison import read_by  # noqa: PLC0415  (models are there only now)
        from gateway_site.reconciliation.span import unlabelled_recordings  # noqa: PLC0415

        read_by(unlabelled_recordings)
