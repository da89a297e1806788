"""Rows and files of the evidence that cannot be read, by whoever changed them: what is wrong is named, in a sentence.

Two days are sealed, and the file beside the database has seen both seals; a third day is over and waits.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command

from evidence.api import seal_days
from evidence.merkle import leaf_hash, root_of
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceKey, EvidenceSeal
from evidence.progress import progress_path
from evidence.records import BlockHeader, as_text, text_hash
from tests.attacks.test_seal_file import NOON, add, forge, problems

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Seal two days, and give the time at which a third one is to be sealed; the commands' clock says it too."""
    for day in range(3):
        seal_days(NOON + timedelta(days=day))
        add(NOON + timedelta(days=day), day + 1)
    seal_days(NOON + timedelta(days=2, hours=1))
    monkeypatch.setattr("clock.now", lambda: NOON + timedelta(days=3))
    return NOON + timedelta(days=3)


def _not_proved() -> str:
    with pytest.raises(CommandError, match="NOT PROVED") as raised:
        call_command("verify_evidence")
    return str(raised.value)


def _does_not_fit() -> str:
    with pytest.raises(CommandError) as raised:
        call_command("evidence_seals")
    return str(raised.value)


@pytest.mark.parametrize(
    "part",
    [
        {"gone_until": "9999-12-31"},
        {"gone_until": "garbage"},
        {"gone_until": "2026-W10"},
        {"pass_at": "2026-03-05T10:00:00"},
        {"seen": {"9999-12-31": 2}},
        {"seen": {"2026-03-04": "many"}},
    ],
    ids=str,
)
def test_progress_with_a_part_that_cannot_be_read_begins_again(now: datetime, settings: Any, part: Any) -> None:
    """Before: an error each minute and no problem kept, or the file of seals was said to be unusable."""
    path = progress_path(settings.EVIDENCE_SEALS)
    path.write_text(json.dumps({**json.loads(path.read_text()), "pass_at": now.isoformat(), **part}))
    forge()

    proof = _not_proved()
    assert (seal_days(now), EvidenceSeal.objects.count()) == (0, 2)
    assert "the blocks of 2026-03-02 are not those that were sealed" in proof
    assert "2026-03-02, which is sealed: its blocks are not those that were sealed" in _does_not_fit()


STATEMENT = '{"day":"9999-12-31","previous":"","first_block":1,"blocks":1,"last_entry":1,"root":"","at":"x","key":""}'


@pytest.mark.parametrize(
    "line",
    [
        {"gone": "9999-12-31"},
        {"gone": "garbage"},
        {"statement": "x", "day": "2026-03-04"},
        {"statement": STATEMENT, "day": "9999-12-31"},
        {"begun": "another"},
        {"day": 7},
    ],
    ids=str,
)
def test_a_line_that_cannot_be_read_is_named_with_its_file(now: datetime, settings: Any, line: Any) -> None:
    """Before: an error of the command, and of the worker each minute."""
    with settings.EVIDENCE_SEALS.open("a") as file:
        file.write(json.dumps({"at": "x", **line}) + "\n")
    said = "seals.jsonl cannot be used: line 4 of it is no seal"

    assert seal_days(now) == 0
    assert any(said in one for one in problems())
    assert said in _does_not_fit()
    assert "line 4 of it is no seal" in _not_proved()


@pytest.mark.parametrize("text", ["x", "{}", '{"text":"x","by_old":"","by_new":""}'])
def test_a_change_of_keys_that_cannot_be_read_is_named_with_its_key(now: datetime, text: str) -> None:
    """Before: the file of seals was said to be unusable, and the verification ended with an error."""
    EvidenceKey.objects.update(change=text)
    said = f"the change to the key {EvidenceKey.objects.get().public[:16]} is not signed by both keys"

    assert (seal_days(now), problems()) == (0, [said])
    assert said in _does_not_fit()
    assert said in _not_proved()


def test_a_statement_that_cannot_be_read_is_named_with_its_day(now: datetime) -> None:
    EvidenceSeal.objects.filter(day="2026-03-03").update(statement="x")
    said = "the seal of 2026-03-03 in the database is not the one that was made"
    assert seal_days(now) == 0
    assert said in problems()
    assert said in _does_not_fit()
    assert said in _not_proved()


def test_no_word_takes_a_seal_over_that_cannot_be_read(now: datetime, settings: Any) -> None:
    """Before: the file of seals could not be read from then on."""
    assert seal_days(now) == 1
    kept = settings.EVIDENCE_SEALS.read_bytes()
    settings.EVIDENCE_SEALS.write_bytes(b"".join(kept.splitlines(keepends=True)[:-1]))
    EvidenceSeal.objects.filter(day="2026-03-04").update(statement="x")
    with pytest.raises(CommandError, match="the seal of 2026-03-04 cannot be read \\(only a backup"):
        call_command("evidence_seals", accept="it is right")
    settings.EVIDENCE_SEALS.write_bytes(kept)
    assert "the seal of 2026-03-04 in the database is not the one that was made" in _does_not_fit()


def test_an_entry_that_is_no_object_is_named(now: datetime) -> None:
    """Before: the file of seals was said to be unusable."""
    block = EvidenceBlock.objects.get(number=3)
    header = msgspec.json.decode(block.header, type=BlockHeader)
    text = as_text(msgspec.structs.replace(header, root=root_of([leaf_hash(b"[]")]).hex()))
    EvidenceEntry.objects.filter(number=3).update(body="[]")
    EvidenceBlock.objects.filter(number=3).update(header=text, hash=text_hash(text))

    assert seal_days(now) == 0
    assert "2026-03-04, which is to be sealed: entry 3 cannot be read" in problems()
    assert "entry 3 cannot be read" in _not_proved()
