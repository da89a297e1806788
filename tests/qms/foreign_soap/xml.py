"""Write XML as text, with the prefixes that are wanted, and read the requests."""

from collections.abc import Iterable
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def tag(name: str, /, *content: str, **attributes: str) -> str:
    """Write an element around what is XML already; ``__`` in an attribute's name is a colon."""
    words = "".join(f" {key.replace('__', ':')}={quoteattr(value)}" for key, value in attributes.items())
    inner = "".join(content)
    return f"<{name}{words}>{inner}</{name}>" if inner else f"<{name}{words}/>"


def leaf(name: str, value: object, /, **attributes: str) -> str:
    """Write an element around a text."""
    return tag(name, escape(str(value)), **attributes)


def many_attributes(name: str, number: int) -> str:
    """Write an element with that many attributes."""
    words = "".join(f' a{place}=""' for place in range(number))
    return f"<{name}{words}/>"


def with_strangers(body: str, stranger: str) -> str:
    """Write an element that nobody knows at the end of every element that has children."""
    root = ET.fromstring(body)
    _add_strangers(root, stranger)
    return ET.tostring(root, encoding="unicode")


def _add_strangers(node: ET.Element, stranger: str) -> None:
    children = list(node)
    for child in children:
        _add_strangers(child, stranger)
    if children:
        space = children[0].tag.rpartition("}")[0]
        ET.SubElement(node, f"{space}}}{stranger}" if space else stranger).text = "new"


def local(node: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return node.tag.rpartition("}")[2]


def child(node: ET.Element | None, name: str) -> ET.Element | None:
    """Return the first child of that local name."""
    return next((one for one in node if local(one) == name), None) if node is not None else None


def children(node: ET.Element | None, name: str | None = None) -> Iterable[ET.Element]:
    """Return the children, or those of that local name."""
    return [one for one in node if name is None or local(one) == name] if node is not None else []


def text(node: ET.Element | None, name: str) -> str:
    """Return the text of the first child of that local name, empty without one."""
    found = child(node, name)
    return (found.text or "").strip() if found is not None else ""
