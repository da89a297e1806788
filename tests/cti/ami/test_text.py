"""Names in any character set become text without a lost character."""

import pytest

from cti.sources.character_sets import decoded


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Müller".encode(), "Müller"),
        ("Müller Straße".encode("latin-1"), "Müller Straße"),
        ("Ren\u00e9".encode("latin-1"), "René"),
        ("10 €".encode("cp1252"), "10 €"),
        (b"a\x81b", "a\x81b"),
        ("Müllerè".encode()[:-1], "Müller"),
        ("Müller".encode() + b"\r\n" + "Müller".encode("latin-1"), "Müller\r\nMüller"),
    ],
)
def test_each_line_is_read_as_utf8_and_as_windows_1252_where_it_is_not(raw: bytes, text: str) -> None:
    assert decoded(raw) == text


def test_a_source_may_name_its_character_set() -> None:
    assert decoded("Жанна".encode("koi8-r"), "koi8-r") == "Жанна"
