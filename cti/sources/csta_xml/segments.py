"""Snapshots in segments: the answer names only a cross reference, and the server then sends the data under it.

The server sends SnapshotDeviceData and SnapshotCallData as they are ready and waits for no answer (ECMA-285: they never
respond). An incomplete list is no snapshot: it would show calls as ended that are still in progress.
"""

import asyncio
from typing import Final

from cti.sources.csta_xml.parsing import CstaMessageError, XmlElement, children, local, text_of

#: Which message brings the data of which answer.
DATA_OF: Final = {"SnapshotDeviceResponse": "SnapshotDeviceData", "SnapshotCallResponse": "SnapshotCallData"}
#: Maximum digits of a segment number.
MAXIMUM_DIGITS: Final = 9
#: Maximum size of all segments of one snapshot, in bytes: thousands of connections.
MAXIMUM_BYTES: Final = 2 * 2**20

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class SnapshotIncomplete(Exception):
    """A snapshot is incomplete; the text says what is missing. No leg may be closed because of it.

    ``is_late``: the server was silent rather than wrong.
    """

    retryable = True

    def __init__(self, fault: str, *, is_late: bool = False) -> None:
        super().__init__(fault)
        self.is_late = is_late


class Collection:
    """The segments of one snapshot, until the last is there and none before it is missing."""

    def __init__(self, seconds: float, limit: float) -> None:
        self._seconds, self._limit = seconds, limit
        self._parts: list[tuple[int | None, XmlElement]] = []
        self._numbers: set[int | None] = set()
        self._last: int | None = None
        self._has_last = False
        self._bytes = 0
        self._fault = ""
        self._news = asyncio.Event()

    def add(self, number: int | None, data: XmlElement, size: int, *, is_last: bool) -> None:
        """Take a segment; one that came already under its number is left out."""
        if self._fault or (number is not None and number in self._numbers):
            return
        self._bytes += size
        self._numbers.add(number)
        self._parts.append((number, data))
        if is_last and self._has_last:
            self.fail("two segments say that they are the last")
        elif self._bytes > MAXIMUM_BYTES:
            self.fail(f"its segments are longer than {MAXIMUM_BYTES} bytes")
        if is_last:
            self._has_last, self._last = True, number
        self._news.set()

    def fail(self, fault: str) -> None:
        """Discard the snapshot; the first reason stands, and no more segments are kept."""
        self._fault = self._fault or fault
        self._parts.clear()
        self._news.set()

    async def whole(self) -> list[XmlElement]:
        """Return what the segments list, in order. Raises ``SnapshotIncomplete``, at the latest after ``limit``."""
        clock = asyncio.get_running_loop().time
        end = clock() + self._limit
        while not self._is_whole():
            self._news.clear()
            try:
                async with asyncio.timeout_at(min(clock() + self._seconds, end)):
                    await self._news.wait()
            except TimeoutError as error:
                raise SnapshotIncomplete(self._lack(is_over=clock() >= end), is_late=True) from error
        parts = sorted(self._parts, key=lambda part: part[0] or 0)
        return [entry for _, data in parts for entry in data]

    def _is_whole(self) -> bool:
        if self._fault:
            raise SnapshotIncomplete(self._fault)
        if not self._has_last:
            return False
        if None in self._numbers:
            if len(self._numbers) > 1:
                raise SnapshotIncomplete("some of its segments have a number and some have none")
            return True
        return self._last is not None and self._runs_to(self._last)

    def _runs_to(self, last: int) -> bool:
        """Say whether no number is missing. Whether the first is 0 or 1 differs from server to server."""
        numbers = [number for number in self._numbers if number is not None]
        if max(numbers) > last:
            raise SnapshotIncomplete("a segment comes after the last")
        return min(numbers) <= 1 and len(numbers) == last - min(numbers) + 1

    def _lack(self, *, is_over: bool) -> str:
        came = f"{len(self._parts)} segments came"
        if is_over:
            return f"its segments did not come within {self._limit:g} s; {came}"
        missing = "one before the last" if self._has_last else "the last"
        return f"{missing} of its segments did not come within {self._seconds:g} s; {came}"


class Segments:
    """The snapshots of one link that are awaited in segments.

    ``seconds``: how long the next segment may take; ``limit``: how long all of them may.
    """

    def __init__(self, seconds: float, limit: float) -> None:
        self._seconds, self._limit = seconds, limit
        self._awaited: dict[tuple[str, str], Collection] = {}

    def __len__(self) -> int:
        return len(self._awaited)

    def expect(self, answer: XmlElement, reference: str) -> Collection:
        """Collect from now on what comes under the cross reference of an answer."""
        key = (DATA_OF[local(answer.tag)], reference)
        if key in self._awaited:
            self._awaited[key].fail("the server used its cross reference for another")
        self._awaited[key] = Collection(self._seconds, self._limit)
        return self._awaited[key]

    def forget(self, collection: Collection) -> None:
        """Stop collecting for this snapshot."""
        self._awaited = {key: one for key, one in self._awaited.items() if one is not collection}

    def invalidate(self, reason: str) -> None:
        """Let every awaited snapshot fail: a message that was lost may have been one of its segments."""
        for collection in self._awaited.values():
            collection.fail(reason)

    def take(self, root: XmlElement, size: int) -> bool:
        """Take a segment of ``size`` bytes; False when no snapshot awaits it.

        Raises ``CstaMessageError`` when it lacks what every segment has; all that is awaited fails then.
        """
        try:
            reference, number, is_last, data = _read(children(root))
        except CstaMessageError:
            self.invalidate("a segment could not be read")
            raise
        collection = self._awaited.get((local(root.tag), reference))
        if collection is None:
            return False
        collection.add(number, data, size, is_last=is_last)
        return True


def _read(fields: dict[str, XmlElement]) -> tuple[str, int | None, bool, XmlElement]:
    reference = text_of(fields.get("serviceCrossRefID"))
    if not reference:
        raise CstaMessageError("serviceCrossRefID is missing", place="serviceCrossRefID")
    is_last = _BOOLEANS.get(text_of(fields.get("lastSegment")).lower())
    if is_last is None:
        raise CstaMessageError("lastSegment is neither true nor false", place="lastSegment")
    if "snapshotData" not in fields:
        raise CstaMessageError("snapshotData is missing", place="snapshotData")
    return reference, _number(fields.get("segmentID")), is_last, fields["snapshotData"]


def _number(element: XmlElement | None) -> int | None:
    text = text_of(element)
    if element is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MAXIMUM_DIGITS):
        raise CstaMessageError("segmentID is no number", place="segmentID")
    return int(text)
