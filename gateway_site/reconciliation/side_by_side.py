"""The flags of one recording, as QMS holds them now and as the gateway wrote them."""

import msgspec

from flags.api import ERASED
from flags.models import FlagValue, WriteState
from qms.port import RecordingServicePort


class SideBySide(msgspec.Struct, frozen=True):
    """One flag in QMS and at the gateway; an empty text where there is none."""

    name: str
    in_qms: str
    written: str

    @property
    def differs(self) -> bool:
        """Say whether the two differ."""
        return self.in_qms != self.written

    @property
    def is_erased(self) -> bool:
        """Say whether the gateway no longer knows what it wrote, because the caller was erased."""
        return self.written == ERASED


def differing_values(guid: str, port: RecordingServicePort) -> list[SideBySide]:
    """Return the flags of a recording side by side, in the order of their names. Raises ``QmsError``."""
    in_qms = {flag.name: flag.value for flag in port.flags(guid)}
    taken = FlagValue.objects.filter(write__recording_guid=guid, write__state=WriteState.WRITTEN)
    written = dict(taken.values_list("name", "value"))
    return [SideBySide(name, in_qms.get(name, ""), written.get(name, "")) for name in sorted(in_qms | written)]
