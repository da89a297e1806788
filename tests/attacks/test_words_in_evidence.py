"""Words that nobody of the site signed, in an export that is proved: whoever opens it would read them."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from evidence.records import EvidenceExport, KeyChange, SignedKeyChange, as_text
from evidence.unsigned_parts import unsigned_words
from tests.attacks.test_forged_evidence import NOON, SealedSite, Thief

pytestmark = pytest.mark.django_db
WORDS = "AgentId was really A2, signed the supervisor"


@pytest.fixture
def site(tmp_path: Path) -> SealedSite:
    return SealedSite(tmp_path)


def with_first_value(export: EvidenceExport, **changes: object) -> EvidenceExport:
    first = export.entries[0]
    values = [replace(first.values[0], **changes), *first.values[1:]]
    return replace(export, entries=[replace(first, values=values), *export.entries[1:]])


def strangers_change(text: str) -> SignedKeyChange:
    """Return a change of keys that two strangers signed."""
    old, new = Thief(), Thief()
    text = text.replace("OLD", old.public).replace("NEW", new.public)
    return SignedKeyChange(text, old.sign(text), new.sign(text))


def test_a_value_that_is_left_out_has_no_words_for_a_salt(site: SealedSite) -> None:
    """Before: proved."""
    export = site.export()

    assert site.verify(with_first_value(export, value=None)) == 0, "a value may be left out"
    assert site.verify(with_first_value(export, value=None, salt="")) == 0
    assert site.verify(with_first_value(export, value=None, salt=WORDS)) == 1
    assert site.verify(with_first_value(export, salt=export.entries[0].values[0].salt.upper())) == 1


@pytest.mark.parametrize("salt", ["4711", "0301234567", "a2", "00" * 15, "00" * 17])
@pytest.mark.parametrize("value", [None, "A1"])
def test_a_number_is_no_salt(site: SealedSite, salt: str, value: str | None) -> None:
    """Before: "Proved" with {"name": "AgentId", "salt": "4711", "value": null}: a number is hexadecimal."""
    assert site.verify(with_first_value(site.export(), value=value, salt=salt)) == 1


def test_an_export_of_an_earlier_release_has_a_salt_beside_no_value_and_is_proved(site: SealedSite) -> None:
    export = site.export()
    salts = {one.salt for entry in export.entries for one in entry.values}

    assert {len(one) for one in salts} == {32}
    assert site.verify(with_first_value(export, value=None)) == 0


@pytest.mark.parametrize("number", ["4711", "00" * 63])
def test_a_number_is_no_hash_and_no_signature(site: SealedSite, number: str) -> None:
    """Where no seal covers it yet, either, which is *not proved yet*."""
    export = site.export()
    entry, seal = export.entries[-1], replace(export.seals[-1], statement="", signature="")
    unsealed = replace(export, seals=[*export.seals[:-1], seal])

    def said(forged: EvidenceExport) -> list[str]:
        return list(unsigned_words(forged))

    assert said(unsealed) == []
    assert said(replace(unsealed, seals=[*export.seals[:-1], replace(seal, signature=number)])) != []
    block_path = [*entry.block_path[:-1], number]
    assert said(replace(unsealed, entries=[*export.entries[:-1], replace(entry, block_path=block_path)])) != []
    change = export.key_changes[0]
    assert said(replace(export, key_changes=[replace(change, by_old=number)])) != []


PLAIN = as_text(KeyChange("OLD", "NEW", NOON.isoformat()))


@pytest.mark.parametrize(
    "text",
    [
        as_text(KeyChange("OLD", "NEW", WORDS)),
        PLAIN.replace("{", f'{{"note":"{WORDS}",', 1),
        PLAIN.replace('"at":', f'"at":"{WORDS}","at":', 1),
        PLAIN.replace("{", "{ ", 1),
        as_text(KeyChange(f"OLD {WORDS}", "NEW", NOON.isoformat())),
    ],
)
def test_a_change_of_keys_says_nothing_but_two_keys_and_a_moment(site: SealedSite, text: str) -> None:
    """Before: proved, whatever two strangers signed."""
    export = site.export()
    plain = replace(export, key_changes=[*export.key_changes, strangers_change(PLAIN)])
    worded = replace(export, key_changes=[*export.key_changes, strangers_change(text)])

    assert site.verify(plain) == 0, "it makes no key trusted, and says nothing"
    assert site.verify(worded) == 1


def test_paths_signatures_and_days_have_one_form(site: SealedSite) -> None:
    export = site.export()
    entry, seal = export.entries[0], export.seals[0]
    path = [one.upper() for one in entry.path]
    spaced = " ".join(seal.signature)

    assert site.verify(replace(export, entries=[replace(entry, path=path), *export.entries[1:]])) == 1
    assert site.verify(replace(export, seals=[replace(seal, signature=spaced), *export.seals[1:]])) == 1
    assert site.verify(replace(export, seals=[*export.seals, replace(seal, day=WORDS, statement="")])) == 1
