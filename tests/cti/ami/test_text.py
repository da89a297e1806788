"""Names in any character set become text without a lost character."""

import pytest

from cti.events import Established
from cti.sources.asterisk_ami.channel_names import persons_name
from cti.sources.asterisk_ami.options import AmiOptionsError, read_options
from cti.sources.character_sets import decoded
from tests.cti.ami.pbx import Pbx, block
from tests.cti.ami.traces import play, source


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Müller".encode(), "Müller"),
        ("Müller Straße".encode("latin-1"), "Müller Straße"),
        ("Ren\u00e9".encode("latin-1"), "René"),
        ("10 €".encode("cp1252"), "10 €"),
        (b"a\x81b", "a\x81b"),
        ("Müllerè".encode()[:-1], "Müller"),
        ("Müller Straße".encode().replace("ß".encode(), b"\xdf"), "Müller Straße"),
        (b"Ren\xe9 " + "Müllerè".encode()[:-1], "René Müller"),
        (b"Ren\xe9 Mu\xcc", "René MuÌ"),
        ("Müller".encode() + b"\r\n" + "Müller".encode("latin-1"), "Müller\r\nMüller"),
    ],
)
def test_each_line_is_read_as_utf8_and_as_windows_1252_where_it_is_not(raw: bytes, text: str) -> None:
    assert decoded(raw) == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-7", "cp037", "rot13", "undefined", "punycode", "klingon"])
def test_a_character_set_that_does_not_extend_ascii_is_refused(encoding: str) -> None:
    with pytest.raises(AmiOptionsError, match=f"encoding: {encoding} is not known, or does not extend ASCII"):
        read_options(source(encoding=encoding))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Alice Archer", "Alice Archer"),
        (" Cid ", "Cid"),
        ("Alice 2001", "Alice 2001"),
        ("Agent 7", "Agent 7"),
        ("device", ""),
        ("2001", ""),
        ("CID:2001", ""),
        ("PJSIP/2001", ""),
        ("Ext. 2001", ""),
        ("+49 30 123", ""),
    ],
)
def test_what_a_phone_is_called_is_nobodys_name(written: str, name: str) -> None:
    assert persons_name(written, "2001") == name


def test_a_source_may_name_its_character_set() -> None:
    assert decoded("Жанна".encode("koi8-r"), "koi8-r") == "Жанна"


@pytest.mark.parametrize(("preset", "name"), [("vicidial", "Carla Customer"), ("plain", "Y1128215801000000042")])
def test_a_code_in_the_place_of_a_callers_name_is_no_name(preset: str, name: str) -> None:
    pbx = Pbx()
    customer = pbx.customer(name="Carla Customer")
    customer.caller_name = "Y1128215801000000042"
    pbx.says("NewCallerid", block(customer))
    agent = pbx.phone("2001", like=customer)
    pbx.call(customer, agent, "b1")
    pbx.hangs_up(agent, customer)
    events = play(pbx.data, config=source(preset=preset)).events

    assert [one.data.caller_name for one in events if isinstance(one, Established)] == [name]
