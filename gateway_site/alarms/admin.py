"""Rules and channels to edit, incidents to read."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget

import clock
from gateway_site.alarms.messages import send_test
from gateway_site.alarms.models import AlarmChannel, AlarmMessage, AlarmRule, Incident
from history.admin import ReadOnlyAdmin, RecordedAdmin


@admin.register(AlarmRule)
class AlarmRuleAdmin(RecordedAdmin):
    """Edit which conditions make an incident, and after how long."""

    list_display = ("name", "enabled", "after_seconds", "threshold", "urgent")
    list_display_links = ("name",)
    readonly_fields = ("name",)
    fields = ("name", "enabled", "after_seconds", "threshold", "is_urgent")

    @display(description="Urgent", ordering="is_urgent")
    def urgent(self, rule: AlarmRule) -> str:
        """Show a word: a red cross would look like an error."""
        return "yes" if rule.is_urgent else "no"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rules are delivered with the gateway; none are added here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A rule is disabled, not deleted."""
        return False


class AlarmChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """A form in which the secret can be set but never read."""

    new_secret = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(),
        help_text="PagerDuty: the routing key. Plain JSON: sent as a bearer token. Empty: stays as it is.",
    )

    class Meta:
        model = AlarmChannel
        fields = ("name", "kind", "target", "new_secret", "enabled", "quiet_from", "quiet_until")

    def save(self, commit: bool = True) -> Any:
        """Take over a secret that was entered."""
        if entered := self.cleaned_data.get("new_secret"):
            self.instance.secret = entered
        return super().save(commit)


@admin.register(AlarmChannel)
class AlarmChannelAdmin(RecordedAdmin):
    """Edit who gets messages; show whether they arrive."""

    list_display = ("name", "kind", "enabled", "sent_at", "failed_at", "error")
    form = AlarmChannelForm
    hidden_fields = ("secret", "target")
    readonly_fields = ("sent_at", "failed_at", "error")
    change_form_outer_before_template = "alarms/send_test.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the button."""
        view = self.admin_site.admin_view(require_POST(self.send_test_message))
        return [path("<int:channel_id>/send-test/", view, name="alarms_send_test"), *super().get_urls()]

    def send_test_message(self, request: HttpRequest, channel_id: int) -> HttpResponseRedirect:
        """Send a test message now, and say whether it was taken."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        channel = get_object_or_404(AlarmChannel, pk=channel_id)
        if error := send_test(channel, clock.now()):
            messages.error(request, f"The test could not be sent: {error}")
        else:
            messages.success(request, f"The test was sent to {channel}.")
        return HttpResponseRedirect(reverse("admin:alarms_alarmchannel_change", args=[channel_id]))


class AlarmMessageInline(TabularInline):
    """The messages of an incident."""

    model = AlarmMessage
    fields = readonly_fields = ("created_at", "occasion", "channel", "text", "sent_at", "error")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only the gateway writes messages."""
        return False


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    """List what went wrong, since when, why, and how many legs it affected."""

    list_display = ("rule", "subject", "text", "began_at", "ended_at", "cause", "legs_hit")
    list_filter = ("rule", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("rule", "caused_by__rule")
    fields = ("rule", "subject", "text", "began_at", "opened_at", "ended_at", "caused_by", "legs_hit")
    inlines = (AlarmMessageInline,)

    @display(description="Caused by")
    def cause(self, incident: Incident) -> str:
        """Name what explains it."""
        return str(incident.caused_by) if incident.caused_by else ""
