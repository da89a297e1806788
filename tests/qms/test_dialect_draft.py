"""``./gateway manage dialect``: a draft that proposes what can be proposed, and says what is left."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from devtools.recorder_contract.port_contract import readable
from qms.adapters import ConnectionConfig
from qms.port import Flag, FlagDefinition, ListedUser
from qms.soap.adapter import SoapAdapter
from qms.soap.contract import OWN_WSDL
from qms.soap.dialect import OPERATIONS, read_dialect
from tests.qms.foreign_soap import Archive, JaxWsService, Person, WcfService
from tests.qms.foreign_soap.service import ForeignService

SAVED = Path(__file__).parent / "cases" / "wcf-wsdl-as-iis-gives-it" / "VoiceArchive.wsdl"
CAPTURE = Path(__file__).parent / "second_stack" / "capture.wsdl"
ALICE = Person(1, "alice", "Alice", "Ames", "2001", agent_id="A1", department="Sales")


def drafted(wsdl: str | Path, *options: str) -> str:
    out = StringIO()
    call_command("dialect", str(wsdl), *options, stdout=out)
    return out.getvalue()


@pytest.fixture(params=[WcfService, JaxWsService])
def server(request: pytest.FixtureRequest) -> Iterator[ForeignService]:
    with request.param(Archive([ALICE])) as server:
        yield server


def test_our_own_wsdl_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(drafted(OWN_WSDL))
    dialect = read_dialect(tmp_path / "own.toml")

    assert [dialect.operation(name) for name in OPERATIONS] == list(OPERATIONS)
    assert all(theirs == key.partition(".")[2] for key, theirs in dialect.elements.items())


def test_a_foreign_service_is_reached_by_its_draft(server: ForeignService, tmp_path: Path) -> None:
    """From the WSDL to flags that are written and read back; Java's WSDL does not list the words for a licence."""
    wsdl = server.wsdl  # type: ignore[attr-defined]
    text = drafted(wsdl).replace('#FULL = "Unlimited"', 'FULL = "Unlimited"')  # The one line that is left to do.
    (tmp_path / "draft.toml").write_text(text)
    service = SoapAdapter.from_config(
        ConnectionConfig(
            slug="x", url=wsdl.partition("?")[0], wsdl=wsdl, dialect=str(tmp_path / "draft.toml"), login="none"
        )
    )
    service.create_flag_definition(FlagDefinition("AgentId", 20))
    server.archive.record("2001")

    found = service.find_live_recording("2001")
    assert found is not None
    assert [one.name for one in service.flag_definitions()] == ["AgentId"]
    assert service.write_flags(found.guid, [Flag("AgentId", "9101")]) == 1
    assert service.flags(found.guid) == [Flag("AgentId", "9101")]
    assert server.archive.writes(found.guid, "AgentId") == 1
    assert [one.user_name for one in service.users() if isinstance(one, ListedUser)] == ["alice"]
    listed = readable(service.recordings(found.started_at, found.started_at.replace(year=2100)))
    assert [one.flags for one in listed] == [(Flag("AgentId", "9101"),)]


def test_what_a_service_does_not_offer_is_said(tmp_path: Path) -> None:
    text = drafted(SAVED)
    (tmp_path / "saved.toml").write_text(text)

    assert "#   - operation ListRecordings" in text
    assert read_dialect(tmp_path / "saved.toml").operation("ListRecordings") == ""
    assert '"NotLicensed" = "None"' in text


def test_names_that_say_little_are_still_listed_for_a_person() -> None:
    text = drafted(CAPTURE)

    assert "LocateCapture" in text
    assert "site" in text


def test_a_wsdl_that_cannot_be_read_is_an_error_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        drafted(tmp_path / "none.wsdl")
    with pytest.raises(CommandError, match="no port 'X'; the dialect may name RecordingServiceSoap"):
        drafted(OWN_WSDL, "--port", "X")


def test_a_file_that_exists_is_never_written_over(tmp_path: Path) -> None:
    place = tmp_path / "mine.toml"
    place.write_text("mine")

    with pytest.raises(CommandError, match="exists"):
        drafted(OWN_WSDL, "--output", str(place))
    assert place.read_text() == "mine"
