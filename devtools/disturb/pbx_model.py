"""An Asterisk as its events describe it, so that it can answer a snapshot at any moment.

Written without the decoder, which is what is being tested: it follows no calls, only what the PBX's own lists show.
"""

from collections.abc import Iterable
from zlib import crc32

Fields = dict[str, str]

#: What an event may call the channels that it shows.
_PREFIXES = ("", "Dest", "LocalOne", "LocalTwo", "Transferer", "Transferee", "OrigTransferer", "SecondTransferer")
_SHOWN = (
    "ChannelState",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Context",
    "Exten",
    "Linkedid",
)


class PbxModel:
    """Channels, bridges, queues and the agent pool, by the names that the PBX gives them."""

    def __init__(self, answers: Iterable[bytes] = ()) -> None:
        self.channels: dict[str, Fields] = {}
        self.variables: dict[str, dict[str, str]] = {}
        self.bridges: dict[str, Fields] = {}
        self.members: dict[tuple[str, str], Fields] = {}
        self.entries: dict[tuple[str, str], Fields] = {}
        self.pool: dict[str, Fields] = {}
        for raw in answers:
            self._listed(fields_of(raw))

    def _listed(self, item: Fields) -> None:
        match item.get("Event"):
            case "CoreShowChannel":
                self._show(item)
                self.channels[item["Uniqueid"]] |= {
                    key: item.get(key, "") for key in ("Application", "ApplicationData", "BridgeId")
                }
            case "BridgeListItem":
                self.bridges[item["BridgeUniqueid"]] = item
            case "QueueMember":
                self.members[item["Queue"], item["Location"]] = item
            case "QueueEntry":
                self.entries[item["Queue"], item["Uniqueid"]] = item
            case "Agents":
                self.pool[item["Agent"]] = item

    def hear(self, raw: bytes) -> None:
        """Follow one event."""
        event = fields_of(raw)
        for prefix in _PREFIXES:
            if f"{prefix}Channel" in event and f"{prefix}Uniqueid" in event:
                self._show({key[len(prefix) :]: value for key, value in event.items() if key.startswith(prefix)})
        rule = getattr(self, f"_on_{event.get('Event', '').lower()}", None)
        if rule is not None:
            rule(event)

    def _show(self, shown: Fields) -> None:
        uid = shown["Uniqueid"]
        channel = self.channels.get(uid)
        if channel is None:
            channel = self.channels[uid] = {"Uniqueid": uid, "Channel": shown["Channel"], "BridgeId": ""}
        channel |= {key: shown[key] for key in _SHOWN if key in shown}
        self.variables.setdefault(uid, {}).update(_variables(shown))

    # -- channels and bridges --------------------------------------------------------------------------------------

    def _on_hangup(self, event: Fields) -> None:
        self.channels.pop(event.get("Uniqueid", ""), None)

    def _on_rename(self, event: Fields) -> None:
        channel = self.channels.get(event.get("Uniqueid", ""))
        if channel is not None:
            channel["Channel"] = event["Newname"]

    def _on_newexten(self, event: Fields) -> None:
        self._runs(event.get("Uniqueid", ""), event.get("Application", ""), event.get("AppData", ""))

    def _on_dialbegin(self, event: Fields) -> None:
        channel = self.channels.get(event.get("DestUniqueid", ""), {})
        if not channel.get("Application"):
            self._runs(event.get("DestUniqueid", ""), "AppDial", "(Outgoing Line)")

    def _on_agentcalled(self, event: Fields) -> None:
        self._runs(event.get("DestUniqueid", ""), "AppQueue", "(Outgoing Line)")

    def _runs(self, uid: str, application: str, data: str) -> None:
        if uid in self.channels:
            self.channels[uid] |= {"Application": application, "ApplicationData": data}

    def _on_bridgecreate(self, event: Fields) -> None:
        self.bridges.setdefault(event["BridgeUniqueid"], event)

    def _on_bridgeenter(self, event: Fields) -> None:
        self.bridges[event["BridgeUniqueid"]] = event
        if event.get("Uniqueid") in self.channels:
            self.channels[event["Uniqueid"]]["BridgeId"] = event["BridgeUniqueid"]
        if event.get("SwapUniqueid") in self.channels:
            self.channels[event["SwapUniqueid"]]["BridgeId"] = ""

    def _on_bridgeleave(self, event: Fields) -> None:
        channel = self.channels.get(event.get("Uniqueid", ""))
        if channel is not None and channel.get("BridgeId") == event["BridgeUniqueid"]:
            channel["BridgeId"] = ""

    def _on_bridgedestroy(self, event: Fields) -> None:
        self.bridges.pop(event["BridgeUniqueid"], None)

    # -- queues and agents -----------------------------------------------------------------------------------------

    def _on_queuememberadded(self, event: Fields) -> None:
        member = {"Name": event.get("MemberName", ""), "Location": event["Interface"], **event}
        self.members[event["Queue"], event["Interface"]] = member

    _on_queuememberpause = _on_queuememberadded

    def _on_queuememberremoved(self, event: Fields) -> None:
        self.members.pop((event["Queue"], event["Interface"]), None)

    def _on_queuecallerjoin(self, event: Fields) -> None:
        self.entries[event["Queue"], event.get("Uniqueid", "")] = event
        self._runs(event.get("Uniqueid", ""), "Queue", f"{event['Queue']},t,,,40")

    def _on_queuecallerleave(self, event: Fields) -> None:
        self.entries.pop((event["Queue"], event.get("Uniqueid", "")), None)

    def _on_agentlogin(self, event: Fields) -> None:
        known = self.pool.get(event["Agent"], {})
        self.pool[event["Agent"]] = {**known, "Agent": event["Agent"], "LoggedInChan": event["Channel"]}

    def _on_agentlogoff(self, event: Fields) -> None:
        if event.get("Agent") in self.pool:
            self.pool[event["Agent"]]["LoggedInChan"] = ""

    # -- the answers -----------------------------------------------------------------------------------------------

    def answers(self) -> list[bytes]:
        """Return the items of CoreShowChannels, QueueStatus, BridgeList and Agents; channels in no order, as it is."""
        channels = sorted(self.channels.values(), key=lambda one: crc32(one["Channel"].encode()))
        return [
            *(self._channel_item(one) for one in channels),
            *(_item("BridgeListItem", one, "BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeNumChannels")
              for one in self.bridges.values()),
            *(_item("QueueMember", one, "Queue", "Name", "Location", "StateInterface", "Paused", "PausedReason")
              for one in self.members.values()),
            *(_item("QueueEntry", one, "Queue", "Channel", "Uniqueid", "CallerIDNum", "CallerIDName")
              for one in self.entries.values()),
            *(_item("Agents", one, "Agent", "Name", "LoggedInChan") for one in self.pool.values()),
        ]  # fmt: skip

    def _channel_item(self, channel: Fields) -> bytes:
        keys = ("Channel", *_SHOWN[:-1], "Uniqueid", "Linkedid")
        variables = self.variables.get(channel["Uniqueid"], {})
        lines = [f"ChanVariable: {name}={value}".encode() for name, value in variables.items()]
        tail = _item("", channel, "Application", "ApplicationData", "BridgeId").partition(b"\r\n")[2]
        return b"\r\n".join([_item("CoreShowChannel", channel, *keys), *lines, tail])


def fields_of(raw: bytes) -> Fields:
    """Return the fields of a message: what the PBX writes itself stands first or last, see reference/ami."""
    found: Fields = {}
    variables: list[str] = []
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if key.endswith("ChanVariable"):
            variables.append(f"{key}\n{value.removeprefix(' ')}")
        elif colon and (key not in found or key.endswith(("Uniqueid", "Linkedid"))):
            found[key] = value.removeprefix(" ")
    for place, variable in enumerate(variables):
        key, _, value = variable.partition("\n")
        found[f"{key}#{place}"] = value
    return found


def _variables(shown: Fields) -> dict[str, str]:
    pairs = (value.partition("=") for key, value in shown.items() if key.startswith("ChanVariable#"))
    return {name: value for name, _, value in pairs}


def _item(event: str, fields: Fields, *keys: str) -> bytes:
    return "\r\n".join([f"Event: {event}", *(f"{key}: {fields.get(key, '')}" for key in keys)]).encode()
