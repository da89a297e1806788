"""The page "Users from a file": upload QMS's CSV, see what it changes and what is doubtful, and take it.

Between the two steps the file is kept in the cache for a quarter of an hour, for the person who uploaded it alone.
"""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from agents.models import UserRefresh
from agents.ui.panels import AgentsTable
from agents.users import stored_users, user_files
from agents.users.csv_format import CsvError, decode, read_users
from agents.users.file_preview import preview
from agents.users.list_changes import Difference
from agents.users.refresh import RefreshRunning
from qms.models import RecordingService
from qms.port import ListedUser, UnreadableUser
from redis_address.unavailable import CacheUnavailable

#: The web server takes little more for a request; longer files are taken by the command.
MAXIMUM_BYTES: Final = settings.INTAKE_MAX_BYTES
#: How long an uploaded file waits to be taken, in seconds.
KEPT_SECONDS = 15 * 60
#: Maximum number of rows of each table on the page; the others are counted.
SHOWN_ROWS = 50
#: Redis keeps the file between the two steps.
AWAY = "Redis does not answer, so the file cannot be kept: nothing was loaded. Try again when the dashboard is well."
PERMISSIONS = ("agents.add_userrefresh", "agents.change_userrefresh")


class UserFileForm(forms.Form):
    """What is asked for at first."""

    service = forms.ModelChoiceField(
        RecordingService.objects.all(), label="Recording Service", empty_label=None, widget=UnfoldAdminSelectWidget()
    )
    file = forms.FileField(
        label="CSV file",
        help_text="As QMS exports it, or as Excel saves it again.",
        widget=UnfoldAdminFileFieldWidget(),
    )

    def clean_file(self) -> Any:
        """Refuse a file that is too long for a page."""
        file = self.cleaned_data["file"]
        if file.size > MAXIMUM_BYTES:
            text = f"The file is longer than {MAXIMUM_BYTES:,} bytes: use ./gateway manage import_users."
            raise forms.ValidationError(text)
        return file


class KeptFile(msgspec.Struct, frozen=True):
    """A file between the two steps."""

    service_id: int
    content: bytes


@require_http_methods(["GET", "POST"])
def user_file_page(request: HttpRequest) -> HttpResponse:
    """Show the form; after an upload what the file changes; after the second step the load."""
    if not request.user.has_perms(PERMISSIONS):
        raise PermissionDenied
    try:
        return _answered(request)
    except CacheUnavailable:
        messages.error(request, AWAY)
        return HttpResponseRedirect(reverse("admin:agents_user_file"))


def _answered(request: HttpRequest) -> HttpResponse:
    """Go the step that was asked for. Raises ``CacheUnavailable``."""
    if request.method == "POST" and "token" in request.POST:
        return _taken(request, request.POST["token"])
    form = UserFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        kept = KeptFile(form.cleaned_data["service"].pk, form.cleaned_data["file"].read())
        try:
            return _previewed(request, kept)
        except CsvError as error:
            form.add_error("file", str(error))
    return _page(request, {"form": form})


def _previewed(request: HttpRequest, kept: KeptFile) -> HttpResponse:
    """Keep the file and show what it changes. Raises ``CsvError``."""
    token = secrets.token_urlsafe(16)
    context = _context(kept) | {"token": token}
    cache.set(_key(request, token), msgspec.msgpack.encode(kept), KEPT_SECONDS)
    return _page(request, context)


def _taken(request: HttpRequest, token: str) -> HttpResponse:
    """Take the file that was previewed; a smaller list only where the person says so."""
    content = cache.get(_key(request, token))
    if content is None:
        messages.warning(request, "The file was uploaded too long ago, or was taken already: upload it again.")
        return HttpResponseRedirect(reverse("admin:agents_user_file"))
    kept = msgspec.msgpack.decode(content, type=KeptFile)
    context = _context(kept)
    if context["found"].is_smaller and "smaller" not in request.POST:
        return _page(request, context | {"token": token, "error": "Tick the box to confirm that these users are gone."})
    cache.delete(_key(request, token))
    return _loaded(request, kept, accepts_down_to=context["found"].size if context["found"].is_smaller else None)


def _loaded(request: HttpRequest, kept: KeptFile, *, accepts_down_to: int | None) -> HttpResponse:
    service, (listed, _) = RecordingService.objects.get(pk=kept.service_id), _read(kept)
    try:
        by = request.user.get_username()
        run = user_files.take(service, listed, asked_by=by, accepts_down_to=accepts_down_to)
    except RefreshRunning as running:
        messages.warning(request, f"{running} Upload the file again when that has ended.")
        return HttpResponseRedirect(reverse("admin:agents_user_file"))
    messages.info(request, _result(run))
    return HttpResponseRedirect(reverse("admin:agents_userrefresh_change", args=[run.pk]))


def _result(run: UserRefresh) -> str:
    counts = f"{run.added} added, {run.changed} changed, {run.gone} gone, {run.unchanged} unchanged"
    return f"{run.get_state_display()}: {counts}. {run.error}".strip()


def _read(kept: KeptFile) -> tuple[Sequence[ListedUser | UnreadableUser], str]:
    text, encoding = decode(kept.content)
    return read_users(text), encoding


def _context(kept: KeptFile) -> dict[str, Any]:
    listed, encoding = _read(kept)
    known = stored_users.known(kept.service_id)
    found = preview(listed, known, user_files.seen_devices())
    rows = list(_rows(found.difference, {key: _name(user) for key, user in known.items()}))
    return {
        "found": found,
        "encoding": encoding,
        "service": RecordingService.objects.get(pk=kept.service_id),
        "table": AgentsTable(("Change", "User", "Extension", "What"), rows[:SHOWN_ROWS]),
        "more_rows": len(rows[SHOWN_ROWS:]),
        "unreadable": found.unreadable[:SHOWN_ROWS],
        "more_unreadable": len(found.unreadable[SHOWN_ROWS:]),
        "minutes": KEPT_SECONDS // 60,
        "page_address": reverse("admin:agents_user_file"),
    }


def _rows(difference: Difference, names: dict[str, str]) -> Iterator[Sequence[str]]:
    """Yield what changes, the most serious first: who is gone, what changes, who is new."""
    yield from (("gone", names[user_id], "", "no longer listed") for user_id in difference.gone)
    for one in difference.changed:
        changes = (
            f"{_label(change.field)}: {_shown(change.before)} → {_shown(change.after)}" for change in one.changes
        )
        yield "changed", _name(one.user), one.user.extension, "; ".join(changes)
    for user in difference.added:
        yield "new", _name(user), user.extension, "active" if user.active else "inactive"


def _label(field: str) -> str:
    return field.replace("_", " ")


def _shown(value: str) -> str:
    return value or "empty"


def _name(user: ListedUser) -> str:
    return f"{user.first_name} {user.last_name}".strip() or user.user_name or user.user_id


def _key(request: HttpRequest, token: str) -> str:
    return f"user-file:{request.user.pk}:{token[:64]}"


def _page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    whole = {**admin.site.each_context(request), "title": "Users from a file", **context}
    response = TemplateResponse(request, "agents/user_file.html", whole)
    add_never_cache_headers(response)
    return response
