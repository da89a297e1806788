"""CTI sources and their links, tokens, and what could not be read. Pages change nothing; buttons post."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import display

import clock
from clock.text import ago
from cti.device_classes import correct
from cti.http_intake.tokens import mint, revoke_token
from cti.journal.dedup import RecentIds, accepted_lately
from cti.journal.lease import LeaseStanding, standing
from cti.journal.refusals import refused_lately
from cti.journal.stream import JournalUnavailable
from cti.models import CtiSource, IntakeToken, LinkState, QuarantinedMessage, SeenDevice
from cti.source_bounds import bounds_in_use
from cti.sources.registry import has_session
from cti.status_text import bound_sentences, is_silent, link_sentences, quiet_text, refused_monitors, when
from cti.ui.options_form import option_fields
from cti.ui.panels import quarantine_causes, seen_devices
from cti.ui.preview import readable
from cti.ui.source_form import CtiSourceForm
from history.admin import ReadOnlyAdmin, RecordedAdmin
from history.states import differences

#: The permission to see callers; it belongs to the calls.
SEE_CALLERS = "calls.view_caller"
SECRET_FIELDS = ("stored_secret", "new_secret", "forget_secret", "secret_env")
#: Messages in quarantine are counted no further.
MANY = 1000
#: Refused devices shown on a source's page.
SHOWN_DEVICES = 200
#: Messages in quarantine whose reasons are shown there.
SHOWN_REASONS = 3
SILENT = "its listener is silent"
LACKING = "connected, but something is missing"
LABELS = {
    LinkState.UP.label: "success",
    LinkState.SPOOLING.label: "warning",
    LinkState.CONNECTING.label: "info",
    LinkState.DOWN.label: "danger",
    SILENT: "danger",
    LACKING: "warning",
}


@admin.register(CtiSource)
class CtiSourceAdmin(RecordedAdmin):
    """One CTI server or PBX link: how to reach it, and how the link is."""

    form = CtiSourceForm
    list_display = ("slug", "kind", "enabled", "state", "last_event", "rate")
    list_filter = ("kind", "enabled")
    list_select_related = ("status",)
    search_fields = ("slug", "host")
    change_form_outer_after_template = "cti/seen_devices.html"
    readonly_fields = ("stored_secret", "link")
    fieldsets = (
        (None, {"fields": ("link", "slug", "kind", "enabled")}),
        ("Address", {"fields": ("host", "port", "tls", "ca_file")}),
        ("Login", {"fields": ("username", *SECRET_FIELDS)}),
        (
            "Canary",
            {
                "fields": (
                    "canary_lines",
                    "canary_minutes",
                    "canary_way",
                    "canary_destination",
                    "canary_recorder_api",
                )
            },
        ),
        ("What it reports", {"fields": ("device_lines", "queue_lines", "seating", "options")}),
    )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the devices that were seen below the settings."""
        own = {"seen_devices": seen_devices(object_id), "may_correct": self.has_change_permission(request)}
        return super().change_view(request, object_id, form_url, {**own, **(extra_context or {})})  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the buttons that correct how a device is classified."""
        view = self.admin_site.admin_view(self.classify)
        return [path("<path:object_id>/classify/", view, name="cti_classify_device"), *super().get_urls()]

    @method_decorator(require_POST)
    def classify(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write into the source's options that a device is an extension, or a trunk."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        source = get_object_or_404(CtiSource, pk=object_id)
        seen = get_object_or_404(SeenDevice, source=source, pk=request.POST.get("device", "0"))
        before = self._stored(source)
        correct(source, seen, is_extension=request.POST.get("is") == "extension")
        self.log_change(request, source, differences(before, self._stored(source)))
        word = "an extension" if seen.is_extension else "a trunk"
        messages.success(request, f"{seen.device} is {word} from now on; calls in progress are not changed.")
        return HttpResponseRedirect(reverse("admin:cti_ctisource_change", args=[source.pk]) + "#devices")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Give an existing source the options of its kind as fields."""
        if obj is not None and (options := option_fields(obj.kind, obj.options)):
            kwargs["form"] = type("CtiSourceKindForm", (CtiSourceForm,), options)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the options one by one where the kind is known, as JSON before."""
        names = tuple(option_fields(obj.kind, obj.options)) if obj is not None else ()
        if not names:
            return self.fieldsets
        *others, (title, reported) = self.fieldsets
        shown = tuple(name for name in reported["fields"] if name != "options")
        return (*others, (title, {"fields": shown}), (f"Options of {obj.get_kind_display()}", {"fields": names}))

    @display(description="Link")
    def link(self, source: CtiSource) -> str:
        """Say how the link is."""
        if not source.slug:
            return "A listener starts when the source is saved."
        now = clock.now()
        texts = [*link_sentences(source, now, _standing(source), _lately(source)), *_bounds(source)]
        sentences = format_html_join("", '<p class="mb-1">{}</p>', ((sentence,) for sentence in texts))
        return sentences + _tokens(source) + _refusals(source, now) + _quarantine(source) + _last_reasons(source)

    @display(description="State", label=LABELS)
    def state(self, source: CtiSource) -> str:
        """Say in a word how the link is."""
        status = getattr(source, "status", None)
        if not source.enabled:
            return "disabled"
        if status is None:
            return "no report yet"
        if status.reported_at and is_silent(status, clock.now()):
            return SILENT
        return LACKING if status.lack or quiet_text(status, clock.now()) else status.get_state_display()

    @display(description="Last event")
    def last_event(self, source: CtiSource) -> Any:
        """Return when the last event came."""
        status = getattr(source, "status", None)
        return ago(status.last_event_at, clock.now()) if status else None

    @display(description="Events a second")
    def rate(self, source: CtiSource) -> Any:
        """Return the current rate of events."""
        status = getattr(source, "status", None)
        return status.events_per_second if status and not is_silent(status, clock.now()) else None

    @display(description="Stored secret")
    def stored_secret(self, source: CtiSource) -> str:
        """Say whether there is one, never which."""
        if source.secret_env:
            return f"not used while {source.secret_env} or {source.secret_env}_FILE is set"
        return "set" if source.secret else "none"


def _standing(source: CtiSource) -> LeaseStanding | None:
    try:
        return standing(source.slug) if has_session(source.kind) else None
    except JournalUnavailable:
        return None


def _lately(source: CtiSource) -> RecentIds | None:
    try:
        return accepted_lately(source.slug) if not has_session(source.kind) else None
    except JournalUnavailable:
        return None


def _bounds(source: CtiSource) -> list[str]:
    """Say what was refused; nothing where Redis does not answer, which the page says already."""
    try:
        return bound_sentences(refused_lately(source.slug), bounds_in_use(source.slug)) if source.enabled else []
    except JournalUnavailable:
        return []


def _tokens(source: CtiSource) -> SafeString:
    """Return the way to the tokens of a source whose program posts."""
    if has_session(source.kind):
        return SafeString()
    address = f"{reverse('admin:cti_intaketoken_changelist')}?source__id__exact={source.pk}"
    return format_html('<p class="mb-1"><a href="{}" class="underline">{}</a></p>', address, "Tokens of this source")


def _refusals(source: CtiSource, now: datetime) -> SafeString:
    """Return the devices that the PBX refuses to monitor, each with its reason and the next try."""
    status = getattr(source, "status", None)
    if status is None or not source.enabled or not status.monitors_refused:
        return SafeString()
    refused = refused_monitors(status, now)
    rows = ((one.device, one.reason, one.again) for one in refused[:SHOWN_DEVICES])
    listed = format_html_join("", "<li>{}: {}; {}</li>", rows)
    more = f"and {len(refused) - SHOWN_DEVICES:,} more" if len(refused) > SHOWN_DEVICES else ""
    style = "list-disc pl-5 mb-1 max-h-64 overflow-y-auto"
    return format_html('<ul class="{}">{}</ul><p class="mb-1">{}</p>', style, listed, more)


def _quarantine(source: CtiSource) -> SafeString:
    """Return how many messages nobody has looked at, with the way to them."""
    unseen = source.quarantine.filter(seen_at=None)[: MANY + 1].count()
    if not unseen:
        return format_html('<p class="mb-1">{}</p>', "No unreviewed messages in quarantine.")
    address = f"{reverse('admin:cti_quarantinedmessage_changelist')}?source__id__exact={source.pk}&seen_at__isempty=1"
    count = f"more than {MANY:,}" if unseen > MANY else f"{unseen:,}"
    text = '<p class="mb-1"><a href="{}" class="underline">Unreviewed messages in quarantine: {}</a></p>'
    return format_html(text, address, count)


def _last_reasons(source: CtiSource) -> SafeString:
    """Return why the newest messages were put into quarantine, looked at or not; each is a link."""
    found = source.quarantine.order_by("-at", "-id").values_list("pk", "at", "error", "count")[:SHOWN_REASONS]
    rows = [
        (reverse("admin:cti_quarantinedmessage_change", args=[pk]), when(at), _times(count), error)
        for pk, at, error, count in found
    ]
    if not rows:
        return SafeString()
    listed = format_html_join("", '<li><a href="{}" class="underline">Came {}</a>{}: {}</li>', rows)
    return format_html('<p class="mb-1">The last that came there:</p><ul class="list-disc pl-5 mb-1">{}</ul>', listed)


def _times(count: int) -> str:
    return f", {count:,} times within the hour" if count > 1 else ""


@admin.register(IntakeToken)
class IntakeTokenAdmin(RecordedAdmin):
    """Bearer tokens: shown once when they are made, then only named and revoked."""

    hidden_fields = ("digest",)

    list_display = ("__str__", "source", "scope", "created_at", "last_used", "revoked_at")
    list_filter = ("source", "scope")
    list_select_related = ("source",)
    fields = ("source", "name", "scope")
    actions = ("revoke",)

    @display(description="Last used", ordering="last_used_at")
    def last_used(self, token: IntakeToken) -> str:
        """Return when a program last posted with it."""
        return ago(token.last_used_at, clock.now())

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A token's scope is read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tokens are not deleted: a revoked one stays on record."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Let those revoke who may change tokens."""
        return bool(request.user.has_perm("cti.change_intaketoken"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Make the token; its text lives as long as this request."""
        request.minted = mint(obj)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Show the token in the answer to the post itself, so that it is stored nowhere."""
        context = self.admin_site.each_context(request) | {
            "title": "New token",
            "opts": self.opts,
            "token": obj,
            "text": request.minted.text,  # type: ignore[attr-defined]
            "back": reverse("admin:cti_intaketoken_changelist"),
        }
        response = TemplateResponse(request, "cti/token_minted.html", context)
        add_never_cache_headers(response)
        return response

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[IntakeToken]) -> None:
        """End tokens for good."""
        for token in queryset:
            revoke_token(token)
            self.log_change(request, token, f"Revoked. Scope: {token.get_scope_display()}.")
        messages.success(request, "The tokens are revoked; everywhere within 5 seconds.")


@admin.register(QuarantinedMessage)
class QuarantinedMessageAdmin(ReadOnlyAdmin):
    """What could not be read, to be looked at and ticked off."""

    list_display = ("at", "source", "kind", "error", "place", "count", "seen_at")
    list_filter = ("source", "kind", ("seen_at", admin.EmptyFieldListFilter))
    list_select_related = ("source",)
    list_before_template = "cti/quarantine_causes.html"
    show_full_result_count = False
    fields = ("at", "source", "kind", "error", "place", "count", "size", "seen_at", "message")
    readonly_fields = fields
    actions = ("tick_off",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show above the messages what they cost today, by cause."""
        causes = {"causes": quarantine_causes(clock.now())}
        return super().changelist_view(request, {**causes, **(extra_context or {})})  # type: ignore[no-any-return]

    def has_tick_permission(self, request: HttpRequest) -> bool:
        """Let those tick off who may change rows."""
        return bool(request.user.has_perm("cti.change_quarantinedmessage"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Leave out the message for those who may not see callers: it may hold their names and numbers."""
        return self.fields if request.user.has_perm(SEE_CALLERS) else self.fields[:-1]

    @display(description="The message as it came")
    def message(self, row: QuarantinedMessage) -> str:
        """Show the message; what is no text is shown as bytes."""
        style = "overflow-x-auto whitespace-pre-wrap break-all"
        return format_html('<pre class="{}">{}</pre>', style, readable(bytes(row.raw), row.size))

    @admin.action(description="Tick off the selected messages", permissions=["tick"])
    def tick_off(self, request: HttpRequest, queryset: QuerySet[QuarantinedMessage]) -> None:
        """Note that an operator looked at them."""
        rows = list(queryset.filter(seen_at=None))
        QuarantinedMessage.objects.filter(pk__in=[row.pk for row in rows]).update(seen_at=clock.now())
        LogEntry.objects.log_actions(request.user.pk or 0, rows, CHANGE, "Ticked off: an operator looked at it.")
        messages.success(request, f"{len(rows)} ticked off.")
