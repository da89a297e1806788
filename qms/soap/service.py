"""The SOAP adapter: a Recording Service over its WSDL. With ``qms.soap_*`` the only place that knows zeep.

Every failure of the network, of HTTP, of XML and of SOAP becomes a ``QmsError``; ``qms.port`` draws the tree. The three
calls that are made for every leg go out as prepared envelopes; what is unusual in an answer, as a fault, zeep reads.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from http import HTTPStatus

from qms.port import Flag, Recording
from qms.soap import answers
from qms.soap.contract import ConnectionSettings
from qms.soap.http import HttpReply, Limits
from qms.soap.prepared import Prepared, Unusual
from qms.soap.zeep_service import ZeepRecordingService, moment

__all__ = ["ConnectionSettings", "Limits", "SoapRecordingService"]


class SoapRecordingService(ZeepRecordingService):
    """A ``RecordingServicePort`` over SOAP, fast where it counts."""

    @cached_property
    def _prepared(self) -> Prepared | None:
        """Return the prepared calls; None where another WSDL's shape does not allow them."""
        try:
            return Prepared(self.line.contract)
        except Unusual:
            return None

    def find_live_recording(self, extension: str, not_started_before: datetime | None = None) -> Recording | None:
        """Return the recording in progress at the extension, or None."""
        if self._prepared is None:
            return super().find_live_recording(extension, not_started_before)
        since = None if not_started_before is None else moment(not_started_before)
        reply = self.line.send("FindLiveRecording", self._prepared.find(extension, since))
        try:
            return self._prepared.found(_plain(reply))
        except Unusual:
            return self.line.read("FindLiveRecording", reply, self.found)

    def write_flags(self, guid: str, flags: Sequence[Flag]) -> int:
        """Write flags to a recording, all or nothing, and return how many were written."""
        if self._prepared is None:
            return super().write_flags(guid, flags)
        reply = self.line.send("WriteFlags", self._prepared.write(guid, flags), is_write=True)
        try:
            return self._prepared.written(_plain(reply))
        except Unusual:
            names = [flag.name for flag in flags]
            return self.line.read("WriteFlags", reply, answers.written, sent=names, is_write=True)

    def flags(self, guid: str) -> list[Flag]:
        """Read back what a recording carries."""
        if self._prepared is None:
            return super().flags(guid)
        reply = self.line.send("GetFlags", self._prepared.get(guid))
        try:
            return self._prepared.carried(_plain(reply))
        except Unusual:
            return self.line.read("GetFlags", reply, answers.flags)


def _plain(reply: HttpReply) -> bytes:
    """Return the content of a reply that says it is fine."""
    if reply.status_code != HTTPStatus.OK:
        raise Unusual
    return reply.content
