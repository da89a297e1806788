"""Where a connection is: at which extension, or outside; a ConnectionID may name either by an opaque id."""

from msgspec.structs import replace

from cti.sources.csta_xml.bounded_cache import BoundedCache, ConnectionPlace
from cti.sources.csta_xml.devices import DeviceReader, device_text
from cti.sources.csta_xml.parsing import CstaMessageError, XmlElement, local, members, text_of
from cti.sources.csta_xml.private_data import TEXT

_TRUNKS = ("associatedCallingDevice", "associatedCalledDevice", "networkInterfaceUsed")


def connection_id(element: XmlElement | None) -> tuple[str, str]:
    """Return call and device of a ConnectionID, each empty where it is missing; in either order.

    Raises ``CstaMessageError`` when one is longer than the vocabulary allows: an identity is never cut.
    """
    call = device = ""
    for child in members(element):
        name = local(child.tag)
        if name == "callID":
            call = text_of(child)
        elif name == "deviceID":
            device = device_text(child)
    for name, text in (("callID", call), ("deviceID", device)):
        if len(text) > TEXT:
            raise CstaMessageError(f"{name} is longer than {TEXT} characters", kind="event", place=name)
    return call, device


class DeviceResolver:
    """Finds the extension of a connection, and remembers what the switch said about its opaque ids."""

    def __init__(self, known: frozenset[str], devices: DeviceReader) -> None:
        self._known = known
        self.devices = devices
        self._known_places: BoundedCache[tuple[str, str], ConnectionPlace] = BoundedCache()

    def is_known(self, device: str) -> bool:
        """Say whether a device is one of the site's: extension, queue or recorder."""
        return device in self._known

    def locate(self, call: str, raw: str, subject: str, fields: dict[str, XmlElement], own: str) -> ConnectionPlace:
        """Return where a connection is.

        ``subject``: the device that the event says is at it; ``own``: the monitored device, if it is the one meant.
        """
        device = self.devices.read(raw).number if raw else ""
        if device in self._known:
            return ConnectionPlace(device)
        if subject in self._known or (subject and not device):
            return self._remember(call, raw, ConnectionPlace(subject))
        place = self._known_places.get((call, raw))
        if place is not None and not (place.is_over and subject and subject != place.device_id):
            return place
        if own:
            return self._remember(call, raw, ConnectionPlace(own))
        if self._is_outside(device, subject, fields):
            return self._remember(call, raw, ConnectionPlace(raw, outside=True))
        return ConnectionPlace(device)

    def outside(self, call: str, raw: str) -> ConnectionPlace:
        """Return the place of a connection that the event itself says is outside."""
        return self._remember(call, raw, ConnectionPlace(raw, outside=True))

    def end(self, call: str, raw: str) -> None:
        """Note that a connection was cleared: what names another device there from now on is of another call."""
        place = self._known_places.get((call, raw))
        if place is not None:
            self._known_places.put((call, raw), replace(place, is_over=True))

    def _remember(self, call: str, raw: str, place: ConnectionPlace) -> ConnectionPlace:
        if (raw and raw != place.device_id) or place.outside:
            self._known_places.put((call, raw), place)
        return place

    def _is_outside(self, device: str, subject: str, fields: dict[str, XmlElement]) -> bool:
        if subject and device != subject:
            return True
        trunks = [fields[name] for name in _TRUNKS if name in fields]
        if any(self.devices.of(trunk).number == device for trunk in trunks):
            return True
        return ":" in device or self._is_party(device, fields)

    def _is_party(self, device: str, fields: dict[str, XmlElement]) -> bool:
        """Say whether a device is the outside party of a call from or to outside."""
        ends = (("associatedCallingDevice", "callingDevice"), ("associatedCalledDevice", "calledDevice"))
        return any(trunk in fields and self.devices.of(fields.get(end)).number == device for trunk, end in ends)
