"""Data Servers and Recording Services for the administrator."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

import clock
from clock.text import ago, shown, time_of_day
from history.admin import RecordedAdmin
from qms import api, connection_tests
from qms.adapters import AdapterOption
from qms.models import DataServer, RecordingService, ServiceHealth
from qms.recorder_kinds import DEFAULT_KIND, recorder_kinds
from vault.fields import Secret

_STATES = {"working": "success", "not called yet": "info", "failing": "warning", "held back": "danger", "off": None}
PASSWORD_FIELDS = ("stored_password", "new_password", "forget_password", "password_env")
WAITS = (
    "guid_window_seconds",
    "lookup_interval_ms",
    "wrapup_wait_seconds",
    "timeout_seconds",
    "max_in_flight",
    "refresh_at",
)


@admin.register(DataServer)
class DataServerAdmin(RecordedAdmin):
    """Where Flags are defined."""

    list_display = ("slug", "shared_by")
    search_fields = ("slug",)
    change_form_outer_before_template = "qms/new_flags.html"

    @display(description="Recording Services")
    def shared_by(self, server: DataServer) -> str:
        """Name the services that share it."""
        return ", ".join(service.slug for service in server.services.all()) or "none"

    def get_queryset(self, request: HttpRequest) -> Any:
        """Fetch the services at once."""
        return super().get_queryset(request).prefetch_related("services")


class RecordingServiceForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """A form in which the password can be set but never read."""

    new_password = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown. Leave empty to keep the current secret.",
    )
    forget_password = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget(), help_text="Delete the stored password."
    )
    identifier_lines = forms.CharField(
        required=False,
        label="Identifiers",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text='Addresses and High Availability node names it answers for, one a line. "Any" needs no line.',
    )

    kind = forms.ChoiceField(
        choices=lambda: [(kind, adapter.label) for kind, adapter in recorder_kinds().items()],
        initial=DEFAULT_KIND,
        required=False,
        help_text="What records here. Fill in the options of this kind below; those of other kinds are not used.",
    )

    class Meta:
        model = RecordingService
        exclude = ("password", "identifiers", "options")  # noqa: DJ006  everything else is for the administrator
        labels = {
            "url": "Address",
            "wsdl": "WSDL",
            "ca_file": "CA file",
            "guid_window_seconds": "GUID window (seconds)",
            "lookup_interval_ms": "Lookup interval (milliseconds)",
            "wrapup_wait_seconds": "Wait for wrap-up (seconds)",
            "timeout_seconds": "Time-out of a call (seconds)",
            "max_in_flight": "Calls in flight at most",
            "password_env": "Password from variable",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["identifier_lines"] = "\n".join(self.instance.identifiers or ())
        for kind, option in _all_options():
            stored = self.instance.options if self.instance.kind == kind else {}
            self.initial[_field_name(kind, option)] = stored.get(option.key, option.default)

    def clean(self) -> dict[str, Any]:
        """Check what the kind of recorder wants: an address, and its options."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["kind"] = cleaned.get("kind") or self.instance.kind
        adapter = recorder_kinds().get(cleaned["kind"])
        if adapter is None:
            return cleaned
        if adapter.address == "required" and not cleaned.get("url") and "url" not in self.errors:
            self.add_error("url", "This kind of recorder needs an address.")
        options = {option.key: self._entered(adapter.kind, option) for option in adapter.options}
        missing = [option.key for option in adapter.options if option.required and not options[option.key]]
        problems = {**adapter.problems(options), **dict.fromkeys(missing, "This field is required.")}
        for key, problem in problems.items():
            self.add_error(f"option_{adapter.kind}_{key}", problem)
        self.instance.options = {key: value for key, value in options.items() if value}
        return cleaned

    def _entered(self, kind: str, option: AdapterOption) -> str:
        return str(self.cleaned_data.get(_field_name(kind, option), "")).strip()

    def save(self, commit: bool = True) -> Any:
        """Take up the password and the identifiers."""
        lines = self.cleaned_data["identifier_lines"].splitlines()
        self.instance.identifiers = [line.strip() for line in lines if line.strip()]
        if self.cleaned_data["new_password"]:
            self.instance.password = Secret(self.cleaned_data["new_password"])
        elif self.cleaned_data["forget_password"]:
            self.instance.password = Secret("")
        return super().save(commit)


def _all_options() -> Iterator[tuple[str, AdapterOption]]:
    for kind, adapter in recorder_kinds().items():
        yield from ((kind, option) for option in adapter.options)


def _field_name(kind: str, option: AdapterOption) -> str:
    return f"option_{kind}_{option.key}"


def _option_field(option: AdapterOption) -> forms.CharField:
    lines = UnfoldAdminTextareaWidget(attrs={"rows": option.lines})
    widget = lines if option.lines > 1 else UnfoldAdminTextInputWidget()
    return forms.CharField(required=False, label=option.label, help_text=option.help_text, widget=widget)


