"""What was decided and written is proved long after: by a file and a public key alone, whatever was erased since."""

import getpass
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis as redis_client
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from calls.models import CallerView, Leg
from calls.privacy.erase import erase
from calls.privacy.subject import ErasureSubject, SubjectKind
from evidence.models import EvidenceBlock, EvidenceEntry, EvidenceSeal
from evidence.records import EvidenceExport
from evidence.verification import NO_LAST_DAY, problems, trusted_keys
from gateway_site.sealing import collect
from history.commands import COMMAND_LINE
from tests.journeys.sealed_calls import (
    CALLER,
    NEXT_DAY,
    call,
    chain,
    exported,
    guid_of,
    public_key,
    seal,
    sealed,
    three_flagged,
)
from tests.journeys.stack import GatewayStack

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def gateway(redis: redis_client.Redis, monkeypatch: pytest.MonkeyPatch) -> GatewayStack:
    """Give a gateway that has flagged three calls of one caller."""
    return three_flagged(monkeypatch)


def verified_elsewhere(tmp_path: Path, export: EvidenceExport, key: str) -> subprocess.CompletedProcess[str]:
    """Verify in a process without settings, database and environment."""
    path = tmp_path / "evidence.json"
    path.write_bytes(msgspec.json.encode(export))
    command = [sys.executable, "-m", "evidence.verification", str(path), key]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env={}, check=False, capture_output=True, text=True, timeout=180
    )


def test_a_recording_is_proved_by_its_export_and_the_public_key_alone(gateway: GatewayStack, tmp_path: Path) -> None:
    sealed(gateway)
    export = exported()
    body = msgspec.json.decode(export.entries[0].body)
    done = verified_elsewhere(tmp_path, export, public_key())

    assert (done.returncode, done.stderr) == (0, "")
    assert "AgentId “A1”" in done.stdout
    assert (body["answer"], body["decision"]["outcome"], body["decision"]["match"]) == ("written", "flagged", "matched")
    assert {"of": "Call reference", "event": "Established", "rule": "CONNECTED"}.items() <= next(
        one for one in body["decision"]["origins"] if one["of"] == "Call reference"
    ).items()
    assert (body["recording_known"]["of"], body["recording_known"]["by"]) == ("FindLiveRecording", "")
    assert "A1" not in export.entries[0].body
    assert chain() == []


def test_the_commands_prove_a_file_and_the_chain(gateway: GatewayStack, tmp_path: Path, capsys: Any) -> None:
    sealed(gateway)
    path, key = tmp_path / "one.json", tmp_path / "key.txt"
    call_command("evidence_key")
    key.write_text(capsys.readouterr().out)
    call_command("export_evidence", guid_of("C1"), into=path)
    call_command("verify_evidence", path, key=str(key))
    call_command("verify_evidence")

    (entry,) = LogEntry.objects.filter(object_repr="Exported evidence")
    assert f"of recording {guid_of('C1')} by command, as {getpass.getuser()} on this machine" in entry.change_message
    assert CallerView.objects.filter(user__username=COMMAND_LINE, leg_id__isnull=False).count() == 1
    assert "Proved: 1 block, 3 entries, by 1 daily seal (2026-03-02)." in capsys.readouterr().out
    with pytest.raises(CommandError, match="does not vouch"):
        call_command("verify_evidence", path, key="00" * 32)


