"""Somebody uses the evidence to find a deleted caller, to download it unseen, or to have a forged file believed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from django.core.management import CommandError, call_command

from calls.core.state import LegPhase
from calls.models import CallerView, Leg
from calls.retention import retain
from cti.models import CtiSource
from evidence.api import UnsealedEntry, UnsealedFlag, append, export_of, held_head
from evidence.models import EvidenceEntry
from evidence.records import EXPORT_FORMAT, EvidenceExport, ExportedSeal
from evidence.verification import main
from gateway_site.roles import AUDITOR, OPERATOR
from tests.attacks.actors import browser_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
GUID, NUMBER = "8dbb780f", "+4915112345678"


@pytest.fixture
def leg() -> Leg:
    """Keep a leg whose recording has two entries in the evidence."""
    source = CtiSource.objects.create(slug="pbx", kind="http")
    row = {"call_id": "c1", "device_id": "2001", "ordinal": 1, "phase": LegPhase.SETTLED.value, "folded_at": NOON}
    leg = Leg.objects.create(id=1, source=source, connected_at=NOON, recording_guid=GUID, calling_number=NUMBER, **row)
    flags = [UnsealedFlag("CallingNumber", NUMBER)]
    drafts = [
        UnsealedEntry(recording_guid=GUID, leg_id=1, write_id=write, write_end=0, content={}, flags=flags)
        for write in (1, 2)
    ]
    head = held_head()
    append(head, drafts, NOON)
    head.save()
    return leg


def test_an_export_has_no_salt_by_which_a_deleted_value_is_found(leg: Leg) -> None:
    """Before: salt and hash of a number that retention had deleted left the site, and numbers are soon tried."""
    kept = export_of(GUID, lambda write_id: {"CallingNumber": NUMBER} if write_id == 1 else {})

    assert [[one.value for one in entry.values] for entry in kept.entries] == [[NUMBER], []]


def test_retention_forgets_the_salts_with_the_values_though_nothing_is_sealed(leg: Leg) -> None:
    """Before: entries of a day that could not be sealed kept theirs, and no erasure found the leg any more."""
    retain(lambda: NOON + timedelta(days=1000))

    assert not Leg.objects.exists()
    assert list(EvidenceEntry.objects.values_list("salts", flat=True)) == [{}, {}]


def test_evidence_is_for_those_who_may_see_callers_and_each_download_is_recorded(leg: Leg) -> None:
    assert browser_of(AUDITOR).get("/admin/calls/leg/1/evidence/").status_code == 403
    assert not CallerView.objects.exists()
    assert browser_of(OPERATOR).get("/admin/calls/leg/1/evidence/").status_code == 200
    assert CallerView.objects.get().leg_id == leg.pk


def test_a_leg_of_thousands_of_digits_is_not_found() -> None:
    """Before: 500."""
    assert browser_of(OPERATOR).get(f"/admin/calls/leg/{'9' * 5000}/evidence/").status_code == 404


def test_a_forged_file_writes_nothing_over_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before: its texts went to the terminal as they were, and could clear it and say "Proved"."""
    path, day = tmp_path / "forged.json", "\x1b[2J\nProved: recording 8dbb780f, 1 entries.\n"
    body, header = '{"entry":1,"recording":"r","flags":[]}', '{"block":1,"previous":"","first_entry":1,"entries":1}'
    forged = EvidenceExport(EXPORT_FORMAT, GUID, [], [ExportedSeal(day, "", "")], [])
    text = msgspec.json.encode(forged).decode()
    path.write_text(text.replace('"entries":[]', f'"entries":[{_entry(body, header)}]'))

    assert main([str(path), "00" * 32]) == 1
    said = capsys.readouterr().out
    with pytest.raises(CommandError) as refused:
        call_command("verify_evidence", path, key="00" * 32)

    for told in (said, str(refused.value)):
        assert "\x1b" not in told
        assert "\nProved" not in told
        assert "is not sealed yet" in told


def test_a_file_that_is_nested_too_deeply_is_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before: a traceback."""
    path = tmp_path / "deep.json"
    deep = '{"a":' * 50_000 + "1" + "}" * 50_000
    path.write_text('{"format": "x", "entries": [], "deep": ' + deep + "}")

    assert main([str(path), "00" * 32]) == 1
    assert "NOT PROVED: its parts are nested too deeply" in capsys.readouterr().out
    with pytest.raises(CommandError, match=r"deep\.json cannot be read: its parts are nested too deeply"):
        call_command("verify_evidence", path, key="00" * 32)


def _entry(body: str, header: str) -> str:
    whole = header[:-1] + ',"root":"","at":""}'
    kept = {"body": body, "index": 0, "path": [], "header": whole, "block_index": 0, "block_path": [], "day": "d"}
    return msgspec.json.encode({**kept, "values": []}).decode()
