"""What stands above the Flags in the admin: how their creation goes on each Data Server, and what QMS last said."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.timesince import timesince

import clock
from flags.catalogue.written import written_names, written_specs
from flags.models import FlagCreation, FlagOnServer
from flags.provisioning import create_jobs
from flags.provisioning.create import BAD_STATES, FlagAnswer
from qms.models import DataServer

#: A worker begins at once; where none has after this, something is to be done.
WORKER_BEGINS_WITHIN = timedelta(seconds=10)
_KINDS = {
    FlagOnServer.State.CREATED: "success",
    FlagOnServer.State.EXISTS: "success",
    FlagOnServer.State.DIFFERS: "warning",
    FlagOnServer.State.REFUSED: "danger",
    FlagOnServer.State.MISSING: "danger",
}


class CreationTable(msgspec.Struct):
    """A table as the admin's component takes it."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


class Act(msgspec.Struct):
    """How the last creation on a Data Server stands. ``colour`` is a word of the admin's labels."""

    server: str
    word: str
    colour: str
    text: str


class CreationPanel(msgspec.Struct):
    """What each Data Server last said of each Flag. ``is_running``: the panel asks for itself again."""

    acts: list[Act]
    table: CreationTable
    is_running: bool
    may_create: bool


def creation_panel(request: HttpRequest) -> CreationPanel:
    """Return how the creations go and what stands."""
    now = clock.now()
    rows = list(FlagCreation.objects.select_related("data_server").exclude(asked_at=None).order_by("data_server__slug"))
    running = {row.pk: row for row in rows if create_jobs.is_running(row)}
    return CreationPanel(
        acts=[_act(row, now) for row in rows],
        table=_table(running, now),
        is_running=bool(running),
        may_create=may_create(request),
    )


def may_create(request: HttpRequest) -> bool:
    """Say whether this person may have the Flags created."""
    return request.user.has_perm("flags.add_flagonserver")


def _act(row: FlagCreation, now: datetime) -> Act:
    asked = f"asked for by {row.asked_by}, {_ago(row.asked_at, now)}" if row.asked_at else ""
    if create_jobs.is_running(row):
        return Act(row.data_server.slug, "running", "info", f"{_stage(row, now)} ({asked})")
    word, colour = ("done", "success") if create_jobs.result_of(row).is_good else ("failed", "danger")
    return Act(row.data_server.slug, word, colour, f"{_ended(row)} ({asked})")


def _stage(row: FlagCreation, now: datetime) -> str:
    """Say where a creation is that runs."""
    if row.begun_at is None:
        is_late = row.asked_at is not None and now >= row.asked_at + WORKER_BEGINS_WITHIN
        return _NO_WORKER if is_late else "Waits for a worker."
    if create_jobs.is_left(row, now):
        return "Its worker gave no sign of life; another goes on with it, and creates nothing twice."
    settled, flags = len(row.answers), len(written_names())
    return f"{settled} of {flags} Flags are settled." if settled else "QMS is being asked which Flags exist."


_NO_WORKER = (
    "No worker has begun it yet: see on the dashboard whether the worker of the queue default and beat run. It begins"
    " by itself when they do."
)


def _ended(row: FlagCreation) -> str:
    """Tell in a sentence how it went."""
    if row.error:
        return f"Not every answer of QMS is known. {row.error}"
    words = [one.state.label for one in create_jobs.answers_of(row)]
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words)) or "No Flag is written"


def _table(running: dict[int, FlagCreation], now: datetime) -> CreationTable:
    """Return every Flag that is written, with what each Data Server last said of it or is being asked."""
    known = {(row.data_server_id, row.name): row for row in FlagOnServer.objects.all()}
    names = [spec.name for spec in written_specs()]
    settled = {pk: {one.name: one for one in create_jobs.answers_of(row)} for pk, row in running.items()}
    rows = [
        _row(server, name, known.get((server.pk, name)), settled.get(server.pk), now)
        for server in DataServer.objects.all()
        for name in names
    ]
    return CreationTable(("Data Server", "Flag", "Answer", "When", "Remark"), rows)


def _row(
    server: DataServer, name: str, row: FlagOnServer | None, settled: dict[str, FlagAnswer] | None, now: datetime
) -> Sequence[str]:
    if settled is not None and name not in settled:
        return (server.slug, name, _label("waits", "info"), "", "")
    if row is None:
        return (server.slug, name, "not asked yet", "", "Create it in QMS before calls are flagged.")
    label = _label(row.get_state_display(), _KINDS[FlagOnServer.State(row.state)])
    return (server.slug, name, label, _ago(row.at, now), row.answer or _verified_text(row, now))


def _verified_text(row: FlagOnServer, now: datetime) -> str:
    """Say whether a Flag was shown to work."""
    if row.verified_at:
        what = "call" if row.is_verified_by_call else "test"
        return f"Verified on a {what} recording {_ago(row.verified_at, now)}."
    return "New: not verified yet." if row.new_since and row.state not in BAD_STATES else ""


def _label(text: str, kind: str) -> str:
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def _ago(moment: datetime, now: datetime) -> str:
    if now - moment < timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, now)} ago"
