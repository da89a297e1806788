"""The form of a CTI source: secrets are set and never read, lists are lines, options are fields of their own."""

from typing import Any

import msgspec
from django import forms
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from cti.models import CtiSource
from cti.ui.options_form import PREFIX, field_of, read_options
from vault.fields import Secret


class CtiSourceForm(forms.ModelForm):  # type: ignore[type-arg]  # its parameter is for the stubs alone
    """A form in which the secret can be set but never read."""

    new_secret = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown. Leave empty to keep the current secret.",
    )
    forget_secret = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget(), help_text="Delete the stored secret."
    )
    device_lines = forms.CharField(
        required=False,
        label="Devices",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Extensions to monitor, one a line. Empty: every device that is no queue and no trunk.",
    )
    queue_lines = forms.CharField(
        required=False,
        label="Queues",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Queue devices and their names, one a line: 7000 = Sales",
    )
    canary_lines = forms.CharField(
        required=False,
        label="Test extensions",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Extensions used for canary calls and for nothing else, one a line and one for each Recording "
        "Service; QMS needs an active and licensed user with each. Empty: no canary calls.",
    )

    class Meta:
        model = CtiSource
        exclude = ("secret", "devices", "queues", "canary_extensions")  # noqa: DJ006  everything else is for the administrator
        labels = {"tls": "TLS", "ca_file": "CA file", "secret_env": "Secret from variable"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["device_lines"] = "\n".join(self.instance.devices)
        self.initial["canary_lines"] = "\n".join(self.instance.canary_extensions)
        self.initial["queue_lines"] = "\n".join(f"{device} = {name}" for device, name in self.instance.queues.items())

    def clean_queue_lines(self) -> dict[str, str]:
        """Read the queues."""
        queues = {}
        for line in _lines(self.cleaned_data["queue_lines"]):
            device, equals, name = (part.strip() for part in line.partition("="))
            if not (device and equals and name):
                raise forms.ValidationError(f"Write DEVICE = NAME, not: {line}")
            queues[device] = name
        return queues

    def clean(self) -> dict[str, Any] | None:
        """Check the options as the source will read them, with the error at its field."""
        cleaned = super().clean() or {}
        self.instance.canary_extensions = _lines(cleaned.get("canary_lines", ""))
        self.instance.queues = cleaned.get("queue_lines", self.instance.queues)
        has_options = any(name.startswith(PREFIX) for name in self.data)
        if has_options and cleaned.get("kind") == self.initial.get("kind") and not self.errors:
            try:
                self.instance.options = read_options(cleaned["kind"], cleaned, self.instance.options)
            except msgspec.ValidationError as error:
                name = field_of(error)
                self.add_error(name if name in self.fields else None, str(error).partition(" - at ")[0])
        return cleaned

    def save(self, commit: bool = True) -> Any:
        """Take up the secret, the devices and the queues."""
        self.instance.devices = _lines(self.cleaned_data["device_lines"])
        self.instance.canary_extensions = _lines(self.cleaned_data["canary_lines"])
        self.instance.queues = self.cleaned_data["queue_lines"]
        if self.cleaned_data["new_secret"]:
            self.instance.secret = Secret(self.cleaned_data["new_secret"])
        elif self.cleaned_data["forget_secret"]:
            self.instance.secret = Secret("")
        return super().save(commit)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
