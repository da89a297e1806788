"""The filters of a report as a person picks them: lists of what was counted, and names suggested while one types."""

from collections.abc import Iterable, Sequence

import msgspec
from django.urls import reverse

from agents.api import NO_TEAM, suggest_agents, suggest_extensions
from calls.core.outcomes import Outcome
from calls.models import NO_VALUE, DailyQueueCount
from calls.report.figures import cause_name
from calls.report.query import ReportQuery
from calls.stats.queue_names import queues_of
from cti.models import CtiSource
from qms.models import RecordingService

#: Maximum of choices of one list.
MAXIMUM_CHOICES = 300
#: What is suggested while one types, by filter.
SUGGESTIONS = {"agent": suggest_agents, "extension": suggest_extensions}
Choices = Sequence[tuple[str, str]]


class FilterPicker(msgspec.Struct, frozen=True, kw_only=True):
    """A filter of the form: a list of choices, or a field to type in with suggestions from ``suggestions``."""

    name: str
    label: str
    value: str
    choices: Choices = ()
    suggestions: str = ""


def pickers(query: ReportQuery, teams: Iterable[str]) -> list[FilterPicker]:
    """Return the filters in the order of the form, those in use with their value."""
    lists = {
        "team": ("Team", [(one, one) for one in (*teams, NO_TEAM)]),
        "queue": ("Queue", _queues(query)),
        "cause": ("Cause", _causes(query)),
        "source": ("CTI source", _slugs(CtiSource)),
        "service": ("Recording Service", [*_slugs(RecordingService), ("0", "none")]),
    }
    picked = [_of_list(name, label, choices, query.filters.get(name, "")) for name, (label, choices) in lists.items()]
    return [*picked[:2], *(_typed(name, query.filters.get(name, "")) for name in SUGGESTIONS), *picked[2:]]


def _of_list(name: str, label: str, choices: Choices, value: str) -> FilterPicker:
    known = value in {one for one, _ in choices}
    return FilterPicker(
        name=name, label=label, value=value, choices=[*choices, *([] if known or not value else [(value, value)])]
    )


def _typed(name: str, value: str) -> FilterPicker:
    return FilterPicker(
        name=name, label=name.capitalize(), value=value, suggestions=reverse("report-names", args=[name])
    )


def _queues(query: ReportQuery) -> Choices:
    """Return the queues of the period; calls without a queue are a choice too."""
    counts = DailyQueueCount.objects.filter(day__gte=query.days.first, day__lte=query.days.last)
    names = counts.exclude(queue_name="").order_by("queue_name").values_list("queue_name", flat=True).distinct()
    return [*((name, name) for name in queues_of(names[:MAXIMUM_CHOICES])), (NO_VALUE, "none")]


def _causes(query: ReportQuery) -> Choices:
    counts = DailyQueueCount.objects.filter(day__gte=query.days.first, day__lte=query.days.last, legs__gt=0)
    found = counts.exclude(outcome=Outcome.FLAGGED.value).order_by("outcome", "reason_code")
    keys = found.values_list("outcome", "reason_code").distinct()[:MAXIMUM_CHOICES]
    return [(f"{outcome}:{reason}" if reason else outcome, cause_name(outcome, reason)) for outcome, reason in keys]


def _slugs(model: type[CtiSource | RecordingService]) -> Choices:
    rows = model._default_manager.order_by("slug").values_list("pk", "slug")  # noqa: SLF001  (documented by Django)
    return [(str(key), slug) for key, slug in rows]
