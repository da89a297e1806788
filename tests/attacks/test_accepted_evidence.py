"""Somebody with the database alone changes again what a person accepted: a word counts for what it was said of.

Two days are sealed, and the file beside the database has seen both seals; a third day is over and waits.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from evidence.api import seal_days
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceHead, EvidenceKey, EvidenceSeal
from tests.attacks.test_seal_file import NOON, add, lines, problems

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
FAR = date(2099, 11, 29)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Seal two days, and give the time at which a third one is to be sealed; the commands' clock says it too."""
    for day in range(3):
        seal_days(NOON + timedelta(days=day))
        add(NOON + timedelta(days=day), day + 1)
    monkeypatch.setattr("clock.now", lambda: NOON + timedelta(days=3))
    return NOON + timedelta(days=3)


def _entry_of(number: int) -> Callable[[str], object]:
    def change(word: str) -> object:
        rows = EvidenceEntry.objects.filter(pk=number)
        return rows.update(body=rows.get().body[:-1] + f',"forged":"{word}"}}')

    return change


def _column(word: str) -> object:
    return EvidenceEntry.objects.filter(pk=1).update(leg_id=4711 + len(word))


def _header(word: str) -> object:
    block = EvidenceBlock.objects.filter(pk=1)
    return block.update(header=block.get().header + " " * len(word))


def _seal(word: str) -> object:
    return EvidenceSeal.objects.filter(day="2026-03-03").update(signature=word.encode().hex())


def _seals_columns(word: str) -> object:
    return EvidenceSeal.objects.filter(day="2026-03-03").update(entries=len(word) * 100)


AGAIN: dict[str, Callable[[str], object]] = {
    "2026-03-02, which is sealed: an entry of block 1 was changed": _entry_of(1),
    "2026-03-04, which is to be sealed: an entry of block 3 was changed": _entry_of(3),
    "2026-03-02, which is sealed: entry 1 is filed under another leg": _column,
    "2026-03-02, which is sealed: the header of block 1 was changed": _header,
    "the seal of 2026-03-03 in the database is not the one that was made": _seal,
    "what the database says beside the seal of 2026-03-03 is not what was sealed": _seals_columns,
}


@pytest.mark.parametrize("said", AGAIN)
def test_what_is_changed_once_more_after_it_was_accepted_is_a_problem_again(now: datetime, said: str) -> None:
    """Before: one accepted sentence let every later forgery of the same block be signed over."""
    AGAIN[said]("once")
    assert seal_days(now) == 0
    assert said in problems()
    with suppress(CommandError):  # Of another seal it is said next that nobody signed it.
        call_command("evidence_seals", accept="it is known why")
    call_command("evidence_seals", accept="it is known why")
    assert (seal_days(now), problems()) == (1, [])

    AGAIN[said]("once more")
    add(now, 4)
    assert seal_days(now + timedelta(days=1)) == 0
    assert any(one.endswith(said.removeprefix("2026-03-04, which is to be sealed: ")) for one in problems())


def test_an_entry_that_is_changed_beside_an_accepted_one_is_a_problem(now: datetime) -> None:
    """Its whole block is named: nothing of what follows in it is hidden."""
    EvidenceEntry.objects.filter(number=1).update(leg_id=4711)
    EvidenceBlock.objects.filter(number=1).update(hash="00" * 32)
    seal_days(now)
    call_command("evidence_seals", accept="it is known why")
    EvidenceEntry.objects.filter(number=1).update(body="{}")
    assert seal_days(now + timedelta(hours=7)) == 0
    assert "2026-03-02, which is sealed: an entry of block 1 was changed" in problems()


def test_blocks_that_no_longer_fit_their_seal_hide_no_change_of_their_entries(now: datetime) -> None:
    EvidenceBlock.objects.filter(number=1).update(header=EvidenceBlock.objects.get(number=1).header + " ")
    seal_days(now)
    call_command("evidence_seals", accept="it is known why")
    assert (seal_days(now), problems()) == (1, [])

    _entry_of(1)("word")
    assert seal_days(now + timedelta(hours=7)) == 0
    assert problems() == ["2026-03-02, which is sealed: an entry of block 1 was changed"]


def test_a_seal_that_was_made_again_after_a_restore_does_not_vanish_unnoticed(now: datetime) -> None:
    """Before: the sentence of the restore counted for each later time, and the day was signed with what was forged."""
    EvidenceSeal.objects.filter(day="2026-03-03").delete()
    said = ["the database has no seal of 2026-03-03, which was made and is in this machine's file"]
    assert (seal_days(now), problems()) == (0, said)
    call_command("evidence_seals", accept="the backup of 2 March was restored")
    later = now + timedelta(minutes=1)
    assert (seal_days(later), problems()) == (2, [])

    EvidenceSeal.objects.filter(day="2026-03-03").delete()
    assert seal_days(later) == 0
    assert problems()[0] == said[0]


def test_a_key_that_is_deleted_once_more_is_a_problem_again(now: datetime) -> None:
    EvidenceKey.objects.update(retired_at=now)
    call_command("evidence_seals", accept="the key was lost")
    assert (seal_days(now), EvidenceKey.objects.count()) == (1, 2)
    EvidenceKey.objects.update(retired_at=now)
    add(now, 4)

    assert (seal_days(now + timedelta(days=1)), EvidenceKey.objects.count()) == (0, 2)
    assert problems() == ["the database has no key that signs, though there are seals"]


def test_blocks_that_were_filed_again_are_a_problem_when_they_are_moved_once_more(now: datetime, settings: Any) -> None:
    """Before: they stayed without a seal for good, and with them all that came after, and everything fitted."""
    for word in ("the clock was ahead", "it was ahead again"):
        EvidenceBlock.objects.filter(number=3).update(day=FAR)
        EvidenceHead.objects.update(last_day=FAR)
        said = "block 3 is filed under 2099-11-29, which has not come: no seal covers it until then"
        assert seal_days(now) == 0
        assert problems()[0] == said
        call_command("evidence_seals", accept=word)
    assert (seal_days(now), problems()) == (1, [])
    assert [(one.accepted, one.undone[0]) for one in lines(settings.EVIDENCE_SEALS) if one.by] == [([], said)] * 2


def test_where_days_were_sealed_that_have_not_come_one_word_suffices_until_they_come(
    now: datetime,
) -> None:
    """A clock ran ahead by ten days and was put right: what is written is sealed after these."""
    add(now + timedelta(days=10), 4)
    assert seal_days(now + timedelta(days=11)) == 2
    add(now, 5)
    said = "block 5 is filed under 2026-03-16, which has not come: no seal covers it until then"
    assert (seal_days(now), problems()) == (0, [said])
    call_command("evidence_seals", accept="the clock was ahead")

    for days in range(1, 12):
        add(now + timedelta(days=days), 5 + days)
        assert (seal_days(now + timedelta(days=days)), problems()) == (0, [])
    assert (seal_days(now + timedelta(days=12)), problems()) == (1, [])
