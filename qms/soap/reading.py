"""An answer, read by the names of our contract: unknown elements are ignored, wherever they are.

Elements are found by their local names along the paths of the dialect; the schema's types are not needed, because our
contract knows what each field must be. ``xsi:nil`` and empty items of a list count as absent. What cannot be read says
where it is and what is wrong with it.
"""

import time
from datetime import datetime
from typing import Any

import msgspec

from qms.soap.dialect import SHAPES, Dialect

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_TRUE, _FALSE = ("true", "1", "yes", "y"), ("false", "0", "no", "n")
# Maximum length of a quoted word, in characters.
_QUOTED_LENGTH = 20
#: .NET writes a time that was never set as the first of the year 1, and "no end" as the last of the year 9999.
_UNSET_YEARS = (1, 9999)
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


class Unreadable(ValueError):
    """A value is missing or is not what our contract says; the text says where, and quotes no call data."""


class AnswerTooLate(ValueError):
    """The time-out of the call passed while its answer was being read."""


class FieldRule(msgspec.Struct, frozen=True):
    """How a field of ours is found in an answer: its path, what is assumed without it, and what its words mean."""

    path: str
    is_plain: bool
    assumed: str | bool | int | None
    known: dict[str, str | bool]


#: The rules of dialects that are in use, by the dialects' identities; a dialect is kept with them, so that no other one
#: gets its identity.
_rules: dict[int, tuple[Dialect, dict[str, dict[str, FieldRule]]]] = {}
# Maximum number of dialects whose rules are kept.
_MAXIMUM_DIALECTS = 64


def _rules_of(dialect: Dialect) -> dict[str, dict[str, FieldRule]]:
    """Return a dialect's rules by type and field, made once: they are looked up for every field of every answer."""
    kept = _rules.get(id(dialect))
    if kept is None:
        if len(_rules) >= _MAXIMUM_DIALECTS:
            _rules.clear()
        kept = _rules[id(dialect)] = (dialect, {scope: _rules_of_type(dialect, scope) for scope in SHAPES})
    return kept[1]


def _rules_of_type(dialect: Dialect, scope: str) -> dict[str, FieldRule]:
    rules = {}
    for field in SHAPES[scope]:
        key, path = f"{scope}.{field}", dialect.element(scope, field)
        is_plain = bool(path) and path != "." and path[0] != "@" and "/" not in path
        rules[field] = FieldRule(path, is_plain, dialect.assume.get(key), dialect.values.get(key, {}))
    return rules


