"""Somebody with the database alone forges sealed evidence: the file of seals shows it, and nothing is signed.

Two days are sealed, and the file beside the database has seen both seals; a third day is over and waits.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client

from evidence import seal_file
from evidence.api import (
    AuditCount,
    UnsealedEntry,
    UnsealedFlag,
    append,
    chain_problems,
    change_key,
    held_head,
    seal_days,
)
from evidence.guard import COUNTS_FOR, Look
from evidence.merkle import leaf_hash, root_of
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceHead, EvidenceKey, EvidenceSeal, EvidenceSealFile
from evidence.records import NOTHING_BEFORE, BlockHeader, SealStatement, as_text, text_hash
from evidence.seal_file import known_seals
from gateway_site.alarms.conditions import find

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def add(at: datetime, write: int) -> None:
    """Append a block of one entry."""
    head = held_head()
    of = {"leg": write, "write": write, "retry": 0}
    content: dict[str, object] = {**of, "request": "WriteFlags", "answer": "written"}
    flags = [UnsealedFlag("AgentId", "A1")]
    draft = UnsealedEntry(
        recording_guid="8dbb780f", leg_id=write, write_id=write, write_end=0, content=content, flags=flags
    )
    append(head, [draft], at)
    head.save()


@pytest.fixture
def now() -> datetime:
    """Seal two days, and give the time at which a third one is to be sealed."""
    for day in range(3):
        at = NOON + timedelta(days=day)
        seal_days(at)
        add(at, day + 1)
    return NOON + timedelta(days=3)


def forge() -> None:
    """Change the first entry and compute all hashes again, as nobody needs a key for."""
    first = EvidenceEntry.objects.get(number=1)
    EvidenceEntry.objects.filter(pk=1).update(body=first.body.replace("written", "refused"))
    previous = NOTHING_BEFORE
    for block in EvidenceBlock.objects.order_by("number"):
        bodies = block.entries.order_by("number").values_list("body", flat=True)
        root = root_of([leaf_hash(body.encode()) for body in bodies]).hex()
        header = msgspec.json.decode(block.header, type=BlockHeader)
        block.header = as_text(msgspec.structs.replace(header, previous=previous, root=root))
        block.hash = previous = text_hash(block.header)
        block.save()
    EvidenceHead.objects.update(last_hash=previous)


def problems() -> list[str]:
    """Return what does not fit, without the marks of what is there now."""
    return [without_mark(text) for row in EvidenceSealFile.objects.all() for text in row.problems]


def without_mark(text: str) -> str:
    return re.sub(r" \(now [0-9a-f]{32}\)", "", text)


def lines(path: Path) -> list[seal_file.SealLine]:
    return list(seal_file.read_lines(path))


def test_each_seal_is_in_the_file_once_and_a_day_that_fits_is_sealed(now: datetime, settings: Any) -> None:
    assert (seal_days(now), seal_days(now)) == (1, 0)
    assert [line.day for line in lines(settings.EVIDENCE_SEALS)] == ["", "2026-03-02", "2026-03-03", "2026-03-04"]
    assert problems() == []


def test_who_deletes_the_seals_of_a_forged_chain_gets_no_signature(
    now: datetime, admin_client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before: the worker signed the forged days again with the site's key, and the export was "Proved"."""
    forge()
    EvidenceSeal.objects.all().delete()

    assert (seal_days(now), EvidenceSeal.objects.count()) == (0, 0)
    said = "the database has no seal of 2 days, 2026-03-02 to 2026-03-03, which was made and is in this machine's file"
    assert problems() == [said]
    [alarm, *_] = find(now, {"evidence": 0})
    assert "he database has no seal of 2 days" in alarm.text
    page = admin_client.get("/admin/evidence/evidenceseal/").content.decode()
    assert "does not fit the seals that were made" in page
    with pytest.raises(CommandError, match="he database has no seal of 2 days"):
        call_command("verify_evidence")
    with pytest.raises(CommandError, match="NOT FIT"):
        call_command("evidence_seals", put_back=True)
    assert "Put back: none." in capsys.readouterr().out, "the blocks of both days were forged as well"
    assert not EvidenceSeal.objects.exists()


def test_an_entry_of_a_sealed_day_that_was_changed_stops_the_signature_though_the_seals_are_there(
    now: datetime,
) -> None:
    forge()
    assert seal_days(now) == 0
    assert "2026-03-02, which is sealed: its blocks are not those that were sealed" in problems()


def test_an_entry_of_the_day_that_is_to_be_sealed_was_changed_and_the_day_is_not_signed(now: datetime) -> None:
    last = EvidenceEntry.objects.get(number=3)
    EvidenceEntry.objects.filter(pk=last.pk).update(body=last.body.replace("written", "refused"))

    assert (seal_days(now), EvidenceSeal.objects.count()) == (0, 2)
    assert problems() == ["2026-03-04, which is to be sealed: an entry of block 3 was changed"]