def _form() -> type[RecordingServiceForm]:
    """Return the form with a field for each option of each kind of recorder."""
    fields = {_field_name(kind, option): _option_field(option) for kind, option in _all_options()}
    return type("RecordingServiceFormWithOptions", (RecordingServiceForm,), dict(fields))


def _option_fieldsets() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, adapter in recorder_kinds().items():
        names = tuple(_field_name(kind, option) for option in adapter.options)
        if names:
            yield f"Options of: {adapter.label}", {"fields": names}


@admin.register(RecordingService)
class RecordingServiceAdmin(RecordedAdmin):
    """One gateway instance: how to reach it, what it answers for, how it is."""

    form = _form()
    list_display = ("slug", "data_server", "kind", "url", "state", "answered", "refresh_at")
    list_filter = ("data_server", "enabled")
    list_select_related = ("data_server", "health")
    search_fields = ("slug", "url")
    change_form_outer_before_template = "qms/searches.html"
    actions_detail = ("test_connection_page",)
    readonly_fields = ("stored_password", "state", "answered", "failed", "breaker", "clock")
    fieldsets = (
        (None, {"fields": ("slug", "data_server", "enabled", "shadow", "kind", "identifier_lines")}),
        ("Address", {"fields": ("url", "wsdl", "dialect", "ca_file")}),
        ("Login", {"fields": ("login", "username", *PASSWORD_FIELDS)}),
        *_option_fieldsets(),
        (
            "Waits and limits",
            {"fields": WAITS},
        ),
        ("Health", {"fields": ("state", "answered", "failed", "breaker", "clock")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Let a service be added in shadow mode; later the page Shadow comparison switches it, by who may."""
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else (*fields, "shadow")

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the steps, which the page asks for while a test runs."""
        steps = self.admin_site.admin_view(self.connection_steps)
        return [path("<int:service_id>/test/steps/", steps, name="qms_connection_steps"), *super().get_urls()]

    @action(description="Test connection", url_path="test", permissions=["change"], icon="network_check")
    def test_connection_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the last test and the button; a worker tests, and only by POST, because it logs in to QMS."""
        service = get_object_or_404(RecordingService, pk=object_id)
        if request.method == "POST":
            if not connection_tests.request_connection_test(service, request.user.get_username(), clock.now()):
                messages.error(request, "The test could not be started: the broker (Redis) does not answer.")
            return HttpResponseRedirect(request.path)
        context = self.admin_site.each_context(request) | {
            "title": f"Test connection: {service.slug}",
            "opts": self.opts,
            "service": service,
            "progress": connection_tests.progress(service, clock.now()),
            "back": reverse("admin:qms_recordingservice_change", args=[service.pk]),
        }
        return TemplateResponse(request, "qms/test_connection.html", context)

    @method_decorator(require_GET)
    def connection_steps(self, request: HttpRequest, service_id: int) -> HttpResponse:
        """Return the steps alone."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        service = get_object_or_404(RecordingService, pk=service_id)
        context = {"service": service, "progress": connection_tests.progress(service, clock.now())}
        return TemplateResponse(request, "qms/connection_steps.html", context)

    @display(description="State", label=_STATES)
    def state(self, service: RecordingService) -> str:
        """Say in a word how the service is."""
        health = _health(service)
        if not service.enabled:
            return "off"
        if health is None or (health.ok_at is None and not health.failures):
            return "not called yet"
        if api.breaker_state(health, clock.now()) is not api.BreakerState.CLOSED:
            return "held back"
        return "failing" if health.failures else "working"

    @display(description="Last answer")
    def answered(self, service: RecordingService) -> Any:
        """Return when it last answered."""
        health = _health(service)
        return ago(health.ok_at, clock.now()) if health else None

    @display(description="Last failure")
    def failed(self, service: RecordingService) -> str:
        """Return the last failure, and how many there were in a row."""
        health = _health(service)
        if health is None or health.failed_at is None:
            return "none"
        at = shown(health.failed_at)
        return f"{at}: {health.error} ({health.failures} in a row)"

    @display(description="Circuit breaker")
    def breaker(self, service: RecordingService) -> str:
        """Say whether writes are held back, and until when."""
        health = _health(service)
        if health is None or health.open_until is None:
            return "closed: everything is sent"
        until = time_of_day(health.open_until)
        return f"{api.breaker_state(health, clock.now())}: flags wait; one call tries at {until}"

    @display(description="Clock")
    def clock(self, service: RecordingService) -> str:
        """Say how far the clocks are apart."""
        health = _health(service)
        offset = health.clock_offset_seconds if health else 0.0
        side = "ahead of" if offset > 0 else "behind"
        return f"QMS is {abs(offset):g} s {side} the gateway" if offset else "agrees with the gateway's"

    @display(description="Stored password")
    def stored_password(self, service: RecordingService) -> str:
        """Say whether there is one, never which."""
        if service.password_env:
            return f"not used: it comes from {service.password_env}"
        return "set" if service.password else "none"


def _health(service: RecordingService) -> ServiceHealth | None:
    return getattr(service, "health", None)
