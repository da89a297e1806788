"""The spellings of a recording's GUID: kept as given, compared by value."""

import pytest

from qms.guids import guid_key, spellings, usual_spelling

GUID = "3f2b8c1e-0000-4a11-9d21-00000000aa01"


@pytest.mark.parametrize(
    "given", [GUID, GUID.upper(), f"{{{GUID}}}", GUID.replace("-", ""), f"({GUID})", f"urn:uuid:{GUID}"]
)
def test_a_guid_is_the_same_in_every_spelling(given: str) -> None:
    assert guid_key(given) == guid_key(GUID)
    assert usual_spelling(given) == GUID
    assert {given, GUID, GUID.upper(), f"{{{GUID.upper()}}}", GUID.replace("-", "")} <= spellings(given)


@pytest.mark.parametrize(
    "given", ["4711", "REC-2026/1.wav", GUID[:-1], f"{GUID}x", "3F2b8c1e-00004a11-9d2100000000aa01", ""]
)
def test_another_identifier_has_one_spelling(given: str) -> None:
    assert guid_key(given) == usual_spelling(given) == given
    assert spellings(given) == {given}
