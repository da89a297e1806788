"""The GUID of a recording in its spellings: kept and sent back as the service writes it, compared by its value. Pure.

A service may name the same recording ``{3F2B8C1E-...}`` in one answer and ``3f2b8c1e-...`` in another. Identifiers of
another form (numbers, file names) have one spelling only.
"""

import re
from uuid import UUID

_GUID = re.compile(
    r"(?:urn:uuid:)?[{(]?([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})[)}]?"
)
EMPTY_GUID = "0" * 32


def guid_key(guid: str) -> str:
    """Return what all spellings of a GUID have in common: 32 hexadecimal digits; another identifier as it is."""
    match = _GUID.fullmatch(guid.strip().lower())
    return "".join(match.group(1, 3, 4, 5, 6)) if match else guid


def spellings(guid: str) -> frozenset[str]:
    """Return the forms in which services write a GUID, the given one included; of another identifier that one alone."""
    key = guid_key(guid)
    if len(key) != len(EMPTY_GUID) or not _GUID.fullmatch(key):
        return frozenset([guid])
    forms = (key, str(UUID(key)), f"{{{UUID(key)}}}")
    return frozenset([guid, *forms, *(form.upper() for form in forms)])


def usual_spelling(guid: str) -> str:
    """Return a GUID in small letters with dashes, as most services write it; another identifier as it is."""
    key = guid_key(guid)
    return str(UUID(key)) if len(key) == len(EMPTY_GUID) and _GUID.fullmatch(key) else guid
