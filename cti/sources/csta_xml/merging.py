"""Transferred and Conferenced: which calls became one, and who is connected in it as what."""

import msgspec

from cti.events import Connection, ConnectionItem
from cti.sources.csta_xml.device_resolver import DeviceResolver, connection_id
from cti.sources.csta_xml.event_table import MergeShape
from cti.sources.csta_xml.parsing import XmlElement, children, local, members
from cti.sources.csta_xml.private_data import MANY, TEXT


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """What a Transferred or Conferenced says; ids empty where it says nothing."""

    primary: str
    secondary: str
    resulting: str
    actor: str
    added: str
    items: tuple[ConnectionItem, ...]

    @property
    def is_a_mere_joining(self) -> bool:
        """Say whether the call stays as it is and only somebody came in or left."""
        moved = any(item.old is not None and item.old != item.new for item in self.items)
        return not moved and not self.secondary and self.resulting in ("", self.primary)


def read_merge(shape: MergeShape, fields: dict[str, XmlElement], places: DeviceResolver) -> Merge:
    """Read an event's merge."""
    primary, primary_device = connection_id(fields.get("primaryOldCall"))
    secondary, _ = connection_id(fields.get("secondaryOldCall"))
    items = _items(fields.get(shape.connections), places)
    actor = places.devices.of(fields.get(shape.actor)).number
    if not actor and primary_device:
        actor = places.locate(primary, primary_device, "", {}, "").device_id
    return Merge(
        primary=primary,
        secondary=secondary,
        resulting=items[0].new.call_id if items else "",
        actor=actor,
        added=places.devices.of(fields.get(shape.added)).number,
        items=items,
    )


def _items(listed: XmlElement | None, places: DeviceResolver) -> tuple[ConnectionItem, ...]:
    found = []
    for element in members(listed):
        item = _item(children(element), places) if local(element.tag) == "connectionListItem" else None
        if item is not None:
            found.append(item)
    return tuple(found[:MANY])


def _item(parts: dict[str, XmlElement], places: DeviceResolver) -> ConnectionItem | None:
    """Read one item; None where it names no new connection, as that of a device that left."""
    new = _located(parts.get("newConnection"), parts, places)
    if new is None:
        return None
    endpoint = places.devices.of(parts.get("endpoint")).number
    return ConnectionItem(
        new=new, old=_located(parts.get("oldConnection"), parts, places), endpoint=endpoint[:TEXT] or None
    )


def _located(element: XmlElement | None, parts: dict[str, XmlElement], places: DeviceResolver) -> Connection | None:
    call, raw = connection_id(element)
    endpoint = places.devices.of(parts.get("endpoint")).number
    if not call or not (raw or endpoint):
        return None
    if "associatedNID" in parts and raw:
        device = places.outside(call, raw).device_id
    else:
        device = places.locate(call, raw, endpoint, {}, "").device_id
    return Connection(call_id=call, device_id=device)
