"""The elements of a WSDL's operations as a tree, for the draft of a dialect."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from lxml import etree

#: Maximum depth to which a type is followed.
MAXIMUM_DEPTH = 5
_XSD = "{http://www.w3.org/2001/XMLSchema}"


class SchemaPart(msgspec.Struct, frozen=True):
    """An element with what is in it.

    :param path: its path from the operation's own element, which has none.
    :param type_name: the local name of its type.
    """

    name: str
    path: str = ""
    type_name: str = ""
    is_many: bool = False
    is_required: bool = False
    parts: tuple["SchemaPart", ...] = ()

    def walk(self) -> Iterator["SchemaPart"]:
        """Yield everything in it, the outer before the inner."""
        for part in self.parts:
            yield part
            yield from part.walk()

    def leaves(self) -> Iterator["SchemaPart"]:
        """Yield what holds a text."""
        return (part for part in self.walk() if not part.parts)

    def below(self, outer: "SchemaPart") -> str:
        """Return its path from an element around it; "." for that element itself."""
        return self.path.removeprefix(outer.path).lstrip("/") or "."


def tree_of(element: Any) -> SchemaPart:
    """Return the tree of an operation's element; an empty one where it has none."""
    if element is None:
        return SchemaPart("")
    return SchemaPart(str(element.name or ""), parts=tuple(_parts(element, "", 0)))


def enumerations(documents: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """Return the values of the types that list them, by the types' local names."""
    found: dict[str, tuple[str, ...]] = {}
    for content in documents.values():
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
        for kind in root.iter(f"{_XSD}simpleType"):
            values = tuple(str(one.get("value", "")) for one in kind.iter(f"{_XSD}enumeration"))
            if kind.get("name") and values:
                found[str(kind.get("name"))] = values
    return found


def _parts(element: Any, path: str, depth: int) -> Iterator[SchemaPart]:
    elements = getattr(element.type, "elements", ()) if depth < MAXIMUM_DEPTH else ()
    for _, inner in elements:
        name = getattr(inner, "name", None)
        if not name or not hasattr(inner, "type"):
            continue
        place = f"{path}/{name}" if path else str(name)
        yield SchemaPart(
            str(name),
            place,
            str(getattr(inner.type, "name", "") or ""),
            bool(inner.accepts_multiple),
            not inner.is_optional and not getattr(inner, "nillable", False),
            tuple(_parts(inner, place, depth + 1)),
        )
