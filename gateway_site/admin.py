"""The history of all that people changed, and the people: what belongs to no other app."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from clock.text import shown
from gateway_site.login.second_factor import forget_devices
from history.admin import RecordedAdmin
from history.list_columns import ColumnsAdmin

#: What a field without a value shows; a card on a phone leaves it out (gateway.css).
admin.site.empty_value_display = mark_safe('<span class="qg-none">-</span>')
admin.site.unregister(User)
admin.site.unregister(Group)
for _device in (TOTPDevice, StaticDevice):  # Their own pages would show the keys.
    admin.site.unregister(_device)


@admin.register(User)
class UserAdmin(RecordedAdmin, DjangoUserAdmin):  # type: ignore[type-arg,misc]  # its parameter is for the stubs alone
    """Who may log in, and with which roles."""

    form, add_form, change_password_form = UserChangeForm, UserCreationForm, AdminPasswordChangeForm
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        ("Roles and mail", {"fields": ("groups", "email")}),
    )
    hidden_fields = ("password",)
    list_display = ("username", "full_name", "email", "roles", "is_active", "last_seen")
    list_filter = ("groups", "is_active")

    actions = ("remove_second_factor",)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Let a new user log in: there is nothing else than the admin to log in to."""
        obj.is_staff = obj.is_staff or not change
        super().save_model(request, obj, form, change)

    @admin.action(description="Remove the second factor of the selected users", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Let people who lost phone and recovery codes log in again; where their role asks, they set up a new one."""
        for user in queryset:
            if forget_devices(user):
                self.log_change(request, user, "Removed the second factor.")
        messages.success(request, "The selected users have no second factor now.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Read the roles of all users with one query."""
        return super().get_queryset(request).prefetch_related("groups")

    @display(description="Name", ordering="last_name")
    def full_name(self, user: User) -> str:
        """Return the user's name as people write it."""
        return user.get_full_name()

    @display(description="Roles")
    def roles(self, user: User) -> str:
        """Return what the user may do."""
        return "everything" if user.is_superuser else ", ".join(sorted(one.name for one in user.groups.all()))

    @display(description="Last log-in", ordering="last_login")
    def last_seen(self, user: User) -> str:
        """Say when the user last logged in."""
        return shown(user.last_login) if user.last_login else "never"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Users are not deleted, because their history would be too; deactivate them instead."""
        return False


@admin.register(Group)
class GroupAdmin(RecordedAdmin, DjangoGroupAdmin):  # type: ignore[misc]  # unfold has no types
    """The roles; the four of the gateway are set by ``migrate``."""


@admin.register(LogEntry)
class HistoryAdmin(ColumnsAdmin):
    """Who changed what, when, from what to what: the newest first. Nobody changes it here."""

    heading = "History"
    list_display = ("at", "user", "act", "what", "change")
    list_display_links = None
    list_filter = ("user", "action_flag", "content_type", ("action_time", RangeDateTimeFilter))
    list_filter_submit = True
    list_select_related = ("user", "content_type")
    search_fields = ("object_repr", "change_message")
    search_help_text = "Search by the name of what was changed, or by a word of the change."
    ordering = ("-id",)
    show_full_result_count = False

    @display(description="When", ordering="action_time")
    def at(self, entry: LogEntry) -> datetime:
        """Return when it was done."""
        return entry.action_time

    @display(description="Act", ordering="action_flag")
    def act(self, entry: LogEntry) -> str:
        """Say in a word what was done."""
        return str(entry.get_action_flag_display())

    @display(description="What")
    def what(self, entry: LogEntry) -> str:
        """Name it, with a link where it still has a page."""
        kind = entry.content_type.name if entry.content_type else ""
        try:
            url = None if entry.is_deletion() else entry.get_admin_url()
        except NoReverseMatch:
            url = None
        if not url:
            return format_html("{}: {}", kind, entry.object_repr)
        return format_html('{}: <a class="underline" href="{}">{}</a>', kind, url, entry.object_repr)

    @display(description="Before \N{RIGHTWARDS ARROW} after")
    def change(self, entry: LogEntry) -> str:
        """Describe the change."""
        return entry.get_change_message()

    def get_queryset(self, request: HttpRequest) -> QuerySet[LogEntry]:
        """Take Django's own order off: only the key has an index."""
        return super().get_queryset(request).order_by("-id")  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The history is read-only: nothing is added."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The history is read-only: nothing is changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The history is read-only: nothing is deleted."""
        return False
