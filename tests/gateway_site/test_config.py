"""The declaration: all or nothing, safe to repeat, and its errors name the place."""

import io
from pathlib import Path
from typing import get_args

import pytest
from django.core.management import CommandError, call_command

from agents.models import Allocation
from cti.models import CtiSource
from flags.api import after_rename
from flags.models import EarlierName, FlagSetting
from gateway_site.config.apply import apply
from gateway_site.config.declaration import ConfigError, LoginKind, read
from gateway_site.config.export import export
from qms.models import DataServer, Login, RecordingService

pytestmark = pytest.mark.django_db

SITE = """
[[data_servers]]
slug = "central"

[[recording_services]]
slug = "north"
data_server = "central"
url = "http://127.0.0.1:8089/soap"
username = "gateway"
password_env = "QMS_PASSWORD"
identifiers = ["10.0.0.1", "node-a"]
guid_window_seconds = 12
lookup_interval_ms = 250
wrapup_wait_seconds = 30
timeout_seconds = 2.5
refresh_at = 03:30:00

[[recording_services]]
slug = "south"
data_server = "central"
url = "http://127.0.0.1:8090/soap"

[[cti_sources]]
slug = "pbx"
kind = "csta_xml"
host = "pbx.example.org"
port = 8733
devices = ["0101", "0102"]
queues = ["7001", { device = "7002", name = "Sales" }]
recording_services = ["south", "north"]
options = { edition = 3 }
seating = "free"

[[cti_sources]]
slug = "crm"
kind = "http"

[[flags]]
field = "query:order"
name = "TestFlag"
max_length = 64
"""

SERVICE = '[[data_servers]]\nslug = "d"\n[[recording_services]]\nslug = "r"\nurl = "http://a.b/"\n'


