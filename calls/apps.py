"""The calls as a Django app: what other apps may ask of them."""

from django.apps import AppConfig


class CallsConfig(AppConfig):
    """Hold the calls, their legs and what became of them."""

    name = "calls"

    def ready(self) -> None:
        """Register what answers the questions of the Flags' pages about calls."""
        from calls.ui.flag_preview import StoredCallLookup  # noqa: PLC0415  (models are loaded when apps are ready)
        from flags.api import register_call_lookup  # noqa: PLC0415

        register_call_lookup(StoredCallLookup())
