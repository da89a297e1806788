"""Somebody forges evidence: changes, removes, reorders, cuts off, signs with a key of his own or with a stolen one.

Three days are sealed by three keys, the second of which is stolen at noon of its last day. Whoever verifies has an
export, a public key and the list of retired keys, and nothing else; or the whole chain in the database.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command

from evidence.api import (
    AuditCount,
    UnsealedEntry,
    UnsealedFlag,
    append,
    chain_problems,
    chain_words,
    change_key,
    export_of,
    forget_salts,
    held_head,
    missing_seals,
    seal_days,
)
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceHead, EvidenceKey, EvidenceSeal
from evidence.records import EvidenceExport, KeyChange, SealStatement, SignedKeyChange, as_text
from evidence.verification import main, summary, verdict

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GUID = "8dbb780f"
VALUE = "A1"


def values(_: int) -> dict[str, str]:
    """Return what is still kept of each write."""
    return {"AgentId": VALUE}


class SealedSite:
    """Entries of one recording on each of three days; keys 1, 2 and 3 sealed one day each. All have the key 3."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "evidence.json"
        self.private: list[str] = []
        for day in range(3):
            self._day(NOON + timedelta(days=day), first_write=10 * day + 1)
        self.keys = list(EvidenceKey.objects.order_by("made_at").values_list("public", flat=True))
        self.days = [f"2026-03-0{day}" for day in (2, 3, 4)]

    def _day(self, at: datetime, first_write: int) -> None:
        for write in (first_write, first_write + 1):
            head = held_head()
            drafts = [
                UnsealedEntry(
                    recording_guid=guid,
                    leg_id=write,
                    write_id=write * 10 + place,
                    write_end=0,
                    content={"request": "WriteFlags", "answer": "written"},
                    flags=[UnsealedFlag("AgentId", VALUE)],
                )
                for place, guid in enumerate((GUID, "another", "a third"))
            ]
            append(head, drafts, at)
            head.save()
        if EvidenceKey.objects.exists():
            change_key(at + timedelta(seconds=1))  # The key before was made at ``at``.
        seal_days(at + timedelta(days=1))

    def export(self) -> EvidenceExport:
        """Return the export of the recording."""
        return export_of(GUID, values)

    def verify(self, forged: EvidenceExport | bytes, *words: str, key: str = "") -> int:
        """Verify as whoever has the file, a public key and the retired keys does."""
        self.path.write_bytes(forged if isinstance(forged, bytes) else msgspec.json.encode(forged))
        return main([str(self.path), key or self.keys[-1], *words])


@pytest.fixture
def site(tmp_path: Path) -> SealedSite:
    return SealedSite(tmp_path)


class Thief:
    """Somebody with a private key: his own, or one that he stole."""

    def __init__(self, private: Ed25519PrivateKey | None = None) -> None:
        self.private = private or Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes_raw().hex()

    def sign(self, text: str) -> str:
        """Sign a text."""
        return self.private.sign(text.encode()).hex()

    def change_to(self, other: "Thief") -> SignedKeyChange:
        """Sign a change from this key to another."""
        text = as_text(KeyChange(self.public, other.public, NOON.isoformat()))
        return SignedKeyChange(text, self.sign(text), other.sign(text))

    def resealed(self, export: EvidenceExport, at: int, **changes: str) -> EvidenceExport:
        """Return the export with a day sealed again by this key."""
        statement = msgspec.json.decode(export.seals[at].statement, type=SealStatement)
        text = as_text(msgspec.structs.replace(statement, key=self.public, **changes))
        seals = list(export.seals)
        seals[at] = msgspec.structs.replace(seals[at], statement=text, signature=self.sign(text))
        return msgspec.structs.replace(export, seals=seals)


def thief_of(public: str) -> Thief:
    """Return who stole a key of the site."""
    secret = EvidenceKey.objects.get(public=public).private
    return Thief(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret.reveal())))


