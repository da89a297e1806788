"""Recorders of other kinds: found by a setting or an entry point, entered by a form, tested step by step."""

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import pytest
from django.test import Client

from qms import api
from qms.adapters import AdapterOption, ConnectionCheck, ConnectionConfig, RecorderAdapter
from qms.files.adapter import FileAdapter
from qms.models import DataServer, RecordingService
from qms.port import FlagDefinition, QmsUnavailable
from qms.recorder_kinds import recorder_kinds
from simulators.qms.in_process import InProcessRecordingService
from simulators.qms.site import SimulatedQms

PLACE = "tests.qms.test_recorder_kinds:Tape"
pytestmark = pytest.mark.django_db


class Tape(InProcessRecordingService):
    """An adapter as an integrator writes it."""

    kind: ClassVar[str] = "tape"
    label: ClassVar[str] = "Tape machine"
    options: ClassVar[Sequence[AdapterOption]] = (AdapterOption(key="reel", label="Reel"),)
    address: ClassVar[Literal["required", "unused"]] = "unused"
    check_names: ClassVar[Sequence[str]] = ("Reel",)
    clock_offset_seconds = None

    def __init__(self, reel: str) -> None:
        super().__init__(SimulatedQms(), "recording-service", lambda: None)  # type: ignore[arg-type,return-value]
        self.reel = reel

    @classmethod
    def from_config(cls, config: ConnectionConfig) -> Self:
        return cls(config.option("reel"))

    @classmethod
    def problems(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        return {"reel": "There is no such reel."} if options.get("reel") == "0" else {}

    def checks(self) -> Sequence[ConnectionCheck]:
        return [ConnectionCheck("Reel", lambda: f"Reel {self.reel} turns.", "Put a reel on.")]

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    recorder_kinds.cache_clear()
    yield
    recorder_kinds.cache_clear()


def service(**changes: Any) -> RecordingService:
    server, _ = DataServer.objects.get_or_create(slug="ds")
    return RecordingService.objects.create(slug="s", data_server=server, **changes)


def test_our_adapters_have_every_member_of_an_adapter() -> None:
    members = {name for name in dir(RecorderAdapter) if not name.startswith("_")}
    members |= set(RecorderAdapter.__annotations__)

    for kind, adapter in recorder_kinds().items():
        assert not {name for name in members if not hasattr(adapter, name)}, kind
        assert adapter.kind == kind


def test_an_adapter_is_found_by_the_setting(settings: Any) -> None:
    settings.RECORDER_ADAPTERS = [PLACE]
    found = api.connect(service(kind="tape", options={"reel": "7"}))

    assert isinstance(found, Tape)
    assert found.reel == "7"


def test_an_adapter_is_found_by_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = importlib.metadata.EntryPoint("tape", PLACE, "qms_gateway.recorders")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if "recorders" in group else [])

    assert recorder_kinds()["tape"] is Tape


def test_an_adapter_that_cannot_be_loaded_keeps_nothing_from_running(settings: Any) -> None:
    settings.RECORDER_ADAPTERS = ["no.such:Thing", "json:loads"]

    assert set(recorder_kinds()) == {"soap", "files"}


def test_a_service_whose_kind_is_unknown_is_unavailable_and_says_which_are_known() -> None:
    with pytest.raises(QmsUnavailable, match="'tape'; known are soap, files"):
        api.connect(service(kind="tape"))
    assert api.test_connection(RecordingService.objects.get())[0].name == "Settings"


def test_a_test_of_the_connection_has_the_steps_of_its_kind(settings: Any) -> None:
    settings.RECORDER_ADAPTERS = [PLACE]
    steps = api.test_connection(service(kind="tape", options={"reel": "7"}))

    assert [step.name for step in steps] == ["Reel", "Login", "Users", "Flag definitions"]
    assert steps[0].found == "Reel 7 turns."
    assert all(step.ok for step in steps)


def test_a_changed_option_makes_another_adapter(tmp_path: Path) -> None:
    row = service(kind="files", options={"folder": str(tmp_path), "extensions": "2001"})
    first = api.connect(row)
    row.options = {"folder": str(tmp_path), "extensions": "2002"}

    assert api.connect(row) is not first


FORM: dict[str, Any] = {
    "slug": "files",
    "enabled": "on",
    "kind": "files",
    "login": "username_token",
    "guid_window_seconds": "10",
    "lookup_interval_ms": "500",
    "wrapup_wait_seconds": "120",
    "timeout_seconds": "5",
    "max_in_flight": "16",
    "refresh_at": "02:00",
    "option_files_patterns": "{extension}-{uniqueid}.wav",
    "option_files_extensions": "2001-2003",
    "option_files_time_zone": "Europe/London",
    "option_files_idle_seconds": "10",
}


def test_a_folder_is_entered_by_its_form_and_then_works(admin_client: Client, tmp_path: Path) -> None:
    server = DataServer.objects.create(slug="ds")
    page = "/admin/qms/recordingservice/add/"
    form = FORM | {"data_server": server.pk, "option_files_folder": str(tmp_path)}
    answer = admin_client.post(page, form)
    assert answer.status_code == 302, answer.context["errors"]

    row = RecordingService.objects.get(slug="files")
    adapter = api.connect(row)
    assert isinstance(adapter, FileAdapter)
    assert len(list(adapter.users())) == 3
    adapter.create_flag_definition(FlagDefinition("AgentId"))
    steps = api.test_connection(row)
    assert [(step.name, step.ok) for step in steps] == [
        ("Folder", True),
        ("File names", True),
        ("Login", True),
        ("Users", True),
        ("Flag definitions", True),
    ]
    text = admin_client.get(f"/admin/qms/recordingservice/{row.pk}/change/").content.decode()
    assert "{extension}-{uniqueid}.wav" in text


def test_options_that_cannot_be_used_are_refused_beside_their_fields(admin_client: Client) -> None:
    server = DataServer.objects.create(slug="ds")
    form = FORM | {"data_server": server.pk, "option_files_folder": "here", "option_files_patterns": "*.wav"}
    text = admin_client.post("/admin/qms/recordingservice/add/", form).content.decode()

    assert "Give a whole path, from / on." in text
    assert "must hold {extension}" in text
    assert not RecordingService.objects.exists()


def test_a_soap_service_still_needs_an_address(admin_client: Client) -> None:
    server = DataServer.objects.create(slug="ds")
    form = FORM | {"data_server": server.pk, "kind": "soap", "url": ""}

    assert "needs an address" in admin_client.post("/admin/qms/recordingservice/add/", form).content.decode()
