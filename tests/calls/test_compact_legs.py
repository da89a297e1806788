"""Legs are stored in a fraction of their bytes, and read as the same values; an older database keeps its form until
someone says otherwise.
"""

from collections.abc import Sequence
from hashlib import sha256
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bulk.tables import UpsertTable
from calls.core.state import LegPhase, LegState
from calls.management.commands import compact_legs
from calls.models import Leg, LegStorage
from calls.privacy.erase import erase, without_caller
from calls.privacy.subject import ErasureSubject, SubjectKind
from calls.storage import compact
from calls.storage.codec import LEG_FIELDS, blob_and_trace, leg_row, read_leg, read_trace
from calls.storage.compact import COMPACT, UnknownDictionary, compacted, expanded, is_compact
from calls.storage.recurring import MARK, marked, recurring_values, unmarked
from calls.storage.versions import VERSION, StoredByNewerRelease, pack, unpack
from cti.models import CtiSource
from gateway_site.models import InstalledVersion
from tests.calls.test_stored_versions import LEG, NINE
from tests.journeys.stack import GatewayStack

#: A leg as it stands in a database that has no Recording Service.
KEPT_LEG = replace(LEG, service=None, phase=LegPhase.SETTLED)
KEPT = Path(__file__).parent / "data" / "compact"
migration = import_module("calls.migrations.0034_leg_storage")


def test_a_compact_leg_is_read_whole_and_its_trace_with_it() -> None:
    row = dict(zip(LEG_FIELDS, leg_row(1, LEG, NINE, compact=True), strict=True))
    plain = dict(zip(LEG_FIELDS, leg_row(1, LEG, NINE), strict=True))

    assert read_leg(row["facts"], row["trace"]) == LEG
    assert read_trace(Leg(facts=row["facts"], trace=row["trace"])) == LEG.trace
    assert len(row["facts"]) < 0.4 * (len(plain["facts"]) + len(plain["trace"]))
    assert {name: row[name] for name in LEG_FIELDS if name not in ("facts", "trace")} == {
        name: plain[name] for name in LEG_FIELDS if name not in ("facts", "trace")
    }


@pytest.mark.parametrize(
    ("number", "digest"),
    [
        (1, "d46df512e80373711b67990ac6a9aec9c99084057d6271d392db00d7a6cc7a5f"),
        (2, "b23819263e7a48aa54164ccd86b650a76ddfdbf08cd4622210850f7d4a4f8a86"),
    ],
)
def test_no_dictionary_ever_changes_and_what_was_stored_with_it_is_read(number: int, digest: str) -> None:
    dictionary = Path(compact.__file__).with_name(f"leg_dictionary_{number}.bin").read_bytes()

    assert sha256(dictionary).hexdigest() == digest
    kept = (KEPT / f"leg-full-{number}.bin").read_bytes()
    assert kept[1] == number
    assert read_leg(kept, "[]") == LEG


def test_a_settled_leg_takes_less_than_the_same_one_before() -> None:
    before, settled = (
        blob_and_trace(replace(LEG, phase=phase), compact=True)[0] for phase in (LegPhase.DELIVERING, LegPhase.SETTLED)
    )

    assert (before[1], settled[1]) == (compact.PLAIN, compact.MARKED)
    assert len(settled) < len(before)


#: Few bytes, so that values meet marks, numbers of marks, lengths and each other.
BYTES = st.sampled_from([bytes([one]) for one in (0, 1, 2, 3, 0x41, 0xC1)])
SOME = st.lists(BYTES, max_size=12).map(b"".join)


@given(parts=st.lists(SOME, max_size=6), values=st.lists(SOME, max_size=5))
def test_a_blob_is_read_whole_whatever_bytes_recur_in_it(parts: list[bytes], values: list[bytes]) -> None:
    blob = b"".join(part + value for part, value in zip(parts, [*values, *values, b"", b""], strict=False))
    data = marked(blob, values)

    assert data is None or unmarked(data) == blob
    assert MARK in blob or data is not None or any(number in b"".join(values) for number in range(len(values)))
    assert expanded(compacted(blob, values)) == blob


def test_an_older_release_takes_a_compact_leg_for_a_newer_version_and_refuses_it() -> None:
    assert VERSION < COMPACT < 0x80  # Version 1 begins with a map: 0x80 or more.


def test_what_a_newer_release_stored_compactly_is_refused() -> None:
    blob = compacted(pack(LEG))

    with pytest.raises(UnknownDictionary, match="dictionary 9"):
        unpack(bytes([COMPACT, 9]) + blob[2:], LegState)
    with pytest.raises(StoredByNewerRelease):
        unpack(compacted(bytes([VERSION + 1]) + pack(LEG)[1:]), LegState)