def test_what_another_machine_found_stops_the_signature_until_it_compares_no_more(now: datetime) -> None:
    """The file of this one may have been begun after the forgery, and fits it."""
    found = {"path": "seals.jsonl", "begun_at": now, "compared_at": now, "problems": ["a seal is not the one made"]}
    EvidenceSealFile.objects.create(file="another", host="another", **found)

    assert seal_days(now + COUNTS_FOR - timedelta(seconds=1)) == 0
    assert seal_days(now + COUNTS_FOR) == 1


def test_a_seal_that_only_vanished_comes_back_and_the_next_day_is_sealed(now: datetime, settings: Any) -> None:
    kept = EvidenceSeal.objects.get(day="2026-03-03")
    EvidenceSeal.objects.filter(day="2026-03-03").delete()
    assert seal_days(now) == 0
    call_command("evidence_seals", put_back=True)

    again = EvidenceSeal.objects.get(day="2026-03-03")
    assert (again.statement, again.signature, again.entries) == (kept.statement, kept.signature, kept.entries)
    assert seal_days(now) == 1
    assert len(lines(settings.EVIDENCE_SEALS)) == 4


def test_after_a_restore_the_seals_beyond_it_are_reported_until_somebody_says_why(
    now: datetime, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    EvidenceSeal.objects.filter(day="2026-03-03").delete()
    EvidenceEntry.objects.filter(block__day__gt="2026-03-02").delete()
    EvidenceBlock.objects.filter(day__gt="2026-03-02").delete()
    first = EvidenceBlock.objects.get()
    EvidenceHead.objects.update(last_block=1, last_entry=1, last_hash=first.hash, last_day=first.day)
    add(now - timedelta(days=1), 9)
    assert seal_days(now) == 0
    with pytest.raises(CommandError, match="Say why"):
        call_command("evidence_seals", accept=" ")

    call_command("evidence_seals", accept="the backup of 2 March was restored")
    assert "Accepted: the database has no seal of 2026-03-03" in capsys.readouterr().out
    assert seal_days(now) == 1
    assert [line.reason for line in lines(settings.EVIDENCE_SEALS) if line.accepted] == [
        "the backup of 2 March was restored"
    ]
    assert "the backup of 2 March was restored" in LogEntry.objects.get().change_message
    assert (seal_days(now), problems()) == (0, [])


def test_a_key_that_nothing_links_with_the_seals_signs_nothing(now: datetime) -> None:
    """Who has the database alone deletes the key: the gateway would make another one without a word."""
    EvidenceKey.objects.update(retired_at=now)
    assert seal_days(now) == 0
    assert problems() == ["the database has no key that signs, though there are seals"]
    EvidenceKey.objects.update(retired_at=None)
    change_key(now)
    assert seal_days(now) == 1, "a change that both keys signed needs nobody's word"
    assert problems() == []


def test_a_key_that_was_followed_by_another_signs_no_more_though_the_database_says_it_does(now: datetime) -> None:
    """Before: whoever had stolen it cleared ``retired_at``, and its seals were "Proved", also by the newer key."""
    old = EvidenceKey.objects.get()
    new = change_key(now)
    assert seal_days(now) == 1
    add(now, 4)
    EvidenceKey.objects.filter(pk=new.pk).update(retired_at=now)
    EvidenceKey.objects.filter(pk=old.pk).update(retired_at=None)

    assert (seal_days(now + timedelta(days=1)), EvidenceSeal.objects.count()) == (0, 3)
    assert problems() == [
        f"the key {old.public[:16]} was followed by {new.public[:16]}, which has sealed: it counts no more"
    ]


def test_a_seal_by_a_key_that_was_followed_by_another_is_not_proved_by_the_newer_one(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a release before this one, or where whoever has the key signs by himself."""
    new = change_key(now - timedelta(days=1))
    assert seal_days(now) == 1
    add(now, 4)
    assert list(chain_problems(AuditCount(), new.public)) == []
    old = EvidenceKey.objects.exclude(pk=new.pk).get()
    EvidenceKey.objects.filter(pk=new.pk).update(retired_at=now)
    EvidenceKey.objects.filter(pk=old.pk).update(retired_at=None)
    monkeypatch.setattr("evidence.seals.look", lambda file, _: Look(known_seals(file.lines()), []))
    assert seal_days(now + timedelta(days=1)) == 1

    said = f"the seal of 2026-03-05 is by a key that was followed by {new.public[:16]}, which had sealed before"
    assert list(chain_problems(AuditCount(), new.public)) == [said]


COLUMNS = {"blocks": 99, "entries": 99, "at": NOON, "key_id": None}


@pytest.mark.parametrize("column", COLUMNS)
def test_what_stands_beside_a_seal_is_what_was_sealed(now: datetime, column: str) -> None:
    other = change_key(now).pk
    EvidenceSeal.objects.filter(day="2026-03-03").update(**{column: COLUMNS[column] or other})
    assert seal_days(now) == 0
    assert problems() == ["what the database says beside the seal of 2026-03-03 is not what was sealed"]


@pytest.mark.parametrize(
    ("column", "name"),
    [("leg_id", "leg"), ("write_id", "write"), ("write_end", "retry"), ("recording_guid", "recording")],
)
def test_by_what_an_entry_is_found_is_as_its_text_says(now: datetime, column: str, name: str) -> None:
    """Before: an entry of another leg kept its salts when the caller was erased, and everything was "Proved"."""
    EvidenceEntry.objects.filter(number=3).update(**{column: 4711})
    assert seal_days(now) == 0
    assert problems() == [f"2026-03-04, which is to be sealed: entry 3 is filed under another {name}"]


def test_another_machine_takes_the_seals_over_and_a_forged_one_not(
    now: datetime, settings: Any, tmp_path: Path
) -> None:
    seal_days(now)
    settings.EVIDENCE_SEALS = tmp_path / "another" / "seals.jsonl"
    seal_days(now)
    assert [line.day for line in lines(settings.EVIDENCE_SEALS)][1:] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert EvidenceSealFile.objects.count() == 2

    later = now + timedelta(days=1)
    EvidenceSeal.objects.filter(day="2026-03-04").update(signature="00" * 64)
    assert seal_days(later) == 0
    assert problems() == ["the seal of 2026-03-04 in the database is not the one that was made"]


def test_a_file_that_is_lost_is_reported_on_its_machine(now: datetime, settings: Any) -> None:
    settings.EVIDENCE_SEALS.unlink()
    assert seal_days(now) == 0
    [problem] = problems()
    assert "of this machine is gone: it held" in problem
    call_command("evidence_seals", accept="the disk was replaced")
    assert seal_days(now) == 1


def test_a_file_that_cannot_be_used_stops_the_signature_and_says_why(now: datetime, settings: Any) -> None:
    with settings.EVIDENCE_SEALS.open("ab") as file:
        file.write(b'{"at":"2026')  # Cut by a crash: its seal is read from the database.
    assert seal_days(now) == 1
    settings.EVIDENCE_SEALS.write_text("nonsense\n")
    assert seal_days(now) == 0
    assert any("cannot be used: line 1 of it is no seal" in one for one in problems())


def test_a_file_that_another_program_holds_is_not_waited_for_without_an_end(
    now: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before: a program that stood still while it held the file held every worker up."""
    monkeypatch.setattr(seal_file, "HELD_SECONDS", 0.0)
    with seal_file.held_file(settings.EVIDENCE_SEALS, now):
        assert (seal_days(now), problems()) == (0, [])
        with pytest.raises(CommandError, match="another program has held it for 0 s: try again"):
            call_command("evidence_seals")
    assert seal_days(now) == 1


def test_a_file_is_read_again_only_once_it_has_changed(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    seal_days(now)
    seal_days(now)
    read: list[int] = []
    monkeypatch.setattr(seal_file, "_line", lambda text, number: read.append(number))
    assert (seal_days(now), read) == (0, [])


def _forget(settings: Any, text: str) -> None:
    """Take the line with a text out of the file, as of a machine that has not seen its seal."""
    kept = [
        line for line in settings.EVIDENCE_SEALS.read_bytes().splitlines(keepends=True) if text.encode() not in line
    ]
    settings.EVIDENCE_SEALS.write_bytes(b"".join(kept))


def _resealed(day: str, signer: Ed25519PrivateKey | None = None, **changes: str) -> None:
    """Put another seal in the place of a day's, signed by a key or by nobody."""
    seal = EvidenceSeal.objects.get(day=day)
    seal.statement = as_text(
        msgspec.structs.replace(msgspec.json.decode(seal.statement, type=SealStatement), **changes)
    )
    seal.signature = signer.sign(seal.statement.encode()).hex() if signer else "00" * 64
    seal.save()


def _by_another_key() -> None:
    thief = Ed25519PrivateKey.generate()
    _resealed("2026-03-04", thief, key=thief.public_key().public_bytes_raw().hex())


def _by_the_key_of_the_site() -> None:
    secret = EvidenceKey.objects.get().private.reveal()
    _resealed("2026-03-04", Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)), previous="00" * 32)


FORGED: dict[str, Callable[[], object]] = {
    "the signature of the seal of 2026-03-04 is wrong": lambda: _resealed("2026-03-04"),
    "nothing links the key ": _by_another_key,
    "the seal of 2026-03-04 does not follow the one before": _by_the_key_of_the_site,
    "the seal of 2026-03-04 cannot be read": lambda: EvidenceSeal.objects.filter(day="2026-03-04").update(statement=""),
}


@pytest.mark.parametrize("said", FORGED)
def test_a_seal_that_this_machine_has_not_seen_is_taken_over_only_if_the_site_made_it(
    now: datetime, settings: Any, said: str
) -> None:
    seal_days(now)
    _forget(settings, '"day":"2026-03-04"')
    FORGED[said]()

    assert seal_days(now) == 0
    [problem] = problems()
    assert problem.startswith(said)
    assert [line.day for line in lines(settings.EVIDENCE_SEALS)] == ["", "2026-03-02", "2026-03-03"]


def test_a_seal_of_a_day_before_those_that_were_seen_is_not_taken_over(now: datetime, settings: Any) -> None:
    _forget(settings, '"day":"2026-03-02"')
    assert seal_days(now) == 0
    assert problems() == ["a seal of 2026-03-02 appeared after that of 2026-03-03 was made"]
