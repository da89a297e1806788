"""What the newest canary calls say: for alarms, metrics, the dashboard and the page."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from clock.text import shown
from cti.models import CanaryWay, CtiSource
from gateway_site.canary.models import CanaryCall
from gateway_site.canary.runs import due_at
from gateway_site.canary.silence import red_at, silent_since
from gateway_site.canary.steps import CanaryVerdict, StepEnd

_EFFECTS = {
    CanaryWay.EVENTS: "By events alone: no phone rings.",
    CanaryWay.ORIGINATE: "The PBX has the test phone call {number}.",
}


class CanaryStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How the canary of a test extension stands. ``text`` and ``todo``: what is red, empty where nothing is.

    ``last``: its newest call that ended and showed something; ``service``: the Recording Service that it asked.
    """

    source: str
    extension: str
    service: str
    is_red: bool
    text: str
    todo: str
    last: CanaryCall | None
    #: What a call does at the phone.
    effect: str
    #: When the timetable begins the next call; None where one is under way or no call was made.
    due_at: datetime | None

    @property
    def when(self) -> str:
        """Say when the last call ended, and when the next one begins."""
        ended = f"It ended at {shown(self.last.ended_at)}." if self.last and self.last.ended_at else ""
        due = f"The next one begins at {shown(self.due_at)}." if self.due_at else ""
        return f"{ended} {due}".strip()

    @property
    def name(self) -> str:
        """Return what it is called in alarms and on the dashboard; no extension is named outside its page."""
        return f"Canary of {self.source}" + (f" at {self.service}" if self.service else "")


def standings(now: datetime) -> list[CanaryStanding]:
    """Return how each test extension of the enabled sources stands."""
    return list(_standings(now))


def _standings(now: datetime) -> Iterator[CanaryStanding]:
    for source in CtiSource.objects.filter(enabled=True).exclude(canary_extensions=[]):
        for extension in map(str, source.canary_extensions):
            yield _standing(source, extension, now)


def _standing(source: CtiSource, extension: str, now: datetime) -> CanaryStanding:
    calls = CanaryCall.objects.filter(source=source, extension=extension).select_related("service", "source")
    last, newest = calls.exclude(ended_at=None).filter(is_interrupted=False).first(), calls.first()
    text, todo = _red(source, last, silent_since(source, extension, newest, now), now)
    return CanaryStanding(
        source=source.slug,
        extension=extension,
        service=last.service.slug if last and last.service else "",
        is_red=bool(text),
        text=text,
        todo=todo,
        last=last,
        effect=_EFFECTS[CanaryWay(source.canary_way)].format(number=source.canary_destination),
        due_at=due_at(newest, source) if newest and newest.ended_at else None,
    )


def _red(source: CtiSource, last: CanaryCall | None, since: datetime | None, now: datetime) -> tuple[str, str]:
    """Return what is red and what to do; two empty texts where nothing is. ``since``: when the silence began."""
    if since is not None and _is_red_silence(source, since, now):
        minutes = (now - since).total_seconds() / 60
        return f"No canary call was made for {minutes:.0f} minutes.", "See that beat and the worker default run."
    if last is None or not last.is_red:
        return "", ""
    end = failed_step(last)
    return (end.where, end.todo) if end else ("It failed.", "")


def _is_red_silence(source: CtiSource, since: datetime, now: datetime) -> bool:
    # The history is read only where the present interval is over.
    return now - since > timedelta(minutes=source.canary_minutes) and now > red_at(source, since)


def failed_step(call: CanaryCall) -> StepEnd | None:
    """Return the step at which a call failed, or was interrupted."""
    ended_by = (CanaryVerdict.FAILED, CanaryVerdict.INTERRUPTED)
    return next((one for one in call.ends if one.verdict in ended_by), None)
