"""Somebody with the database alone changes what the comparison reads there, or lets sealed entries vanish.

Two days are sealed, and the file beside the database has seen both seals; a third day is over and waits.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command

from evidence.api import forget_entries, seal_days
from evidence.comparison import Misfit
from evidence.due import misfits_of
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceHead, EvidenceKey, EvidenceSeal, EvidenceSealFile
from evidence.progress import progress_path
from evidence.records import BlockHeader, as_text, text_hash
from gateway_site.alarms.conditions import find
from tests.attacks.test_seal_file import NOON, add, forge, problems

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
FAR = date(2099, 11, 29)
GONE = "2026-03-02, which is sealed: entries of 2026-03-02 are gone, from block 1 on, though RETENTION_DAYS still keeps"


@pytest.fixture
def now() -> datetime:
    """Seal two days, and give the time at which a third one is to be sealed."""
    for day in range(3):
        at = NOON + timedelta(days=day)
        seal_days(at)
        add(at, day + 1)
    seal_days(NOON + timedelta(days=2, hours=1))
    return NOON + timedelta(days=3)


@pytest.fixture
def clock_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give what sets the clock of the commands."""
    return lambda at: monkeypatch.setattr("clock.now", lambda: at)


@pytest.mark.parametrize("row", [{"pass_at": "2999-01-01T00:00Z"}, {"pass_at": "2026-03-05T11:59Z"}])
def test_no_row_of_the_database_says_that_the_sealed_days_were_compared(now: datetime, row: dict[str, str]) -> None:
    """Before: a row said when they were compared last, and a date in the future was never over."""
    forge()
    EvidenceSealFile.objects.update(next_day=None, faults={}, problems=[], **row)

    assert (seal_days(now), EvidenceSeal.objects.count()) == (0, 2)
    assert "2026-03-02, which is sealed: its blocks are not those that were sealed" in problems()


def test_what_was_found_stands_outside_the_database_and_stays_though_the_row_is_emptied(now: datetime) -> None:
    forge()
    assert seal_days(now) == 0
    EvidenceSealFile.objects.update(pass_at=now, next_day=None, faults={}, problems=[])

    assert seal_days(now + timedelta(minutes=1)) == 0
    assert "2026-03-02, which is sealed: its blocks are not those that were sealed" in problems()


def test_rows_that_nobody_can_read_stop_no_comparison(now: datetime) -> None:
    """Before: a list in the place of the faults ended each run with an error, and no problem was kept."""
    EvidenceSealFile.objects.update(faults=[1], problems=7)
    assert (seal_days(now), problems()) == (1, [])


@pytest.mark.parametrize("content", [b"", b"nonsense", b'{"file":"of another","pass_at":"2026-03-05T11:59:00Z"}'])
def test_progress_that_is_lost_or_of_another_file_begins_again(now: datetime, settings: Any, content: bytes) -> None:
    forge()
    progress_path(settings.EVIDENCE_SEALS).write_bytes(content)
    assert seal_days(now) == 0


def test_a_clock_that_ran_ahead_does_not_put_the_next_comparison_off(now: datetime) -> None:
    seal_days(now + timedelta(days=30))
    forge()
    assert seal_days(now) == 0
    assert any("its blocks are not those that were sealed" in one for one in problems())


# Entries that vanish


@pytest.mark.parametrize("entries", [[1], [1, 2]])
def test_entries_of_a_day_that_is_still_kept_are_not_taken_for_forgotten(
    now: datetime, clock_at: Any, entries: list[int]
) -> None:
    """Before: "The database fits", "Proved", and the next day was sealed."""
    EvidenceEntry.objects.filter(number__in=entries).delete()

    assert (seal_days(now + timedelta(hours=1)), EvidenceSeal.objects.count()) == (0, 2)
    assert problems()[0].startswith(GONE)
    [alarm, *_] = find(now + timedelta(hours=1), {"evidence": 0})
    assert "entries of 2026-03-02 are gone" in alarm.text
    clock_at(now + timedelta(hours=1))
    with pytest.raises(CommandError, match="NOT PROVED:\n  entries of 2026-03-02 are gone, from block 1 on"):
        call_command("verify_evidence")
    with pytest.raises(CommandError, match="entries of 2026-03-02 are gone"):
        call_command("evidence_seals")


def test_a_part_of_a_day_that_is_gone_is_not_retentions(now: datetime) -> None:
    add(now, 4)
    add(now, 5)
    assert seal_days(now) == 1
    assert seal_days(now + timedelta(days=1)) == 1
    EvidenceEntry.objects.filter(number__lte=4).delete()

    assert seal_days(now + timedelta(days=1, hours=7)) == 0
    assert any("entries of 2026-03-05 are gone, from block 4 on" in one for one in problems())