@pytest.mark.parametrize("kept", [3, 40, -1])
@pytest.mark.parametrize("recurring", [(), recurring_values(LEG)])
def test_a_broken_compact_leg_is_an_error_not_half_a_leg(kept: int, recurring: Sequence[bytes]) -> None:
    with pytest.raises(msgspec.DecodeError):
        expanded(compacted(pack(LEG), recurring)[:kept])


def test_marks_that_name_no_value_are_an_error_too() -> None:
    with pytest.raises(msgspec.DecodeError):
        expanded(compact._deflated(compact.MARKED, b"\1\0" + MARK + b"\5"))


def saved(leg: LegState, *, compact: bool) -> Leg:
    """Save a leg and return its row."""
    pbx = CtiSource.objects.get_or_create(slug="pbx", kind="http")[0]
    UpsertTable(Leg, LEG_FIELDS, ["id"]).insert([leg_row(pbx.pk, leg, NINE, compact=compact)])
    return Leg.objects.latest("pk")


@pytest.mark.django_db
@pytest.mark.storage
def test_the_command_compacts_the_legs_that_are_there_and_undoes_it_byte_by_byte(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compact_legs, "sleep", lambda _seconds: None)
    LegStorage.objects.update_or_create(pk=1, defaults={"is_compact": False})
    row = saved(KEPT_LEG, compact=False)
    before = bytes(row.facts), row.trace
    call_command("compact_legs", stdout=(said := StringIO()))
    row.refresh_from_db()

    assert "Rewritten: 1 leg." in said.getvalue()
    assert is_compact(row.facts)
    assert read_leg(row.facts, row.trace) == KEPT_LEG
    assert LegStorage.objects.get().is_compact
    call_command("compact_legs", "--undo", stdout=StringIO())
    row.refresh_from_db()
    assert (bytes(row.facts), row.trace) == before
    assert not LegStorage.objects.get().is_compact


@pytest.mark.django_db
def test_what_a_consumer_saves_before_it_knows_of_the_change_is_rewritten_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before: few legs were read twice within a moment, and the command ended before consumers knew."""
    saved(KEPT_LEG, compact=True)
    late = replace(KEPT_LEG, number=KEPT_LEG.number + 1, call_id="C-late", guid="")
    monkeypatch.setattr(compact_legs, "sleep", lambda _seconds: saved(late, compact=True))

    call_command("compact_legs", "--undo", stdout=(said := StringIO()))

    assert [is_compact(leg.facts) for leg in Leg.objects.all()] == [False, False]
    assert "Rewritten: 2 legs." in said.getvalue()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
@pytest.mark.storage
@pytest.mark.parametrize("compact", [True, False])
def test_the_consumer_stores_a_leg_as_the_database_says_until_the_end(redis: object, *, compact: bool) -> None:
    LegStorage.objects.update_or_create(pk=1, defaults={"is_compact": compact})
    gateway = GatewayStack()
    gateway.connects("C1", "2001")
    gateway.passes(0.2)
    assert is_compact(Leg.objects.get().facts) == compact
    gateway.clears("C1", "2001")
    gateway.passes(1.2)

    assert gateway.outcomes() == [("2001", "flagged")]
    leg = Leg.objects.get()
    assert is_compact(leg.facts) == compact
    assert [step.what for step in read_trace(leg)][:1] == ["connected"]


@pytest.mark.django_db
@pytest.mark.storage
@pytest.mark.parametrize("used_by", ["nobody", "a source", "an earlier version"])
def test_only_a_new_database_stores_legs_compactly_at_once(used_by: str) -> None:
    LegStorage.objects.all().delete()
    InstalledVersion.objects.all().delete()
    if used_by == "a source":
        CtiSource.objects.create(slug="pbx", kind="http")
    if used_by == "an earlier version":
        InstalledVersion.objects.create(version="0.2.0", migrated_at=NINE)
    migration.note_storage(apps, SimpleNamespace(connection=connection))

    assert LegStorage.objects.get().is_compact == (used_by == "nobody")


@pytest.mark.django_db
@pytest.mark.storage
def test_an_erased_leg_stays_compact_and_knows_no_caller(redis: object) -> None:
    row = saved(KEPT_LEG, compact=True)
    erase(ErasureSubject(SubjectKind.NAME, KEPT_LEG.facts.caller_name), NINE)
    row.refresh_from_db()

    assert is_compact(row.facts)
    assert read_leg(row.facts, row.trace) == without_caller(KEPT_LEG)
