"""The port through which this app asks about calls; the app of the calls registers the adapter."""

from datetime import datetime
from typing import Protocol

from flags.catalogue.preview import PreviewCall


class CallLookup(Protocol):
    """Answer the questions of the Flags' pages about calls, and record who saw their callers."""

    def find_call(self, reference: str) -> PreviewCall | None:
        """Return the newest call of a call reference, or the newest flagged one for ""; None where there is none."""

    def record_view(self, user_id: int, leg_id: int, at: datetime) -> None:
        """Record that a person saw what a leg's flags carry; the same again within some minutes is one view."""

    def is_recording_of_a_call(self, guid: str) -> bool:
        """Say whether a leg holds this recording, in whatever spelling."""


class NoCallLookup(Exception):
    """No adapter is registered: an installation without the app of the calls. Never worth a retry."""


_registered: list[CallLookup] = []


def register_call_lookup(lookup: CallLookup) -> None:
    """Take the adapter that answers from now on; called once, when the apps are ready."""
    _registered[:] = [lookup]


def call_lookup() -> CallLookup:
    """Return the registered adapter. Raises ``NoCallLookup`` without one."""
    if not _registered:
        raise NoCallLookup("No app registered a CallLookup.")
    return _registered[0]
