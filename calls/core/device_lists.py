"""Which devices of a source are extensions: one rule for the fold, for the answers about a call and for comparisons."""

from enum import StrEnum

import msgspec


class NoExtension(StrEnum):
    """Why no call at a device has a leg by the source's lists; what was decided on purpose comes first."""

    IGNORED = "ignored"
    QUEUE = "queue"
    NOTHING_LISTED = "nothing listed"
    NOT_LISTED = "not listed"


class DeviceLists(msgspec.Struct, frozen=True, kw_only=True):
    """The lists of a source. ``devices`` empty: every device is an extension that is no queue and not outside.

    ``canaries``: test extensions, which need not be among the devices. ``needs_devices``: a source of its kind hears
    of nothing that is not listed; where it lists nothing, no event comes, and the fold need not know.
    """

    devices: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    canaries: frozenset[str] = frozenset()
    needs_devices: bool = False

    def is_extension(self, device_id: str) -> bool:
        """Say whether legs open at the device."""
        return self.why_no_extension(device_id) is None

    def why_no_extension(self, device_id: str) -> NoExtension | None:
        """Return why no leg opens at the device; None where one does."""
        if device_id in self.ignored:
            return NoExtension.IGNORED
        if device_id in self.queues:
            return NoExtension.QUEUE
        if device_id in self.devices or device_id in self.canaries:
            return None
        if self.devices:
            return NoExtension.NOT_LISTED
        return NoExtension.NOTHING_LISTED if self.needs_devices else None
