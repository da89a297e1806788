"""Read a message whose XML is not well-formed because of a few characters, without guessing an identifier. Pure.

Each text between two tags is repaired by itself: bytes in another character set are decoded, characters that XML does
not allow are dropped, a raw ``&`` or ``<`` is read as itself. Every repaired place is marked. A mark in a name is then
removed; a mark in an identifier, or anywhere else that the meaning depends on, refuses the message. Of a tag only a
prefix that is declared nowhere is left out, for elements are known by their local names: where a tag is damaged, the
message stays unreadable.
"""

import re
from codecs import BOM_UTF8
from html.entities import html5
from typing import Final
from xml.sax.saxutils import escape

from cti.sources.character_sets import decoded
from cti.sources.csta_xml.devices import device_text, identity_in
from cti.sources.csta_xml.event_table import CALLS
from cti.sources.csta_xml.parsing import CstaMessageError, XmlElement, local, parse_utf8

#: A noncharacter that XML allows; no text has it.
MARKER: Final = "\ufdd0"
_NAME = rb"[A-Za-z_:][\w:.-]*"
_TOKEN = re.compile(
    rb"<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)"
    rb"|(?P<tag></?" + _NAME + rb"(?:\s+" + _NAME + rb"\s*=\s*(?:\"[^<\"]*\"|'[^<']*'))*\s*/?>)",
    re.DOTALL,
)
_DECLARED = re.compile(rb"\sxmlns:([\w.-]+)\s*=")
_PREFIXED = re.compile(r"\"[^\"]*\"|'[^']*'|(?P<prefix>[A-Za-z_][\w.-]*):(?=[A-Za-z_])")
_CONTROL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE = re.compile(r"&(?:#(?P<decimal>\d{1,7});|#x(?P<hex>[0-9A-Fa-f]{1,6});|(?P<named>\w{1,32};))?")
_PREDEFINED = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

#: Elements below which every text is for people.
_TEXTS = frozenset({"privateData", "correlatorData", "userData", "accountInfo"})
#: Elements whose text is a device, perhaps with a name after its number.
_DEVICES = frozenset({"deviceIdentifier", "deviceID", "deviceObject", "endpoint", "queue", "newDestination", "device"})
#: The two ends of a call: where the number of one is damaged, the event says nothing of that end.
_ENDS = (("callingDevice", "networkCallingDevice"), ("calledDevice", "networkCalledDevice"))


def repair(xml: bytes, encoding: str = "") -> tuple[XmlElement, list[str]]:
    """Return the root of a repaired message, and the elements that had to be left out.

    ``encoding``: that of texts that are not valid UTF-8; empty for Windows-1252. Raises ``CstaMessageError`` with the
    place, where an identifier or a tag is damaged.
    """
    if b"\0" in xml[:4]:  # UTF-16 or UTF-32: no text between tags can be found in it.
        raise CstaMessageError("the message is not in an encoding that extends ASCII")
    text = _decoded_xml(xml.removeprefix(BOM_UTF8).strip(b" \t\r\n\0"), encoding)
    root = parse_utf8(text.encode(errors="replace"))
    left_out = _leave_out_ends(root)
    for element in root.iter():
        _settle(element)
    return root, left_out


def _decoded_xml(xml: bytes, encoding: str) -> str:
    parts: list[str] = []
    start = 0
    declared = {"xml", "xmlns", *(one.decode("ascii", "replace") for one in _DECLARED.findall(xml))}
    for token in _TOKEN.finditer(xml):
        tag = _without_prefixes(_token(token, encoding), declared) if token["tag"] else _token(token, encoding)
        parts += [_text(xml[start : token.start()], encoding), tag]
        start = token.end()
    return "".join([*parts, _text(xml[start:], encoding)]).strip()


def _token(token: re.Match[bytes], encoding: str) -> str:
    if token["cdata"] is not None:
        return escape(_CONTROL.sub(MARKER, _decoded(token["cdata"], encoding)))
    return _referenced(_CONTROL.sub(MARKER, _decoded(token["tag"], encoding))) if token["tag"] else ""


def _without_prefixes(tag: str, declared: set[str]) -> str:
    return _PREFIXED.sub(lambda one: one[0] if (one["prefix"] or "xml") in declared else "", tag)


def _text(raw: bytes, encoding: str) -> str:
    text = _referenced(_CONTROL.sub(MARKER, _decoded(raw, encoding)))
    return text.replace("<", f"&lt;{MARKER}").replace("]]>", f"]]&gt;{MARKER}")


def _decoded(raw: bytes, encoding: str) -> str:
    """Decode; where the bytes are not valid UTF-8, mark every character that may be wrong."""
    text = decoded(raw, encoding)
    try:
        is_certain = text == raw.decode()
    except UnicodeDecodeError:
        is_certain = False
    return text if is_certain else _NOT_ASCII.sub(rf"\g<0>{MARKER}", text)


def _referenced(text: str) -> str:
    return _REFERENCE.sub(_reference, text) if "&" in text else text


def _reference(found: re.Match[str]) -> str:
    if found["decimal"] or found["hex"]:
        number = int(found["decimal"]) if found["decimal"] else int(found["hex"], 16)
        is_allowed = number < 0x110000 and not _CONTROL.match(chr(number))
        return found[0] if is_allowed else MARKER
    named = found["named"] or ""
    if named in _PREDEFINED:
        return found[0]
    return escape(html5[named]) + MARKER if named in html5 else f"&amp;{MARKER}{named}"


def _leave_out_ends(root: XmlElement) -> list[str]:
    """Empty the ends of the call of which a number is damaged; that of one element is not taken from another."""
    shape = CALLS.get(local(root.tag))
    fields = {local(child.tag): child for child in root}
    left_out: list[str] = []
    for names in _ENDS:
        ends = [fields[name] for name in names if name in fields]
        if any(map(_is_number_damaged, ends)) and not (shape and shape.subject in names):
            for end in ends:
                end.clear()
            left_out.append(names[0])
    return left_out


def _is_number_damaged(element: XmlElement) -> bool:
    return MARKER in identity_in(device_text(element))


def _settle(element: XmlElement) -> None:
    """Remove the marks of an element. Raises ``CstaMessageError`` where they are in what must be certain."""
    text, tail = element.text or "", element.tail or ""
    if MARKER in tail and tail.replace(MARKER, "").strip():
        raise _damaged(element)
    if MARKER in text and not _may_be_repaired(element, text):
        raise _damaged(element)
    if MARKER in text or MARKER in tail:
        element.text, element.tail = text.replace(MARKER, ""), tail.replace(MARKER, "")


def _may_be_repaired(element: XmlElement, text: str) -> bool:
    if len(element):
        return not text.replace(MARKER, "").strip()
    if any(local(one.tag) in _TEXTS for one in (element, *element.iterancestors())):
        return True
    name = local(element.tag)
    return (name in _DEVICES or name.endswith("Device")) and MARKER not in identity_in(text)


def _damaged(element: XmlElement) -> CstaMessageError:
    name = local(element.tag)
    return CstaMessageError(f"{name} is damaged, and is never guessed", place=name)
