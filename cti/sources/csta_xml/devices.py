"""Device identifiers in all the forms that switches write them, reduced to what is compared: the extension as text."""

import re
from functools import lru_cache
from urllib.parse import unquote

import msgspec

from cti.sources.character_sets import LOST
from cti.sources.csta_xml.parsing import XmlElement, local

#: ``N<DN!SA&CA/EXT%AGENT>NAME;parameters`` (ECMA-269 switching function representation).
_WRITTEN_OUT = re.compile(r"N<(?P<inside>[^>]*)>(?P<name>[^;]*)", re.DOTALL)
_INSIDE = re.compile(r"(?P<dn>[^!&/%]*)(?:![^&/%]*)?(?:&[^/%]*)?(?:/(?P<ext>[^%]*))?(?:%(?P<agent>.*))?", re.DOTALL)
_URI = re.compile(r"(?P<scheme>tel|sips?):(?P<rest>[^;?>]*)", re.IGNORECASE)
#: ``"Name" <sip:user@host>``
_ADDRESS = re.compile(r"(?P<name>[^<]*)<(?P<uri>(?:tel|sips?):[^>]*)>", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", "-.() ")
#: Avaya: ``extension:switch:address:instance``.
_AVAYA_COLONS = 3
#: Instead of an identifier.
_ABSENT = frozenset({"notKnown", "restricted", "notRequired", "notSpecified"})


class Device(msgspec.Struct, frozen=True):
    """A device as a message names it: what is compared, and the name and agent that its text carries."""

    number: str
    name: str = ""
    agent: str = ""


NOBODY = Device("")


#: Longer texts are read, but not remembered.
_CACHED_LENGTH = 256


def read_device(text: str) -> Device:
    """Read a device's text. Leading zeros and ``+`` stay: "0123" is not "123"."""
    return _remembered(text) if len(text) <= _CACHED_LENGTH else _read(text)


@lru_cache(maxsize=65536)
def _remembered(text: str) -> Device:
    return _read(text)


def _read(text: str) -> Device:
    text = text.strip()
    written = _WRITTEN_OUT.match(text)
    if written:
        return _written_out(written)
    address = _ADDRESS.match(text)
    name = _whole(address["name"].strip(' "')) if address else ""
    return Device(_bare(address["uri"] if address else text), name)


def identity_in(text: str) -> str:
    """Return a device's text without the name and the parameters, which do not change what device it is."""
    text = text.strip()
    if written := _WRITTEN_OUT.match(text):
        return written["inside"]
    address = _ADDRESS.match(text)
    return address["uri"] if address else text.partition(";")[0]


def _whole(name: str) -> str:
    """Return a name, or nothing where the server could not read a character of it."""
    return "" if LOST in name else name


def _written_out(written: re.Match[str]) -> Device:
    inside = _INSIDE.match(written["inside"])
    dn, ext, agent = (inside["dn"], inside["ext"] or "", inside["agent"] or "") if inside else ("", "", "")
    return Device(_bare(dn) or _bare(ext), _whole(written["name"].strip()), agent.strip())


def _bare(text: str) -> str:
    uri = _URI.match(text)
    if uri and uri["scheme"].lower() == "tel":
        return uri["rest"].translate(_SEPARATORS)
    if uri:
        return unquote(uri["rest"].partition("@")[0]).partition(":")[0]
    text = text.partition(";")[0].strip()
    return text.partition(":")[0] if text.count(":") >= _AVAYA_COLONS and text[0] != ":" else text


def device_text(element: XmlElement | None) -> str:
    """Return the identifier in a device parameter; empty where the switch says that there is none."""
    while element is not None and len(element):
        element = element[0]
        if local(element.tag) in _ABSENT:
            return ""
    if element is None or local(element.tag) in _ABSENT:
        return ""
    return (element.text or "").strip()


def device_of(element: XmlElement | None) -> Device:
    """Read the device in a device parameter; ``NOBODY`` where the switch says that there is none."""
    text = device_text(element)
    return read_device(text) if text else NOBODY


class DeviceReader:
    """Reads devices as the site names them. ``own``: the site's number of each number that the server writes for it."""

    def __init__(self, own: dict[str, str]) -> None:
        self._own = own

    def read(self, text: str) -> Device:
        """Read a device's text, as ``read_device`` does."""
        device = read_device(text)
        own = self._own.get(device.number)
        return device if own is None else Device(own, device.name, device.agent)

    def of(self, element: XmlElement | None) -> Device:
        """Read the device in a device parameter, as ``device_of`` does."""
        text = device_text(element)
        return self.read(text) if text else NOBODY
