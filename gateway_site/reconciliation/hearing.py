"""Whether the CTI sources of a service were to hear an extension, by their settings at a time; pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from calls.core.device_lists import DeviceLists, NoExtension

#: Causes of a recording of whose call no leg could come by a source's settings, what was decided on purpose first.
IGNORED, QUEUE, NOT_LISTED = "extension_ignored", "extension_is_queue", "extension_not_listed"
UNHEARD = (IGNORED, QUEUE, NOT_LISTED)
_CAUSES = {
    NoExtension.IGNORED: IGNORED,
    NoExtension.QUEUE: QUEUE,
    NoExtension.NOTHING_LISTED: NOT_LISTED,
    NoExtension.NOT_LISTED: NOT_LISTED,
}


class HearingRules(DeviceLists, frozen=True, kw_only=True):
    """The lists of a source that say whose calls have legs, until these were changed; None: they still hold.

    ``is_known``: False where the history does not tell what they were.
    """

    until: datetime | None = None
    is_known: bool = True
    is_enabled: bool = True

    def lack(self, extension: str) -> str:
        """Return why a call at an extension has no leg by these settings; "" where it has one."""
        why = self.why_no_extension(extension) if self.is_known else None
        return _CAUSES[why] if why is not None else ""


class SourceHearing(msgspec.Struct, frozen=True):
    """A source and its settings, those that held first before the later ones."""

    source_id: int
    rules: Sequence[HearingRules]

    def lack(self, extension: str, moment: datetime) -> str:
        """Return why a call at an extension had no leg by the settings of that moment; "" where it had one."""
        rules = self._held(moment)
        return rules.lack(extension) if rules is not None else ""

    def names(self, extension: str, moment: datetime) -> bool:
        """Say whether the extension stood on the source's own list then: one without a list hears each of them."""
        rules = self._held(moment)
        return rules is not None and rules.is_known and extension in (rules.devices | rules.canaries)

    def is_enabled(self, moment: datetime) -> bool:
        """Say whether the source was in use: one that is switched off hears nobody."""
        rules = self._held(moment)
        return rules is None or rules.is_enabled

    def _held(self, moment: datetime) -> HearingRules | None:
        return next((one for one in self.rules if one.until is None or moment < one.until), None)

    def has_listed(self, extension: str) -> bool:
        """Say whether the source had the extension at any time that is known: it is the one that lost it."""
        return any(one.is_known and not one.lack(extension) for one in self.rules)


class Unheard(msgspec.Struct, frozen=True):
    """Why no source was to hear an extension, and the source whose settings say so; None: no one of several."""

    cause: str
    source_id: int | None


def why_unheard(sources: Sequence[SourceHearing], extension: str, moment: datetime) -> Unheard | None:
    """Return why no source of a service was to hear an extension; None where one was, or where none was in use."""
    lacks = [(one.lack(extension, moment), one) for one in sources if one.is_enabled(moment)]
    if not lacks or not all(cause for cause, _ in lacks):
        return None
    first = min((cause for cause, _ in lacks), key=UNHEARD.index)
    those = [one for cause, one in lacks if cause == first]
    if len(those) > 1 and first == NOT_LISTED:  # That a list lacks an extension says nothing of whose it is.
        those = [one for one in those if one.has_listed(extension)]
    return Unheard(first, those[0].source_id if len(those) == 1 else None)