class AnswerNode:
    """An element of an answer that stands for a type of our contract. Fields are looked up by our names.

    :param scope: the type, as in ``SHAPES``.
    :param place: where it is, for errors: the operation, then the fields that lead here.
    :param deadline: of the monotonic clock; reading ends then.
    """

    __slots__ = ("_children", "_rules", "deadline", "dialect", "element", "place", "scope")

    def __init__(
        self, element: Any, scope: str, dialect: Dialect, place: tuple[str, ...], deadline: float = float("inf")
    ) -> None:
        self.element, self.scope, self.dialect, self.place = element, scope, dialect, place
        self.deadline = deadline
        self._rules = _rules_of(dialect)[scope]
        self._children: dict[str, list[Any]] | None = None

    def nodes(self, field: str) -> list["AnswerNode"]:
        """Return the elements of a field that is a type itself, without nil and empty ones."""
        inner = SHAPES[self.scope][field]
        found = [one for one in self._found(field) if not _is_empty(one)]
        if time.monotonic() > self.deadline:
            raise AnswerTooLate
        if len(found) == 1:
            return [AnswerNode(found[0], inner, self.dialect, (*self.place, field), self.deadline)]
        return [
            AnswerNode(one, inner, self.dialect, (*self.place, f"{field} {number}"), self.deadline)
            for number, one in enumerate(found, 1)
        ]

    def named(self, name: str) -> "AnswerNode":
        """Return this node under another name for errors."""
        return AnswerNode(self.element, self.scope, self.dialect, (*self.place[:-1], name), self.deadline)

    def node(self, field: str) -> "AnswerNode | None":
        """Return the one element of a field that is a type itself; None where there is none."""
        found = self.nodes(field)
        if len(found) > 1:
            raise self.unreadable(field, f"occurs {len(found)} times")
        return found[0] if found else None

    def has_name_for(self, field: str) -> bool:
        """Say whether the service has such a field at all, as far as the dialect says."""
        return bool(self._rules[field].path)

    def assumed(self, field: str) -> str | bool | int | None:
        """Return what is taken where the service says nothing."""
        return self._rules[field].assumed

    def texts(self, field: str) -> list[str]:
        """Return the texts of a field that may occur several times."""
        rule = self._rules[field]
        found = self._found(field)
        if found:
            return [self._text_of(one, field) for one in found]
        if rule.is_plain:
            value = self.element.get(rule.path)
            return [] if value is None else [str(value)]
        return _attributes(self.element, rule.path)

    def is_nil(self, field: str) -> bool:
        """Say whether the answer has the field as an explicit nil."""
        outer, _, name = self._path(field).rpartition("/")
        places = _elements(self.element, outer or ".") if name else []
        return any(_local(child) == name and _is_nil(child) for one in places for child in one)

    def is_present(self, field: str) -> bool:
        """Say whether the answer has the field; an empty one counts."""
        return bool(self.texts(field))

    def value(self, field: str) -> str | bool | int | None:
        """Return a field as the dialect translates it; None where the answer has none and nothing is assumed."""
        found = self.texts(field)
        if len(found) > 1:
            raise self.unreadable(field, f"occurs {len(found)} times")
        rule = self._rules[field]
        if not found:
            return rule.assumed
        return rule.known.get(found[0].strip(), found[0]) if rule.known else found[0]

    def exact(self, field: str) -> str:
        """Return a field's text with its blanks; "" where there is none."""
        value = self.value(field)
        return "" if value is None else str(value)

    def text(self, field: str) -> str:
        """Return a field's text without blanks around it; "" where there is none."""
        return self.exact(field).strip()

    def required(self, field: str) -> str:
        """Return a field's text; raises ``Unreadable`` where it is missing or empty."""
        text = self.text(field)
        if not text:
            raise self.unreadable(field, "is missing")
        return text

    def number(self, field: str) -> int | None:
        """Return a field as a number; None where there is none."""
        text = self.text(field)
        if not text:
            return None
        if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > _QUOTED_LENGTH:
            raise self.unreadable(field, "is no number")
        return int(text)

    def yes_or_no(self, field: str) -> bool:
        """Return a field as yes or no, in the usual words; raises ``Unreadable`` for any other."""
        value = self.value(field)
        if isinstance(value, bool):
            return value
        word = str("" if value is None else value).strip()
        if not word:
            raise self.unreadable(field, "is missing")
        if word.lower() not in (*_TRUE, *_FALSE):
            raise self.unreadable(field, f"{_quoted(word)} is neither yes nor no")
        return word.lower() in _TRUE

    def moment(self, field: str) -> datetime | None:
        """Return a field as a time with its offset; None where there is none, or .NET's time that was never set."""
        text = self.text(field)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text) if "T" in text else None
        except ValueError:
            found = None
        if found is None:
            raise self.unreadable(field, "is no date with a time")
        if found.year in _UNSET_YEARS:
            return None
        if found.tzinfo is None and not self.dialect.time_zone:
            raise self.unreadable(field, "has no offset; name the zone of such times in the dialect (time_zone)")
        return self.dialect.moment(found)

    def unreadable(self, field: str, problem: str) -> Unreadable:
        """Return the error of a field, with the name that the service has for it."""
        operation, *inner = self.place
        theirs = self._path(field)
        name = field if theirs in ("", field) else f"{field} ({theirs})"
        return Unreadable(f"{operation}: {', '.join([*inner, name])}: {problem}")

    def unmapped(self, field: str, word: str) -> Unreadable:
        """Return the error of a word that our contract does not have."""
        return self.unreadable(field, f"{_quoted(word)} is not mapped by [values]")

    def _text_of(self, element: Any, field: str) -> str:
        """Return the text of an element; one that holds elements instead is read under a wrong name."""
        text: str = element.text or ""
        if len(element) and not text.strip():
            inner = _local(element[0])
            raise self.unreadable(field, f"holds elements instead of a text; the dialect may name one as '.../{inner}'")
        return text

    def _path(self, field: str) -> str:
        return self._rules[field].path

    def _found(self, field: str) -> list[Any]:
        rule = self._rules[field]
        return self._by_name().get(rule.path, []) if rule.is_plain else _elements(self.element, rule.path)

    def _by_name(self) -> dict[str, list[Any]]:
        """Return the elements in this one that are not nil, by their local names."""
        children = self._children
        if children is None:
            children = self._children = {}
            for child in self.element:
                tag = child.tag
                if not _is_nil(child):
                    children.setdefault(tag[tag.find("}") + 1 :], []).append(child)
        return children


def _elements(element: Any, path: str) -> list[Any]:
    """Return the elements at the end of a path: "." is the element itself, "a/b" every b within every a."""
    found = [element] if path else []
    for name in path.split("/") if path else ():
        if name != ".":
            found = [child for one in found for child in one if _local(child) == name and not _is_nil(child)]
    return found


def _attributes(element: Any, path: str) -> list[str]:
    """Return the texts of the attributes at the end of a path."""
    if not path:
        return []
    outer, _, last = path.rpartition("/")
    values = (one.get(last.removeprefix("@")) for one in _elements(element, outer or "."))
    return [str(value) for value in values if value is not None]


def _local(element: Any) -> str:
    tag: str = element.tag
    return tag[tag.find("}") + 1 :]


def _is_nil(element: Any) -> bool:
    return element.text is None and element.get(NIL) in ("true", "1")


def _is_empty(element: Any) -> bool:
    has_fields = any(not name.startswith(_SCHEMA_INSTANCE) for name in element.attrib)
    return len(element) == 0 and not (element.text or "").strip() and not has_fields


def _quoted(word: str) -> str:
    """Quote a word that is short enough to be one of a list, and not call data."""
    return repr(word) if len(word) <= _QUOTED_LENGTH else "a longer text"
