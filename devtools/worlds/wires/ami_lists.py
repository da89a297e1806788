"""What an Asterisk lists when it is asked: channels, queues, bridges and agents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .ami_calls import AmiCalls
from .ami_lines import NOBODY, Line, place, written

ACTIONS = ("CoreShowChannels", "QueueStatus", "BridgeList", "Agents", "BridgeInfo")


class AmiLists:
    """Answer the actions that list what is in progress.

    `names_bridges`: channels are listed with their bridge; else BridgeInfo has to be asked. `has_members`: the user may
    see the queues.
    """

    def __init__(self, calls: AmiCalls) -> None:
        self._calls = calls
        self.names_bridges, self.has_members = True, True

    def answer(self, action: str, number: str, bridge: str = "") -> bytes:
        """Return the answer to an action; `bridge`: the one that BridgeInfo is asked about."""
        known = {"ActionID": number}
        if action == "QueueStatus" and not self.has_members:
            return written({"Response": "Error"}, known, {"Message": "Permission denied"}).encode()
        head = written({"Response": "Success"}, known, {"EventList": "start", "Message": "will follow"})
        items = [written({"Event": event}, known, fields) for event, fields in self._items(action, bridge)]
        end = {"EventList": "Complete", "ListItems": len(items)}
        return (head + "".join(items) + written({"Event": f"{action}Complete"}, known, end)).encode()

    def _items(self, action: str, bridge: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if action == "CoreShowChannels":
            return (("CoreShowChannel", self._channel(line)) for line in self._calls.lines)
        if action == "QueueStatus":
            return self._queues()
        if action == "BridgeList":
            return (("BridgeListItem", _bridge(name, inside)) for name, inside in self._bridges().items())
        inside = self._bridges().get(bridge, []) if action == "BridgeInfo" else []
        return (("BridgeInfoChannel", line.block()) for line in inside)

    def _bridges(self) -> dict[str, list[Line]]:
        return {call.bridge: call.inside for call in self._calls.calls if call.inside}

    def _channel(self, line: Line) -> dict[str, Any]:
        where = next((name for name, inside in self._bridges().items() if line in inside), "")
        return line.block() | {
            "Application": line.application,
            "ApplicationData": line.application_data,
            "Duration": "00:00:01",
            "BridgeId": where if self.names_bridges else "",
        }

    def _queues(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for member in self._calls.members.listed():
            yield "QueueMember", member
        for call in self._calls.calls:
            if call.queue:
                line = call.first
                yield (
                    "QueueEntry",
                    {
                        "Queue": call.queue,
                        "Position": 1,
                        "Channel": line.name,
                        "Uniqueid": line.uid,
                        "CallerIDNum": line.number,
                        "CallerIDName": line.caller,
                        "ConnectedLineNum": NOBODY,
                        "ConnectedLineName": NOBODY,
                        "Wait": 1,
                        "Priority": 0,
                    },
                )


def _bridge(name: str, inside: list[Line]) -> dict[str, Any]:
    return place(name) | {"BridgeNumChannels": len(inside)}
