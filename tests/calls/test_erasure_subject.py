"""A caller is found in raw messages as a whole: in any notation of a number, and in no longer one."""

import pytest

from calls.privacy.subject import ErasureSubject, SubjectKind, number_spellings, pattern_of

pytestmark = pytest.mark.core


def is_found(kind: SubjectKind, value: str, raw: str) -> bool:
    return pattern_of(ErasureSubject(kind, value)).search(raw.encode()) is not None


@pytest.mark.parametrize("asked", ["+4915112345678", "004915112345678", "4915112345678", "+49 (151) 123-456-78"])
@pytest.mark.parametrize(
    "raw",
    [
        '{"callingNumber":"+4915112345678"}',
        '{"callingNumber":"004915112345678"}',
        "<deviceIdentifier>tel:+49-151-12345678</deviceIdentifier>",
        "CallerIDNum: 4915112345678\r\n",
        '"CallerIDNum: x\\n+49 151 12345678"',
        "number=%2B4915112345678&x=1",
    ],
)
def test_a_number_is_found_in_any_notation(asked: str, raw: str) -> None:
    assert is_found(SubjectKind.NUMBER, asked, raw)


@pytest.mark.parametrize(
    "raw",
    [
        '{"n":"+4920015556677"}',
        '{"n":"+49 2001 555"}',
        '{"id":"1-2001"}',
        '{"time":"2001-11-29T20:01:00Z"}',
        "10.0.0.1:2001",
        '{"callId":"4C2001"}',
        '{"n":"12001"}',
        '{"n":"20012"}',
    ],
)
def test_a_short_number_is_not_found_within_a_longer_one_or_a_time(raw: str) -> None:
    assert not is_found(SubjectKind.NUMBER, "2001", raw)
    assert is_found(SubjectKind.NUMBER, "2001", raw + ',"2001"')


def test_a_name_and_an_interaction_are_found_as_a_whole() -> None:
    assert is_found(SubjectKind.NAME, "Ann Müller", r'{"name":"Ann M\u00fcller"}')
    assert is_found(SubjectKind.NAME, "Ann", "CallerIDName: Ann\r\n")
    assert not is_found(SubjectKind.NAME, "Ann", "CallerIDName: Anna\r\n")
    assert not is_found(SubjectKind.INTERACTION, "i1", '{"interactionId":"i12"}')


def test_columns_are_searched_for_each_international_prefix() -> None:
    assert number_spellings("+49 151") == ["+49 151", "49151", "+49151", "0049151"]
    assert number_spellings("anonymous") == ["anonymous"]
