"""How the list of findings is narrowed down: by what became of them, and by cause."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from gateway_site.reconciliation.models import STANDS, ReconciliationFinding
from gateway_site.reconciliation.texts import cause_words

#: The parameter of the filter by state, and the state of what stands: for links.
STATE, STANDING = "state", "stands"


class FindingStateFilter(admin.SimpleListFilter):
    """Whether a finding stands, by the one rule of all counts."""

    title = parameter_name = STATE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the states."""
        return [(STANDING, "stands"), ("repaired", "repaired, not compared since"), ("withdrawn", "withdrawn")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the findings of the chosen state."""
        if self.value() == STANDING:
            return queryset.filter(STANDS)
        if self.value() == "repaired":
            return queryset.filter(withdrawn_at=None).exclude(STANDS)
        return queryset.exclude(withdrawn_at=None) if self.value() == "withdrawn" else queryset


class CauseFilter(admin.SimpleListFilter):
    """The causes that there are, in words."""

    title = parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the causes of all findings."""
        causes = ReconciliationFinding.objects.order_by().values_list("cause", flat=True).distinct()
        return sorted(((cause, cause_words(cause)) for cause in causes), key=lambda one: one[1].casefold())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the findings of the chosen cause."""
        return queryset.filter(cause=self.value()) if self.value() else queryset