def test_what_retention_deletes_is_no_problem_also_when_more_is_kept_from_then_on(
    now: datetime, settings: Any, clock_at: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was gone when fewer days were kept was gone rightly: this machine saw it then."""
    settings.RETENTION_DAYS = 2
    assert forget_entries(now - timedelta(days=2)) == 1
    later = now + timedelta(hours=7)
    assert (seal_days(later), problems()) == (1, [])
    settings.RETENTION_DAYS = 400
    add(later, 4)
    assert (seal_days(later + timedelta(days=1)), problems()) == (1, [])

    clock_at(later + timedelta(days=1))
    call_command("verify_evidence")
    assert "The entries of the first block, up to 2026-03-02, are gone" in capsys.readouterr().out
    EvidenceEntry.objects.filter(number=2).delete()
    assert seal_days(later + timedelta(days=2)) == 0
    assert any("entries of 2026-03-03 are gone" in one for one in problems())


def test_somebody_accepts_that_entries_are_gone_and_verification_proves_the_rest(
    now: datetime, clock_at: Any, settings: Any
) -> None:
    """As where a machine without the file's folder kept more days than before."""
    EvidenceEntry.objects.filter(number=1).delete()
    clock_at(now)
    call_command("evidence_seals", accept="RETENTION_DAYS was 1 until today")

    assert (seal_days(now), problems()) == (1, [])
    call_command("verify_evidence")
    progress_path(settings.EVIDENCE_SEALS).unlink()
    assert (seal_days(now), problems()) == (0, [])


def test_an_entry_of_the_day_that_is_to_be_sealed_never_goes(now: datetime) -> None:
    EvidenceEntry.objects.all().delete()
    EvidenceSealFile.objects.all().delete()
    assert seal_days(now) == 0


# Blocks that no seal would ever cover


def test_a_block_of_a_day_that_has_not_come_is_a_problem_until_somebody_files_it_again(
    now: datetime, clock_at: Any
) -> None:
    """Before: one row kept all entries from then on without a seal for good, and everything said that it fits."""
    EvidenceBlock.objects.filter(number=3).update(day=FAR)
    EvidenceHead.objects.update(last_day=FAR)
    add(now, 4)
    said = [
        "block 3 is filed under 2099-11-29, which has not come: no seal covers it until then",
        "block 3, which was there on 2026-03-04, is filed under 2099-11-29",
    ]

    assert (seal_days(now), problems()[:2]) == (0, said)
    clock_at(now)
    with pytest.raises(CommandError, match="NOT PROVED:\n  block 3 is filed under 2099-11-29"):
        call_command("verify_evidence")
    call_command("evidence_seals", accept="the clock of this machine was wrong")
    assert list(EvidenceBlock.objects.order_by("number").values_list("day", flat=True)[2:]) == [
        date(2026, 3, 4),
        date(2026, 3, 5),
    ]
    add(now, 5)
    assert [seal_days(now), seal_days(now + timedelta(days=1)), problems()] == [1, 1, []]


@pytest.mark.parametrize(
    ("block", "day", "said"),
    [
        (3, date(2026, 3, 1), "block 3, which no seal covers, is filed under 2026-03-01: no seal will cover it"),
        (3, date(2026, 3, 5), "block 4 is filed under 2026-03-04, after blocks of another day"),
    ],
)
def test_a_block_that_the_next_seal_would_leave_out_is_a_problem(
    now: datetime, block: int, day: date, said: str
) -> None:
    """Before: the days after it were sealed, and it never was."""
    add(now - timedelta(hours=1), 4)
    EvidenceBlock.objects.filter(number=4).update(day=date(2026, 3, 4))
    EvidenceBlock.objects.filter(number=block).update(day=day)

    assert (seal_days(now), problems()) == (0, [said])


def _file_under(day: date, after: int) -> None:
    EvidenceBlock.objects.filter(number__gt=after).update(day=day)
    EvidenceHead.objects.update(last_day=day)


def test_who_files_the_blocks_under_a_later_day_each_day_is_noticed_at_once(now: datetime) -> None:
    _file_under(now.date() + timedelta(days=1), after=2)
    assert (seal_days(now), problems()) == (0, ["block 3, which was there on 2026-03-04, is filed under 2026-03-06"])


def test_who_leaves_one_block_a_day_to_be_sealed_gains_no_time_for_the_others(now: datetime) -> None:
    """Before: each seal made the comparison forget which block had waited, and an entry could be changed for good."""
    for write in range(4, 8):
        add(now, write)
    assert seal_days(now) == 1
    _file_under(now.date() + timedelta(days=1), after=4)
    assert (seal_days(now + timedelta(days=1)), problems()) == (1, []), "filed under the day after they were seen"

    _file_under(now.date() + timedelta(days=2), after=5)
    add(now + timedelta(days=1), 8)
    assert (seal_days(now + timedelta(days=2)), EvidenceSeal.objects.count()) == (0, 4)
    said = "block 6, which was there on 2026-03-05, is filed under 2026-03-07"
    assert problems() == [said]


def test_after_a_restore_was_accepted_new_blocks_take_the_numbers_of_those_that_are_gone(now: datetime) -> None:
    add(now, 4)
    assert seal_days(now) == 1
    EvidenceBlock.objects.filter(number=4).delete()
    before = EvidenceBlock.objects.get(number=3)
    EvidenceHead.objects.update(last_block=3, last_entry=3, last_hash=before.hash)
    assert (seal_days(now), problems()) == (0, ["block 4, which was there on 2026-03-05 and has no seal, is gone"])
    call_command("evidence_seals", accept="a backup was restored")

    later = now + timedelta(days=5)
    add(later, 5)
    assert (seal_days(later), problems()) == (0, [])
    assert (seal_days(later + timedelta(days=1)), problems()) == (1, [])


def test_a_worker_that_stood_still_for_days_seals_what_waits(now: datetime) -> None:
    assert (seal_days(now + timedelta(days=9)), problems()) == (1, [])


def test_a_block_that_was_seen_and_is_gone_is_a_problem(now: datetime) -> None:
    EvidenceBlock.objects.filter(number=3).delete()
    before = EvidenceBlock.objects.get(number=2)
    EvidenceHead.objects.update(last_block=2, last_entry=2, last_hash=before.hash)
    assert seal_days(now) == 0
    assert problems() == ["block 3, which was there on 2026-03-04 and has no seal, is gone"]


def test_a_block_before_the_first_is_a_problem(now: datetime) -> None:
    """Before: "The database fits": no seal reaches it, and no sealed day has it."""
    header = as_text(BlockHeader(block=0, previous="", first_entry=0, entries=1, root="", at=NOON.isoformat()))
    EvidenceBlock.objects.create(number=0, day=date(2025, 1, 1), header=header, hash=text_hash(header))
    assert (seal_days(now), problems()) == (0, ["block 0 stands before the first"])


def test_a_sealed_block_keeps_its_number(now: datetime) -> None:
    """Before: what has the numbers of sealed blocks counted as sealed."""
    EvidenceBlock.objects.filter(number=2).update(number=-2)
    EvidenceEntry.objects.filter(block_id=2).update(block_id=-2)
    EvidenceBlock.objects.filter(number=-2).update(number=100)
    EvidenceEntry.objects.filter(block_id=-2).update(block_id=100)
    assert seal_days(now + timedelta(hours=7)) == 0
    assert "2026-03-03, which is sealed: its blocks are not those that were sealed" in problems()


@pytest.mark.parametrize("head", [{"last_block": 99}, {"last_entry": 2}, {"last_hash": "00" * 32}])
def test_a_head_that_is_not_the_end_of_the_chain_is_a_problem_until_it_is_put_right(
    now: datetime, clock_at: Any, head: dict[str, Any]
) -> None:
    """Before: what was appended after it could not be sealed, and no word ended that."""
    EvidenceHead.objects.update(**head)
    clock_at(now)
    assert seal_days(now) == 0
    assert problems()[0].startswith("the chain ends at block 3, entry 3, ")
    with pytest.raises(CommandError, match=r"NOT PROVED:\n  the chain ends at block 3, entry 3, .*; its head says"):
        call_command("verify_evidence")
    call_command("evidence_seals", accept="a repair by hand went wrong")
    add(now, 4)
    assert [seal_days(now), seal_days(now + timedelta(days=1)), problems()] == [1, 1, []]


# What the worker refuses, the command says


def test_the_command_says_what_keeps_the_worker_from_sealing_and_a_persons_word_ends_it(
    now: datetime, clock_at: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before: "The database fits", exit status 0, and nothing that anybody could do or accept."""
    entry = EvidenceEntry.objects.get(number=3)
    EvidenceEntry.objects.filter(pk=3).update(body=entry.body.replace("written", "refused"))
    said = "2026-03-04, which is to be sealed: an entry of block 3 was changed"
    assert (seal_days(now), problems()) == (0, [said])
    clock_at(now)
    with pytest.raises(CommandError, match=f"NOT FIT.*\n  {said} \\(now .*\\)\\.\nIt ends when .*--accept REASON"):
        call_command("evidence_seals")

    call_command("evidence_seals", accept="a repair by hand went wrong, the backup has it neither")
    assert f"Accepted: {said} (now " in capsys.readouterr().out
    add(now, 4)
    assert [seal_days(now + timedelta(hours=1)), seal_days(now + timedelta(days=1)), problems()] == [1, 1, []]
    with pytest.raises(CommandError, match="NOT PROVED:\n  an entry of block 3 was changed"):
        call_command("verify_evidence")


def test_the_worker_looks_at_the_day_that_is_sealed_next_and_the_command_at_all(now: datetime, clock_at: Any) -> None:
    """Before: each minute the entries of all days that waited were read, and the file was held meanwhile."""
    for day in range(2):
        add(now + timedelta(days=day), day + 4)
    waiting = EvidenceEntry.objects.filter(number__gte=3)
    for entry in waiting:
        EvidenceEntry.objects.filter(pk=entry.pk).update(body=entry.body.replace("written", "refused"))
    later = now + timedelta(days=2)
    assert (seal_days(later), problems()) == (0, ["2026-03-04, which is to be sealed: an entry of block 3 was changed"])
    clock_at(later)
    with pytest.raises(CommandError, match=r"block 3 was changed .*\n.*block 4 was changed .*\n.*block 5 was changed"):
        call_command("evidence_seals")


def test_no_word_ends_that_a_block_does_not_follow_the_one_before(now: datetime, clock_at: Any) -> None:
    header = EvidenceBlock.objects.get(number=3).header
    forged = as_text(msgspec.structs.replace(msgspec.json.decode(header, type=BlockHeader), previous="00" * 32))
    EvidenceBlock.objects.filter(number=3).update(header=forged, hash=text_hash(forged))
    clock_at(now)
    for words in ({}, {"accept": "it is right"}):
        with pytest.raises(CommandError, match="block 3 does not follow the one before \\(only a backup "):
            call_command("evidence_seals", **words)
    EvidenceBlock.objects.filter(number=3).update(header=header, hash=text_hash(header))
    assert (seal_days(now), problems()) == (1, [])


def test_a_header_that_cannot_be_read_is_named(now: datetime) -> None:
    """Before: the file of seals was said to be unusable."""
    EvidenceBlock.objects.filter(number=3).update(header="x", hash=text_hash("x"))
    assert seal_days(now) == 0
    assert problems() == [
        "the header of the last block cannot be read",
        "2026-03-04, which is to be sealed: a header of blocks 3 to 3 cannot be read",
    ]


def test_the_command_names_what_another_machine_found(now: datetime, clock_at: Any) -> None:
    """Before: "The database fits", though the worker signs nothing until that machine compares no more."""
    found = {"path": "seals.jsonl", "begun_at": now, "compared_at": now, "problems": ["a seal is not the one made"]}
    EvidenceSealFile.objects.create(file="another", host="another", **found)
    clock_at(now)
    with pytest.raises(CommandError, match="another: a seal is not the one made"):
        call_command("evidence_seals")


# The file


def test_a_file_that_lost_its_lines_is_reported_until_somebody_accepts_it(now: datetime, settings: Any) -> None:
    """Before: it was taken as one that had seen no seal, and a day whose seal was deleted was signed again."""
    begun = settings.EVIDENCE_SEALS.read_bytes().splitlines(keepends=True)[0]
    settings.EVIDENCE_SEALS.write_bytes(begun)
    EvidenceSeal.objects.all().delete()

    for minutes in range(2):
        assert (seal_days(now + timedelta(minutes=minutes)), EvidenceSeal.objects.count()) == (0, 0)
        [problem] = problems()
        assert "lost lines: it held 2 seals up to 2026-03-03 and holds 0" in problem
    call_command("evidence_seals", accept="the disk was full, and these days are sealed again")
    assert (seal_days(now), problems()) == (3, [])


def test_lines_that_the_database_still_has_are_added_again(now: datetime, settings: Any) -> None:
    settings.EVIDENCE_SEALS.write_bytes(settings.EVIDENCE_SEALS.read_bytes().splitlines(keepends=True)[0])
    assert (seal_days(now), problems()) == (1, [])


# The key


def test_a_private_key_in_the_place_of_another_signs_nothing(now: datetime) -> None:
    """Before: the day was signed, and its seal was wrong for good."""
    call_command("evidence_key", rotate=True)
    old, new = EvidenceKey.objects.order_by("made_at")
    EvidenceKey.objects.filter(pk=new.pk).update(private=old.private)

    assert (seal_days(now), EvidenceSeal.objects.count()) == (0, 2)
    assert problems()[0].startswith("2026-03-04, which is to be sealed: the key that signs is not ")


def test_what_is_signed_is_what_was_looked_at(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before: the seal was made over hashes that were read again after the look."""
    block = EvidenceBlock.objects.get(number=3)

    def changed_meanwhile(*looked_at: Any) -> Iterator[Misfit]:
        yield from misfits_of(*looked_at)
        EvidenceBlock.objects.filter(number=3).update(hash="00" * 32, header="{}")

    monkeypatch.setattr("evidence.seals.misfits_of", changed_meanwhile)
    assert seal_days(now) == 1
    assert f'"root":"{block.hash}"' in EvidenceSeal.objects.get(day="2026-03-04").statement
