"""Describe types once, as names and types of their elements, and write the schema from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .xml import tag


@dataclass(frozen=True)
class Part:
    """An element of a type."""

    name: str
    type: str
    is_many: bool = False
    is_nillable: bool = False
    is_needed: bool = False


def sequence(parts: Sequence[Part], prefix: str) -> str:
    """Write the sequence of a type."""
    return tag(f"{prefix}:sequence", *(_element(one, prefix) for one in parts))


def _element(part: Part, prefix: str) -> str:
    words = {"minOccurs": "1" if part.is_needed else "0"}
    words |= {"maxOccurs": "unbounded"} if part.is_many else {}
    words |= {"name": part.name}
    words |= {"nillable": "true"} if part.is_nillable else {}
    return tag(f"{prefix}:element", **words, type=part.type)


def named_type(name: str, parts: Sequence[Part], prefix: str) -> str:
    """Write a complex type that has a name."""
    return tag(f"{prefix}:complexType", sequence(parts, prefix), name=name)


def wrapper(name: str, parts: Sequence[Part], prefix: str) -> str:
    """Write an element with a type of its own, as WCF wraps an operation's arguments."""
    return tag(f"{prefix}:element", tag(f"{prefix}:complexType", sequence(parts, prefix)), name=name)