def test_a_field_that_nobody_signed_is_not_proved(site: SealedSite, capsys: pytest.CaptureFixture[str]) -> None:
    """Before: a note, or a second value before the true one, stood in a file that was "Proved"."""
    plain = msgspec.json.encode(site.export()).decode()
    value = '{"name":"AgentId",'
    one = plain[plain.index(value) : plain.index("}", plain.index(value)) + 1]
    forged = {
        "a note": plain.replace("{", '{"note":"written by Bob",', 1),
        "a comment in an entry": plain.replace('{"body"', '{"comment":"by Bob","body"', 1),
        "the recording twice": plain.replace('"recording":', f'"recording":"other","recording":"{GUID}","a":', 1),
        "only double": plain.replace('"recording":', '"recording":"other","recording":', 1),
        "a value twice": plain.replace(one, f"{one},{one}", 1),
        "a field of a value": plain.replace(value, '{"was":"A2","name":"AgentId",', 1),
        "a change of keys": plain.replace(
            '"key_changes":[', '"key_changes":[{"text":"{}","by_old":"","by_new":""},', 1
        ),
    }
    assert [name for name, text in forged.items() if site.verify(text.encode()) != 1] == []
    assert "Proved" not in capsys.readouterr().out


def test_an_export_says_which_seal_covers_how_many_entries_and_what_none_covers(
    site: SealedSite, capsys: pytest.CaptureFixture[str]
) -> None:
    export = site.export()
    seals = [*export.seals[:2], msgspec.structs.replace(export.seals[2], statement="", signature="")]
    cut = msgspec.structs.replace(export, seals=seals)
    site.verify(export)
    assert "2 entries: by the seal of 2026-03-03, made 2026-03-04T12:00:00 with the key" in capsys.readouterr().out

    soon = verdict(cut, site.keys[-1], datetime(2026, 3, 4, 23, tzinfo=UTC))
    assert (soon.status, summary(cut)[0]) == (
        3,
        f"NOT PROVED YET: recording {GUID}, 6 entries, 2 of them not sealed yet.",
    )
    assert site.verify(cut) == 1, "the day is long over: its seal was lost"
    assert "2026-03-04 is over and has no seal" in capsys.readouterr().out


