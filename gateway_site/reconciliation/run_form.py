"""The form of a new comparison: which Recording Services, and which time of their recordings."""

from typing import Any

from django import forms
from django.db.models import QuerySet

import clock
from gateway_site.config.moment_field import SiteMomentField
from gateway_site.reconciliation.models import ReconciliationRun
from gateway_site.reconciliation.runs import last_settled, planned, what_was_cut
from qms.models import RecordingService

#: The choice that a new form stands at where there are several services: the command compares all of them too.
ALL = "all that are enabled"


class RunForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """Which Recording Services to compare, and for which time; ``runs``: a comparison for each service."""

    class Meta:
        model = ReconciliationRun
        fields = ("service", "begin", "end")
        field_classes = {"begin": SiteMomentField, "end": SiteMomentField}
        help_texts = {"begin": "Recordings that began since then, while their legs are kept."}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.runs: list[ReconciliationRun] = []
        #: What of the time that was asked for is not compared, and why.
        self.cut: list[str] = []
        if "end" in self.fields:  # It is no field where a run is shown.
            self.fields["end"].help_text = f"Up to this moment, which is not included, and to {last_settled()}."
            self._offer_services()

    def _offer_services(self) -> None:
        """Ask for all services where there are several that are enabled; one that is alone is chosen."""
        field, enabled = self.fields["service"], list(_enabled()[:2])
        if len(enabled) > 1:
            field.required, field.empty_label = False, ALL  # type: ignore[attr-defined]  # its class is the model's
        elif enabled:
            self.initial.setdefault("service", enabled[0].pk)

    def clean(self) -> dict[str, Any] | None:
        """Accept a span that holds something to compare."""
        cleaned = super().clean() or {}
        if {"service", "begin", "end"} <= cleaned.keys():
            chosen = [cleaned["service"]] if cleaned["service"] else list(_enabled())
            begin, end, now = cleaned["begin"], cleaned["end"], clock.now()
            try:
                self.runs = [planned(one, begin, end, "", now) for one in chosen]
            except ValueError as error:
                self.add_error("end", f"{str(error)[:1].upper()}{str(error)[1:]}.")
            else:
                self.instance, self.cut = self.runs[0], what_was_cut(self.runs[0], begin, end)
                # Else the instance would get what was asked for, and not what is compared.
                cleaned |= {"service": self.instance.service, "begin": self.instance.begin, "end": self.instance.end}
        return cleaned


def _enabled() -> QuerySet[RecordingService]:
    return RecordingService.objects.filter(enabled=True).order_by("slug")