def problems_of(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        apply(read(text))
    return str(caught.value)


def test_a_declaration_makes_the_site_that_it_declares() -> None:
    apply(read(SITE))

    north = RecordingService.objects.get(slug="north")
    pbx = CtiSource.objects.get(slug="pbx")
    assert (north.guid_window_seconds, north.lookup_interval_ms, str(north.refresh_at)) == (12, 250, "03:30:00")
    assert pbx.devices == ["0101", "0102"]
    assert pbx.queues == {"7001": "", "7002": "Sales"}
    assert pbx.seating == "free"
    assert [one.service.slug for one in pbx.allocations.all()] == ["south", "north"]
    assert FlagSetting.objects.get(field="query:order").name == "TestFlag"


def test_applying_again_finds_nothing_to_change() -> None:
    apply(read(SITE))

    assert apply(read(SITE)).changes == []


def test_a_source_that_names_no_recording_service_gets_all_of_them() -> None:
    apply(read(SITE))

    allocated = Allocation.objects.filter(source__slug="crm").values_list("service__slug", flat=True)
    assert list(allocated) == ["north", "south"]


def test_what_was_changed_is_reported_with_its_value_before_and_after() -> None:
    apply(read(SITE))

    changes = apply(read('[[cti_sources]]\nslug = "pbx"\nport = 8734\n')).changes

    assert changes == ['cti_sources "pbx": port: 8733 -> 8734']
    assert CtiSource.objects.get(slug="pbx").host == "pbx.example.org"


def test_a_check_says_what_would_change_and_changes_nothing() -> None:
    applied = apply(read(SITE), check=True)

    assert 'cti_sources "pbx": new' in applied.changes
    assert not CtiSource.objects.exists()
    assert not DataServer.objects.exists()


def test_a_flag_that_is_given_another_name_keeps_the_old_one_in_its_history_and_says_what_to_do() -> None:
    declaration = read('[[flags]]\nfield = "queue_name"\nname = "Queue"\n')

    reported = apply(declaration, check=True).notes
    assert not EarlierName.objects.exists()

    assert apply(declaration).notes == reported == [after_rename("QueueName", "Queue")]
    assert apply(declaration).notes == []
    kept = EarlierName.objects.get()
    assert (kept.name, kept.renamed_to, kept.by) == ("QueueName", "Queue", "command-line")


def test_an_exported_declaration_makes_the_same_site_again() -> None:
    apply(read(SITE))
    exported = export()

    assert apply(read(exported)).changes == []
    Allocation.objects.all().delete()
    for model in (CtiSource, RecordingService, DataServer, FlagSetting):
        model.objects.all().delete()
    apply(read(exported))
    assert export() == exported


def test_queues_may_be_a_table_of_names() -> None:
    text = '[[cti_sources]]\nslug = "a"\nkind = "http"\nqueues = { 7001 = "Sales" }\n'

    apply(read(text))

    assert CtiSource.objects.get(slug="a").queues == {"7001": "Sales"}


def test_a_flag_of_the_manual_goes_by_its_name_and_by_its_field_in_either_spelling() -> None:
    for text in ('name = "AgentName"\n', 'field = "agentName"\n', 'field = "agent_name"\n'):
        apply(read(f"[[flags]]\n{text}enabled = false\n"))

    flag = FlagSetting.objects.get(field="agent_name")
    assert (flag.name, flag.enabled) == ("AgentName", False)
    assert "[[flags]]" in problems_of('[[flags]]\nname = "Shoe"\n')


def test_every_kind_of_login_of_a_recording_service_can_be_declared() -> None:
    assert set(get_args(LoginKind)) == set(Login.values)


def test_a_secret_never_stands_in_what_is_exported() -> None:
    apply(read(SITE))
    CtiSource.objects.filter(slug="pbx").update(secret="hidden-secret")

    assert "hidden-secret" not in export()


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("[[cti_sources]\n", "not TOML"),
        ('[[cti_source]]\nslug = "a"\n', "unknown table [[cti_source]]"),
        ('[cti_sources]\nslug = "a"\n', "each headed [[cti_sources]]"),
        ('[[cti_sources]]\nslug = "a"\nhots = "x"\n', 'number 1 "a": Object contains unknown field `hots`; known keys'),
        ('[[cti_sources]]\nkind = "http"\n', "number 1: Object missing required field `slug`"),
        ('[[cti_sources]]\nslug = "a"\nkind = "tapi"\n', "there is no 'tapi'; there are: asterisk_ami, csta_xml, http"),
        ('[[cti_sources]]\nslug = "a"\nkind = "http"\ndevices = [101]\n', "devices[0]: Expected `str`, got `int`"),
        ('[[cti_sources]]\nslug = "a"\nkind = "csta_xml"\n', "host and port are needed"),
        ('[[cti_sources]]\nslug = "a b"\nkind = "http"\n', 'number 1 "a b", slug: Enter a valid'),
        ('[[data_servers]]\nslug = "a"\n[[data_servers]]\nslug = "a"\n', "number 2"),
        ('[[flags]]\nfield = "shoe_size"\n', 'number 1 "shoe_size", field: use one of call_id'),
        ('[[recording_services]]\nslug = "r"\nurl = "http://a.b/"\n', "data_server is missing"),
        ('[[recording_services]]\nslug = "r"\ndata_server = "x"\n', 'there is no Data Server "x"'),
        ('[[cti_sources]]\nslug = "a"\nkind = "http"\nrecording_services = ["z"]\n', 'no Recording Service "z"'),
        (
            SERVICE + 'data_server = "d"\nguid_window_seconds = 0.1\n',
            'number 1 "r", guid_window_seconds: Ensure this value is greater',
        ),
    ],
)
def test_an_error_names_its_place(text: str, reported: str) -> None:
    assert reported in problems_of(text)


def test_nothing_is_applied_unless_all_is_right() -> None:
    problems = problems_of(SITE + '[[cti_sources]]\nslug = "bad"\nkind = "csta_xml"\n')

    assert 'number 3 "bad"' in problems
    assert not DataServer.objects.exists()


def test_every_problem_is_reported_at_once() -> None:
    problems = problems_of('[[cti_sources]]\nslug = "a"\nx = 1\n[[flags]]\nfield = "agent_id"\ny = 1\n')

    assert "`x`" in problems
    assert "`y`" in problems


def test_the_commands_speak_plainly(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text(SITE)
    said = io.StringIO()
    notes = io.StringIO()

    call_command("apply_config", str(file), stdout=said, stderr=notes)
    call_command("apply_config", str(file), "--check", stdout=said, stderr=notes)
    call_command("export_config", str(tmp_path / "out.toml"))

    assert 'recording_services "north": new' in said.getvalue()
    assert said.getvalue().endswith("nothing to change\n")
    assert "QMS_PASSWORD is not set here" in notes.getvalue()
    assert read((tmp_path / "out.toml").read_text()).cti_sources[0].slug == "crm"
    with pytest.raises(CommandError, match="No such file"):
        call_command("apply_config", str(tmp_path / "absent.toml"))


@pytest.mark.parametrize("number", ["nan", "-inf", "1e999"])
def test_what_is_no_number_is_refused_before_a_database_sees_it(number: str) -> None:
    with pytest.raises(ConfigError, match="or is none"):
        read(f'[[recording_services]]\nslug = "main"\nguid_window_seconds = {number}')
