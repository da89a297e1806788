"""The SOAP adapter: a Recording Service over its WSDL. ``qms.soap`` is the only place that knows zeep.

Every failure of the network, of HTTP, of XML and of SOAP becomes a ``QmsError``; ``qms.port`` draws the tree. The three
calls that are made for every leg go out as prepared envelopes.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property

from qms.port import Flag, QmsRejected, Recording, RecordingNotFound
from qms.soap import answer_mapping
from qms.soap.contract import ConnectionSettings
from qms.soap.http import Limits
from qms.soap.prepared import Prepared, Unusual
from qms.soap.zeep_service import ZeepRecordingService, xml_time

__all__ = ["ConnectionSettings", "Limits", "SoapRecordingService"]


class SoapRecordingService(ZeepRecordingService):
    """A ``RecordingServicePort`` over SOAP, fast where it counts."""

    @cached_property
    def _prepared(self) -> Prepared | None:
        """Return the prepared calls; None where another WSDL's shape does not allow them."""
        try:
            return Prepared(self.line.contract)
        except (Unusual, QmsRejected):
            return None

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the recording in progress at the extension, or None."""
        if self._prepared is None:
            return super().find_live_recording(extension, not_started_before)
        since = None if not_started_before is None else xml_time(not_started_before)
        asked = answer_mapping.AskedFor(extension, not_started_before)
        reply = self.line.send("FindLiveRecording", self._prepared.find(extension, since))
        try:
            return self.line.read("FindLiveRecording", reply, lambda answer: answer_mapping.found(answer, asked))
        except RecordingNotFound:  # Some services throw where others answer nothing.
            return None

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags to a recording, all or nothing, and return how many were written."""
        if self._prepared is None:
            return super().write_flags(guid, flags)
        reply = self.line.send("WriteFlags", self._prepared.write(guid, flags), is_write=True)
        names = [flag.name for flag in flags]
        return self.line.read(
            "WriteFlags", reply, lambda answer: answer_mapping.written(answer, len(flags)), sent=names, is_write=True
        )

    def flags(self, guid: str) -> list[Flag]:
        """Read back what a recording carries."""
        if self._prepared is None:
            return super().flags(guid)
        return self.line.read("GetFlags", self.line.send("GetFlags", self._prepared.get(guid)), answer_mapping.flags)