def test_what_no_seal_covers_is_never_called_proved(
    site: SealedSite, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    """Before: a chain that was forged, with its seals deleted, was "Proved: ... 0 daily seals", with status 0."""
    settings.EVIDENCE_SEALS.unlink()  # A fresh folder, which has seen no seal.
    now = datetime(2026, 3, 5, 0, 30, tzinfo=UTC)
    EvidenceSeal.objects.filter(day="2026-03-04").delete()
    count = AuditCount()
    assert list(chain_problems(count, now=now)) == []
    sealed, unsealed = chain_words(count, by_given_key=True)
    assert sealed == "Proved: 4 blocks, 12 entries, by 2 daily seals (2026-03-02 to 2026-03-03)."
    assert unsealed.startswith("Not yet sealed: 2 blocks, 6 entries, of 2026-03-04. They are only chained: whoever has")
    later = list(chain_problems(AuditCount(), now=now + timedelta(hours=2)))
    assert later == ["2026-03-04 is over and has no seal: it was lost, or none was made"]
    EvidenceSeal.objects.all().delete()
    with pytest.raises(CommandError, match="NOT PROVED:\n  2026-03-02 is over and has no seal"):
        call_command("verify_evidence")
    EvidenceBlock.objects.update(day=datetime.now(UTC).date() + timedelta(days=1))
    with pytest.raises(SystemExit) as left:
        call_command("verify_evidence")
    assert left.value.code == 3
    assert "NOT PROVED YET: no day is sealed.\nNot yet sealed: 6 blocks, 18 entries" in capsys.readouterr().out


def test_an_export_of_three_days_and_keys_is_proved_by_each_of_the_keys(site: SealedSite) -> None:
    assert len(site.keys) == 3
    assert [site.verify(site.export(), key=key) for key in site.keys] == [0, 0, 0]


def test_no_byte_of_an_export_can_be_changed(site: SealedSite) -> None:
    """One byte of each 43, wherever it stands."""
    export = site.export()
    whole, wrong = msgspec.json.encode(export), []
    for at in range(whole.index(b"{", 1), len(whole), 43):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        if site.verify(changed) == 0 and _meaning(changed) != _meaning(whole):
            wrong.append(changed[max(at - 30, 0) : at + 30])
    assert wrong == []


def _meaning(text: bytes) -> object:
    """Return what is proved: entries, values and seals; not changes of keys that nobody needs."""
    export = msgspec.json.decode(text, type=EvidenceExport)
    return export.recording, export.entries, export.seals


def test_entries_that_change_places_are_not_proved(site: SealedSite) -> None:
    export = site.export()
    first, *rest = export.entries
    swapped = msgspec.structs.replace(first, body=rest[0].body), msgspec.structs.replace(rest[0], body=first.body)
    moved = msgspec.structs.replace(first, header=rest[0].header, block_index=rest[0].block_index)
    other_day = msgspec.structs.replace(first, day=rest[-1].day)
    for entries in ([*swapped, *rest[1:]], [moved, *rest], [other_day, *rest]):
        assert site.verify(msgspec.structs.replace(export, entries=entries)) == 1


def test_an_entry_that_is_repeated_is_not_taken_for_a_second_write(site: SealedSite) -> None:
    export = site.export()
    repeated = msgspec.structs.replace(export, entries=[*export.entries, export.entries[0]])
    assert site.verify(repeated) == 1


def test_the_verdict_names_the_recording_that_is_proved(site: SealedSite, capsys: pytest.CaptureFixture[str]) -> None:
    """An export of another recording is as well signed: whoever reads the verdict must see of which it is."""
    assert site.verify(site.export()) == 0
    assert capsys.readouterr().out.startswith(f"Proved: recording {GUID}, 6 entries.")


def test_what_is_left_of_an_export_proves_itself_and_says_so(
    site: SealedSite, capsys: pytest.CaptureFixture[str]
) -> None:
    """That it holds all entries, the numbers of the whole chain say; its own never do."""
    export = site.export()
    assert site.verify(msgspec.structs.replace(export, entries=export.entries[:1])) == 0
    assert "may have been left out of it" in capsys.readouterr().out
    assert site.verify(msgspec.structs.replace(export, entries=[])) == 1


def test_a_history_that_is_signed_by_another_key_is_not_believed(site: SealedSite) -> None:
    thief, export = Thief(), site.export()
    for at in range(3):
        export = thief.resealed(export, at)
    assert site.verify(export) == 1
    own_changes = [thief.change_to(Thief()), *export.key_changes]
    assert site.verify(msgspec.structs.replace(export, key_changes=own_changes)) == 1


def test_a_change_of_keys_that_one_side_alone_signed_links_nothing(site: SealedSite) -> None:
    thief, export = Thief(), site.export()
    text = as_text(KeyChange(site.keys[-1], thief.public, NOON.isoformat()))
    half = SignedKeyChange(text, thief.sign(text), thief.sign(text))
    forged = msgspec.structs.replace(thief.resealed(export, 2), key_changes=[*export.key_changes, half])
    assert site.verify(forged) == 1


def test_a_stolen_key_seals_nothing_after_its_last_day_nor_does_a_key_that_it_vouches_for(site: SealedSite) -> None:
    stolen, accomplice = thief_of(site.keys[1]), Thief()
    export = site.export()
    retired = ["--retired", f"{site.keys[1]}={site.days[1]}"]
    by_stolen = stolen.resealed(export, 2)
    by_accomplice = msgspec.structs.replace(
        accomplice.resealed(export, 2), key_changes=[*export.key_changes, stolen.change_to(accomplice)]
    )

    assert [site.verify(one) for one in (by_stolen, by_accomplice)] == [0, 0], "nobody knows yet that it was stolen"
    assert [site.verify(one, *retired) for one in (by_stolen, by_accomplice)] == [1, 1]
    assert site.verify(export, *retired) == 0


def test_the_retired_keys_may_stand_in_a_file(site: SealedSite, tmp_path: Path) -> None:
    names = tmp_path / "retired.txt"
    names.write_text(f"{site.keys[0]}={site.days[0]}\n\n{site.keys[1]}={site.days[0]}\n")
    assert site.verify(site.export(), "--retired", str(names)) == 1
    names.write_text(f"{site.keys[0]}={site.days[0]}\n{site.keys[1]}={site.days[1]}\n")
    assert site.verify(site.export(), "--retired", str(names)) == 0


@pytest.mark.parametrize("word", ["nothing", "a1b2=yesterday", "=2026-03-02x"])
def test_a_retirement_that_cannot_be_read_proves_nothing(
    site: SealedSite, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.verify(site.export(), "--retired", word) == 1
    assert "write the public key, = and the last day" in capsys.readouterr().out


def test_an_erased_caller_stays_proved_without_a_way_to_the_value(site: SealedSite) -> None:
    forget_salts(list(EvidenceEntry.objects.values_list("leg_id", flat=True)))
    export = export_of(GUID, lambda _: {})
    assert [list(one.values) for one in export.entries] == [[]] * 6
    assert site.verify(export) == 0
    assert list(chain_problems(AuditCount())) == []


def _truncate_and_repair() -> None:
    """Cut the last day off, and let the head say that it never was."""
    EvidenceSeal.objects.filter(day="2026-03-04").delete()
    last = EvidenceBlock.objects.filter(day="2026-03-03").order_by("-number")[0]
    EvidenceEntry.objects.filter(block__number__gt=last.number).delete()
    EvidenceBlock.objects.filter(number__gt=last.number).delete()
    entries = EvidenceEntry.objects.count()
    EvidenceHead.objects.update(last_block=last.number, last_hash=last.hash, last_entry=entries)


def _swap_entries() -> None:
    first, second = EvidenceEntry.objects.order_by("number")[:2]
    EvidenceEntry.objects.filter(pk=first.pk).update(body=second.body)
    EvidenceEntry.objects.filter(pk=second.pk).update(body=first.body)


CUTS: dict[str, Callable[[], object]] = {
    "a record in the middle removed": lambda: EvidenceEntry.objects.filter(number=8).delete(),
    "records in another order": _swap_entries,
    "a day in the middle removed": lambda: EvidenceBlock.objects.filter(day="2026-03-03").delete(),
    "a seal in the middle removed": lambda: EvidenceSeal.objects.filter(day="2026-03-03").delete(),
    "the last block removed": lambda: EvidenceBlock.objects.filter(number=6).delete(),
    "the last seal's blocks removed": lambda: EvidenceBlock.objects.filter(day="2026-03-04").delete(),
}


@pytest.mark.parametrize("cut", CUTS)
def test_the_whole_chain_shows_every_cut(site: SealedSite, cut: str) -> None:
    assert list(chain_problems(AuditCount())) == []
    CUTS[cut]()
    assert list(chain_problems(AuditCount())) != []


def test_an_end_that_was_cut_off_with_the_head_is_shown_by_a_seal_that_was_kept(
    site: SealedSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("\n".join(EvidenceSeal.objects.values_list("statement", flat=True)))
    call_command("verify_evidence", kept=kept)
    _truncate_and_repair()

    assert list(chain_problems(AuditCount())) == [], "who has the database can do this: see docs/evidence.md"
    assert len(list(missing_seals(kept.read_text().splitlines()))) == 1
    with pytest.raises(CommandError, match="a seal that was kept is not in the chain"):
        call_command("verify_evidence", kept=kept)