def test_a_recording_is_exported_by_its_guid_in_every_spelling(
    gateway: GatewayStack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before: no evidence of a recording whose GUID was given in upper case or in braces, as the search takes it."""
    sealed(gateway)
    guid = guid_of("C1")

    for spelling in (guid, guid.upper(), f"{{{guid.upper()}}}", guid.replace("-", ""), f" {guid} "):
        call_command("export_evidence", spelling)
        assert msgspec.json.decode(capsys.readouterr().out)["recording"] == guid


def test_an_export_that_cannot_be_written_is_none(gateway: GatewayStack, tmp_path: Path) -> None:
    """Before: a traceback, and an export in the history."""
    sealed(gateway)
    with pytest.raises(CommandError, match="cannot be written: No such file or directory"):
        call_command("export_evidence", guid_of("C1"), into=tmp_path / "none" / "one.json")

    assert not LogEntry.objects.filter(object_repr="Exported evidence").exists()


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    none = tmp_path / "none.json"

    for words, options in (([none], {"key": "00" * 32}), ([], {"kept": none})):
        with pytest.raises(CommandError) as missing:
            call_command("verify_evidence", *words, **options)
        assert str(missing.value).removeprefix("NOT PROVED: ") == f"{none} cannot be read: No such file or directory"


@pytest.mark.django_db
def test_an_empty_chain_is_not_said_to_be_proved(capsys: Any) -> None:
    call_command("verify_evidence")

    assert capsys.readouterr().out == "The chain is empty: there is nothing to prove yet.\n"


def _flag(export: EvidenceExport, at: int = 0) -> Any:
    return export.entries[at].values[0]


def _with_entry(export: EvidenceExport, **changes: Any) -> EvidenceExport:
    entry = msgspec.structs.replace(export.entries[0], **changes)
    return msgspec.structs.replace(export, entries=[entry])


FORGERIES: dict[str, Callable[[EvidenceExport], EvidenceExport]] = {
    "another value": lambda one: _with_entry(one, values=[msgspec.structs.replace(_flag(one), value="A2")]),
    "another salt": lambda one: _with_entry(one, values=[msgspec.structs.replace(_flag(one), salt="00" * 16)]),
    "a flag more": lambda one: _with_entry(one, values=[msgspec.structs.replace(_flag(one), name="Other")]),
    "another body": lambda one: _with_entry(one, body=one.entries[0].body.replace("written", "refused")),
    "another place": lambda one: _with_entry(one, index=0),
    "another block": lambda one: _with_entry(one, header=one.entries[0].header.replace('"block":1', '"block":2')),
    "another recording": lambda one: msgspec.structs.replace(one, recording="other"),
    "no entries": lambda one: msgspec.structs.replace(one, entries=[]),
    "no seals": lambda one: msgspec.structs.replace(one, seals=[]),
    "another statement": lambda one: msgspec.structs.replace(
        one, seals=[msgspec.structs.replace(one.seals[0], statement=one.seals[0].statement.replace("+00:00", "+01:00"))]
    ),
    "no statement": lambda one: msgspec.structs.replace(
        one, seals=[msgspec.structs.replace(one.seals[0], statement="", signature="")]
    ),
    "another day": lambda one: msgspec.structs.replace(
        one, seals=[msgspec.structs.replace(one.seals[0], day="2026-03-09")]
    ),
    "nonsense": lambda one: _with_entry(one, path=["zz"]),
}


def test_no_forged_export_is_proved(gateway: GatewayStack) -> None:
    sealed(gateway)
    export, key = exported(), public_key()

    assert problems(export, key) == []
    assert [name for name, forge in FORGERIES.items() if not problems(forge(export), key)] == []


TAMPERING: dict[str, Callable[[], Any]] = {
    "the last entry deleted": lambda: EvidenceEntry.objects.filter(number=3).delete(),
    "a body changed": lambda: EvidenceEntry.objects.filter(number=2).update(body="{}"),
    "an entry deleted": lambda: EvidenceEntry.objects.filter(number=2).delete(),
    "an entry filed elsewhere": lambda: EvidenceEntry.objects.filter(number=2).update(recording_guid="other"),
    "a block deleted": lambda: EvidenceBlock.objects.filter(number=2).delete(),
    "the last block deleted": lambda: EvidenceBlock.objects.filter(number=3).delete(),
    "a header changed": lambda: EvidenceBlock.objects.filter(number=1).update(header="{}"),
    "a block moved": lambda: EvidenceBlock.objects.filter(number=2).update(day="2026-03-09"),
    "a signature changed": lambda: EvidenceSeal.objects.update(signature="00" * 64),
}


def test_what_is_changed_in_the_database_is_noticed(gateway: GatewayStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect, "BLOCK", 1)
    sealed(gateway)
    assert (EvidenceBlock.objects.count(), chain()) == (3, [])

    for name, tamper in TAMPERING.items():
        with transaction.atomic():
            tamper()
            assert chain() != [], name
            transaction.set_rollback(True)


def test_an_erased_caller_leaves_a_chain_that_is_proved_and_no_way_to_try_numbers(
    gateway: GatewayStack, tmp_path: Path
) -> None:
    sealed(gateway)
    before = exported().entries[0].body
    erase(ErasureSubject(SubjectKind.NUMBER, CALLER), NEXT_DAY)
    export = exported()

    assert export.entries[0].body == before
    assert (export.entries[0].values, EvidenceEntry.objects.get(number=1).salts) == ([], {})
    assert verified_elsewhere(tmp_path, export, public_key()).returncode == 0
    assert chain() == []


def test_what_was_erased_before_it_was_sealed_has_no_hash(gateway: GatewayStack) -> None:
    erase(ErasureSubject(SubjectKind.NUMBER, CALLER), gateway.time)
    sealed(gateway)
    body = msgspec.json.decode(exported().entries[0].body)

    assert {flag["commitment"] for flag in body["flags"]} == {""}
    assert problems(exported(), public_key()) == []


def test_what_is_not_sealed_yet_is_not_proved(gateway: GatewayStack) -> None:
    seal(gateway.time + timedelta(minutes=5))
    assert problems(exported(), public_key()) == ["2026-03-02 is not sealed yet: export again after the day is over"]


def test_a_changed_key_is_vouched_for_by_the_one_before(gateway: GatewayStack) -> None:
    sealed(gateway)
    first = public_key()
    call_command("evidence_key", rotate=True)
    call(gateway, "C8")
    seal(gateway.time + timedelta(minutes=5))
    seal(NEXT_DAY + timedelta(days=1))

    assert first != public_key()
    for key in (first, public_key()):
        assert (problems(exported("C1"), key), problems(exported("C8"), key)) == ([], [])
    assert problems(msgspec.structs.replace(exported("C8"), key_changes=[]), first) != []
    assert chain() == []


def test_a_retired_key_counts_up_to_its_last_day_and_what_it_alone_vouches_for_no_longer(
    gateway: GatewayStack, tmp_path: Path
) -> None:
    sealed(gateway)
    first = public_key()
    call_command("evidence_key", rotate=True)
    second = public_key()
    path = tmp_path / "one.json"
    path.write_bytes(msgspec.json.encode(exported("C1")))

    call_command("verify_evidence", path, key=second, retired=[f"{first}=2026-03-02"])
    call_command("verify_evidence", key=second, retired=[f"{first}=2026-03-02"])
    for words in ((path,), ()):
        with pytest.raises(CommandError, match="a key that is retired and counts up to 2026-03-01"):
            call_command("verify_evidence", *words, key=second, retired=[f"{first}=2026-03-01"])
    with pytest.raises(CommandError, match="write the public key, = and the last day"):
        call_command("verify_evidence", path, key=second, retired=[first])
    changes = exported("C1").key_changes
    call_command("evidence_key", rotate=True)  # A thief of the second key could do this.
    third = trusted_keys(first, exported("C1").key_changes, {second: "2026-03-01"})
    assert trusted_keys(second, changes) == {first: NO_LAST_DAY, second: NO_LAST_DAY}
    assert third == {first: NO_LAST_DAY, second: "2026-03-01", public_key(): "2026-03-01"}


def test_the_leg_offers_its_evidence_and_the_download_is_recorded(gateway: GatewayStack, admin_client: Client) -> None:
    sealed(gateway)
    leg = Leg.objects.get(call_id="C1")
    page = admin_client.get(f"/admin/calls/leg/{leg.pk}/change/").content.decode()
    address = f"/admin/calls/leg/{leg.pk}/evidence/"
    answer = admin_client.get(address)

    assert address in page
    assert problems(msgspec.json.decode(answer.content, type=EvidenceExport), public_key()) == []
    assert CallerView.objects.filter(leg_id=leg.pk).count() == 2
    assert "sealed up to 2026-03-02" in admin_client.get("/admin/evidence/evidenceseal/").content.decode()
