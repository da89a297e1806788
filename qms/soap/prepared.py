"""The envelopes of the three calls that are made for every leg, prepared: filled in as bytes.

zeep makes each envelope once, with marks in the place of the values, whatever the WSDL and the dialect; the marks are
then replaced. A property test holds the filled envelopes and zeep's own together.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from qms.port import Flag
from qms.soap.dialect import Dialect
from qms.soap.xml_text import escaped


class Unusual(Exception):
    """The shape of the WSDL does not allow prepared envelopes; zeep is to make each."""


class Contract(Protocol):
    """What is asked of ``qms.soap.contract.SoapContract``."""

    dialect: Dialect

    def envelope(self, operation: str, fields: Mapping[str, Any]) -> bytes:
        """Return zeep's envelope."""


class Envelope:
    """An envelope with gaps; made from zeep's own with a mark in each gap."""

    def __init__(self, envelope: bytes, placeholders: Sequence[str]) -> None:
        pieces = []
        for placeholder in placeholders:
            before, found, envelope = envelope.partition(placeholder.encode())
            if not found or placeholder.encode() in envelope:
                raise Unusual
            pieces.append(before)
        self.pieces = [*pieces, envelope]

    def filled(self, *values: str) -> bytes:
        """Return the envelope with the values in its gaps."""
        parts = [self.pieces[0]]
        for value, piece in zip(values, self.pieces[1:], strict=True):
            parts += (escaped(value), piece)
        return b"".join(parts)


class FlagsEnvelope:
    """The envelope of WriteFlags, whose flag may be repeated."""

    def __init__(self, contract: Contract) -> None:
        placeholders = _placeholders(5)
        flags = [
            {"name": placeholders[1], "value": placeholders[2]},
            {"name": placeholders[3], "value": placeholders[4]},
        ]
        whole = Envelope(
            contract.envelope("WriteFlags", {"recordingGuid": placeholders[0], "flag": flags}), placeholders
        ).pieces
        self._begin, self._open, self._middle, self._between, middle, self._end = whole
        if middle != self._middle:
            raise Unusual

    def filled(self, guid: str, flags: Iterable[Flag]) -> bytes:
        """Return the envelope for these flags."""
        each = self._between.join(escaped(flag.name) + self._middle + escaped(flag.value) for flag in flags)
        return b"".join((self._begin, escaped(guid), self._open, each, self._end))


class Prepared:
    """The prepared envelopes of one contract; raises ``Unusual`` where its shape does not allow them."""

    def __init__(self, contract: Contract) -> None:
        dialect = contract.dialect
        extension, since, guid = _placeholders(3)
        asked = {"extension": extension}
        self._find = Envelope(contract.envelope("FindLiveRecording", asked), [extension])
        asked["notStartedBefore"] = since
        offers_since = bool(dialect.element("FindLiveRecording", "notStartedBefore"))
        placeholders = [extension, since] if offers_since else [extension]
        self._find_since = Envelope(contract.envelope("FindLiveRecording", asked), placeholders)
        self._offers_since = offers_since
        self._get = Envelope(contract.envelope("GetFlags", {"recordingGuid": guid}), [guid])
        self._write = FlagsEnvelope(contract)

    def find(self, extension: str, since: str | None) -> bytes:
        """Return the envelope of FindLiveRecording."""
        if since is None or not self._offers_since:
            return self._find.filled(extension)
        return self._find_since.filled(extension, since)

    def write(self, guid: str, flags: Sequence[Flag]) -> bytes:
        """Return the envelope of WriteFlags."""
        return self._write.filled(guid, flags)

    def get(self, guid: str) -> bytes:
        """Return the envelope of GetFlags."""
        return self._get.filled(guid)


def _placeholders(count: int) -> list[str]:
    """Return texts that no WSDL and no login holds: of the private use area, and as XML carries them."""
    return [f"\ue000{number}\ue001" for number in range(count)]
