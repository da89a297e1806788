"""The dashboard: is it working now? One true sentence, and beneath it what it rests on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import BooleanField, F, Func
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

import clock
from agents.models import Allocation, QmsUser
from calls.models import Leg, RecordingSearch, is_open
from cti.models import CtiSource
from flags.models import UNSETTLED, FlagOnServer, FlagWrite, state_is_one_of
from gateway_site.dashboard.today import Chart, Today, chart, today
from gateway_site.ops.alerts import KIND, alert_part
from gateway_site.ops.health_parts import HealthPart, health
from gateway_site.ops.probes import NEEDED_BY_ALL
from qms.models import DataServer, RecordingService

#: Counting what is under way ends here: the page asks every few seconds.
MAXIMUM_COUNTED = 20_000


class Sentence(msgspec.Struct, frozen=True):
    """What the page says first; ``link`` leads to where it is fixed. ``alert`` is shown in any case."""

    text: str
    is_well: bool
    link: str = ""
    link_text: str = ""
    alert: HealthPart | None = None
    is_fair: bool = False

    @property
    def mood(self) -> str:
        """Return the word for its colour: well, fair (nothing is broken, the target is not quite met) or broken."""
        return "fair" if self.is_fair else "well" if self.is_well else "broken"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All that the dashboard shows; counts are texts, for they may end in "or more"."""

    sentence: Sentence
    in_progress: str
    searches_open: str
    writes_open: str
    today: Today
    chart: Chart
    parts: list[HealthPart]
    first_steps: list[HealthPart]


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Give the admin's index its figures (unfold's DASHBOARD_CALLBACK), to those who may see calls."""
    may_see = request.user.has_perm("calls.view_leg")
    return {
        **context,
        "title": "Dashboard",
        "figures": figures(clock.now()) if may_see else None,
        "note": settings.SITE_NOTE,
    }


@never_cache
@require_GET
def fragment(request: HttpRequest) -> HttpResponse:
    """Return what changes on the page; 401 when the session has ended, so that the page can say so."""
    if not (request.user.is_active and request.user.is_staff):
        return HttpResponse(status=401)
    if not request.user.has_perm("calls.view_leg"):
        return HttpResponse(status=403)
    return TemplateResponse(request, "gateway_site/dashboard.html", {"figures": figures(clock.now())})


def figures(now: datetime) -> Figures:
    """Gather what the dashboard shows: sums of a few rows, and counts of what is under way."""
    parts, day = _parts(now), today(now)
    in_progress = _counted(Leg, is_open())
    return Figures(
        sentence=_sentence(parts, in_progress, day),
        in_progress=in_progress,
        today=day,
        chart=chart(now),
        searches_open=_counted(RecordingSearch, _is_open_search()),
        writes_open=_counted(FlagWrite, state_is_one_of(UNSETTLED)),
        parts=parts,
        first_steps=_first_steps(),
    )


def _parts(now: datetime) -> list[HealthPart]:
    """Look at every part, and at the alerts where the tables can be asked."""
    parts = health(now)
    if any(part.kind in NEEDED_BY_ALL and not part.ok for part in parts):
        return parts
    return [*parts, alert_part()]


def _is_open_search() -> Func:
    """Return the condition with the word in it: a partial index serves no parameters on SQLite."""
    return Func(F("state"), template="%(expressions)s = 'open'", output_field=BooleanField())


def _counted(model: type[Leg | RecordingSearch | FlagWrite], condition: Func) -> str:
    count = model._default_manager.filter(condition, is_canary=False).order_by()[: MAXIMUM_COUNTED + 1].count()  # noqa: SLF001
    return f"{count:,}" if count <= MAXIMUM_COUNTED else f"more than {MAXIMUM_COUNTED:,}"


def _sentence(parts: Sequence[HealthPart], in_progress: str, day: Today) -> Sentence:
    """Say what is wrong, the most basic first; that all is well only where it is."""
    alert = next((part for part in parts if part.kind == KIND and not part.ok), None)
    broken = [part for part in parts if not part.ok and part is not alert]
    if broken:
        more = f" ({len(broken) - 1} more below)" if len(broken) > 1 else ""
        return Sentence(f"{broken[0].name}: {broken[0].text}{more}", False, broken[0].link, "Show it", alert)
    if alert is not None:
        return Sentence(f"{alert.name}: {alert.text}", False, alert.link, "Show them")
    services = sum(part.kind in ("service", "rested", "unasked") for part in parts)
    if not services:
        return Sentence(
            "No Recording Service is set up yet: nothing can be flagged. The first steps lead through it.",
            False,
            reverse("admin:qms_recordingservice_add"),
            "Add one",
        )
    if not day.is_on_target:
        return _below_target(day)
    if any(part.kind == "unasked" for part in parts):
        return Sentence(
            f"Nothing is known to be wrong; not every Recording Service has been asked yet. "
            f"{_calls(in_progress)} in progress, {_flagged(day)}.",
            True,
        )
    return Sentence(
        f"All is well: {_answering(parts, services)}, {_calls(in_progress)} in progress, {_flagged(day)}.", True
    )


def _answering(parts: Sequence[HealthPart], services: int) -> str:
    subject = "the Recording Service" if services == 1 else f"all {services} Recording Services"
    if any(part.kind == "rested" for part in parts):
        return f"{subject} answered when last asked"
    return f"{subject} {'answers' if services == 1 else 'answer'}"


def _calls(count: str) -> str:
    return "1 call" if count == "1" else f"{count} calls"


def _flagged(day: Today) -> str:
    if day.flagged_percent is None:
        return "no call has finished today"
    return f"{day.flagged_percent:.1f} % of today's finished calls are flagged"


def _below_target(day: Today) -> Sentence:
    only, well = ("only ", False) if day.is_alarming else ("", True)
    text = f"Everything answers, but {only}{_flagged(day)}; the target is {day.target_percent:g} %."
    if not day.misses:
        return Sentence(text, well, is_fair=well)
    most = day.misses[0]
    text = f"{text} Most often: {most.name} ({most.count:,})."
    return Sentence(text, well, most.link, "Show it" if most.count == 1 else "Show them", is_fair=well)


def _first_steps() -> list[HealthPart]:
    """Lead through a new system, step by step; empty once all are taken."""
    steps = [
        HealthPart(
            "1. Data Server",
            DataServer.objects.exists(),
            "Where Flags are defined.",
            reverse("admin:qms_dataserver_add"),
        ),
        HealthPart(
            "2. Recording Service",
            RecordingService.objects.exists(),
            "Its address and login; then Test connection.",
            reverse("admin:qms_recordingservice_add"),
        ),
        HealthPart(
            "3. CTI source", CtiSource.objects.exists(), "Your PBX or CTI server.", reverse("admin:cti_ctisource_add")
        ),
        HealthPart(
            "4. Allocation",
            Allocation.objects.exists(),
            "Which service records which source.",
            reverse("admin:agents_allocation_add"),
        ),
        HealthPart(
            "5. Flags",
            FlagOnServer.objects.exists(),
            "Press Create in QMS.",
            reverse("admin:flags_flagsetting_changelist"),
        ),
        HealthPart(
            "6. QMS users",
            QmsUser.objects.exists(),
            "Press Refresh QMS users.",
            reverse("admin:agents_qmsuser_changelist"),
        ),
    ]
    return [] if all(step.ok for step in steps) else steps
