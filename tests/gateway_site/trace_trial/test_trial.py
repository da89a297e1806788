"""A trace is tried without a site: what would be flagged, which devices were seen, what could not be read."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from calls.transcript.format import read as read_transcript
from calls.transcript.format import run
from cti.sources.csta_xml.framing import framed
from gateway_site.trace_trial.capture import CaptureError
from gateway_site.trace_trial.site import default_site
from gateway_site.trace_trial.trial import TrialReport, try_trace
from tests.cti.ami import traces
from tests.cti.csta.pbx import sample, xml
from tests.gateway_site.trace_trial.captures import BEGIN, Wire

AMI = traces.trace("b-queue-caller-hangup")
TRUTH = traces.truth("b-queue-caller-hangup")
CASES = Path(__file__).parents[2] / "cti" / "csta" / "cases"


def ami_capture(data: bytes = AMI, later: float = 0) -> bytes:
    """Return a recorded link as tcpdump sees it: each message `later` seconds after its own Timestamp."""
    wire = Wire()
    wire.open()
    wire.say(b"Action: Login\r\nUsername: gateway\r\nSecret: s\r\n\r\n", BEGIN, is_pbx=False)
    at = BEGIN
    for message in data.split(b"\r\n\r\n"):
        stamp = re.search(rb"\r\nTimestamp: ([0-9.]+)", message)
        at = float(stamp[1]) if stamp else at
        wire.say(message + b"\r\n\r\n", at + later)
    return wire.capture()


def csta_capture(scenario: str = "01-acd-queue-call", skipped: int = 0) -> bytes:
    """Return a CSTA link: the gateway monitors two extensions, then the events of a scenario come."""
    wire = Wire(port=1040)
    wire.open()
    for invoke, device in enumerate(("2001", "2002"), 1):
        body = f"<monitorObject><deviceObject>{device}</deviceObject></monitorObject>"
        wire.say(framed(invoke, xml("MonitorStart", body).encode()), BEGIN, is_pbx=False)
        answer = xml("MonitorStartResponse", f"<monitorCrossRefID>700{device[-1]}</monitorCrossRefID>")
        wire.say(framed(invoke, answer.encode()), BEGIN + 1)
    events = [frame.xml for frame in sample(scenario) if frame.invoke == 9999]
    for place, event in enumerate(events):
        wire.say(framed(9999, event), BEGIN + 2 + 3 * place, piece=200)
    del wire.packets[2 : 2 + skipped]
    return wire.capture()


def tried(raw: bytes, kind: str = "asterisk_ami", **options: Any) -> TrialReport:
    return try_trace(raw, default_site(kind), **options)


def test_a_capture_of_an_ami_link_gives_the_leg_its_flags_and_its_devices() -> None:
    report = tried(ami_capture())
    (leg,) = report.legs
    (true,) = TRUTH["conversations"] if "conversations" in TRUTH else TRUTH["legs"]

    assert (leg.extension, leg.outcome) == (true["agent"], "flagged")
    assert leg.flags["AgentName"] == true["agent_name"]
    assert leg.ended is not None
    assert leg.ended - leg.began == pytest.approx(true["to"] - true["from"], abs=0.5)
    assert {one.name: one.counts_as for one in report.devices} == {
        "PJSIP/2001": "extension",
        "PJSIP/trunk": "outside",
    }
    assert report.refusals == []
    assert report.ignored["Newexten"] == AMI.count(b"Event: Newexten")
    assert report.remarks[0].startswith("Played: 10.0.0.1:5038 - 10.0.0.2:40000, ")


def test_the_raw_bytes_of_a_link_give_the_same_legs_as_its_capture() -> None:
    assert [leg.flags for leg in tried(AMI).legs] == [leg.flags for leg in tried(ami_capture()).legs]


def test_a_capture_of_a_csta_link_takes_the_devices_from_what_its_client_monitored() -> None:
    report = tried(csta_capture(), "csta_xml")
    (leg,) = report.legs

    assert (leg.extension, leg.outcome, leg.flags["CTICallRef"]) == ("2001", "flagged", "4A01")
    assert "The devices are the 2 that the client of the trace monitored." in report.remarks
    assert [(one.name, one.counts_as) for one in report.devices] == [
        ("2001", "extension"),
        ("5000", "queue"),
        ("T17:3", "outside"),
    ]
    assert report.began == "2026-11-23T05:00:02.000+00:00"


def test_a_capture_that_began_in_the_middle_is_read_from_the_next_frame() -> None:
    report = tried(csta_capture(skipped=7), "csta_xml")

    assert [leg.outcome for leg in report.legs] == ["flagged"]


def test_a_damaged_name_is_shown_as_followed_and_a_damaged_id_as_lost() -> None:
    case = (CASES / "07-csta-latin1-bytes-says-utf8.xml").read_bytes()
    report = tried(framed(9999, case) + framed(9999, case.replace(b"C1", b"C\xfc")), "csta_xml")

    assert [(one.kind, one.is_lost, one.count) for one in report.refusals] == [
        ("repaired", False, 1),
        ("message", True, 1),
    ]
    assert [leg.call for leg in report.legs] == ["C1"]


def http_events() -> list[dict[str, Any]]:
    def event(number: int, kind: str, at: int, **data: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": str(number),
            "source": "crm",
            "type": f"csta.call.{kind}",
            "time": f"2026-03-02T12:00:{at:02}Z",
            "data": {"callId": "C1", "deviceId": "2001", **data},
        }

    return [event(1, "Delivered", 1, queueName="Sales"), event(2, "Established", 3), event(3, "ConnectionCleared", 20)]


def test_requests_to_the_http_intake_are_read_from_a_capture_and_events_from_a_file() -> None:
    wire = Wire(port=8000)
    wire.open()
    for one in [*http_events(), {"type": "nonsense"}]:
        body = json.dumps(one).encode()
        head = f"POST /api/events HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer t\r\nContent-Length: {len(body)}\r\n\r\n"
        wire.say(head.encode() + body, BEGIN, is_pbx=False)
        wire.say(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", BEGIN)
    captured, filed = tried(wire.capture(), "http"), tried(json.dumps(http_events()).encode(), "http")

    assert [leg.flags for leg in captured.legs] == [leg.flags for leg in filed.legs]
    assert captured.legs[0].flags["QueueName"] == "Sales"
    assert [(one.kind, one.count) for one in captured.refusals] == [("event", 1)]
    assert filed.refusals == []


@pytest.mark.parametrize("kind", ["asterisk_ami", "csta_xml"])
def test_an_encrypted_link_and_another_kind_are_named(kind: str) -> None:
    wire = Wire()
    wire.open()
    wire.say(b"\x16\x03\x01\x02\x00" + bytes(500), BEGIN)
    with pytest.raises(CaptureError, match="encrypted: capture it without TLS"):
        tried(wire.capture(), kind)

    other = csta_capture() if kind == "asterisk_ami" else ami_capture()
    with pytest.raises(CaptureError, match=f"Nothing in the file is {kind}. It has 1 TCP connection with data"):
        tried(other, kind)
    with pytest.raises(CaptureError, match=f"Nothing in the file is {kind}. It is no capture of tcpdump"):
        tried(b"\x00\x01\x00\x0d9999<soap/>", kind)


@pytest.mark.parametrize(("later", "side"), [(12, "12 s behind"), (-3600, "3,600 s ahead of")])
def test_a_pbx_whose_clock_is_wrong_is_named_and_its_agents_are_known(later: float, side: str) -> None:
    plain, report = tried(ami_capture(), "asterisk_ami"), tried(ami_capture(later=later), "asterisk_ami")

    (remark,) = [one for one in report.remarks if "clock" in one]
    assert remark.startswith(f"The PBX's clock is {side} that of the capture")
    assert not [one for one in plain.remarks if "clock" in one]
    assert [(leg.extension, leg.agent, leg.outcome) for leg in report.legs] == [
        (leg.extension, leg.agent, leg.outcome) for leg in plain.legs
    ]


def test_a_lost_packet_is_said_and_the_other_calls_are_followed() -> None:
    report = tried(csta_capture(skipped=0)[:-30], "csta_xml")
    wire_report = tried(_without_a_packet(), "csta_xml")

    assert report.legs
    assert "Packets are missing in the capture at 1 place." in wire_report.remarks


def _without_a_packet() -> bytes:
    wire = Wire(port=1040)
    wire.open()
    for place, frame in enumerate(frame for frame in sample("01-acd-queue-call") if frame.invoke == 9999):
        wire.say(framed(9999, frame.xml), BEGIN + 3 * place, piece=200)
    del wire.packets[6]
    return wire.capture()


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("try_trace", *arguments, stdout=out)
    return out.getvalue()


SITE = """
[[recording_services]]
slug = "qms"
wrapup_wait_seconds = 30

[[cti_sources]]
slug = "pbx"
kind = "csta_xml"
devices = ["2001"]
queues = { "5000" = "Sales" }

[[cti_sources]]
slug = "second"
kind = "csta_xml"
devices = ["2002"]

[[flags]]
field = "calling_number"
name = "Caller"
privacy = "mask"

[[flags]]
name = "AgentId"
field = "agent_id"
enabled = false
"""


def test_the_command_uses_the_settings_of_a_sites_file_and_touches_no_database(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE)
    (tmp_path / "trace.pcap").write_bytes(csta_capture())
    arguments = (str(tmp_path / "trace.pcap"), "--kind", "csta_xml", "--options", str(tmp_path / "site.toml"))
    out = command(*arguments, "--source", "pbx", "--log")

    assert "1 leg, 1 flagged." in out
    assert "QueueName = Sales" in out
    assert "Caller = " in out
    assert "AgentId" not in out
    assert "2001: extension; listed among the devices of the source" in out
    assert len(out.splitlines()) > len(command(*arguments, "--source", "pbx").splitlines())
    with pytest.raises(CommandError, match="The file has 2 sources of kind csta_xml: name one of pbx, second"):
        command(*arguments)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["site.toml", "trace.pcap"]


def test_wrong_options_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE.replace('devices = ["2002"]', 'options = { encoding = "klingon" }'))
    (tmp_path / "trace.pcap").write_bytes(csta_capture())

    with pytest.raises(CommandError, match="encoding: klingon is not known"):
        command(
            str(tmp_path / "trace.pcap"),
            "--kind",
            "csta_xml",
            "--options",
            str(tmp_path / "site.toml"),
            "--source",
            "second",
        )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_trace_is_read_whatever_stands_before_its_xml(encoding: str) -> None:
    declared = "utf-16" if encoding == "utf-16" else "utf-8"
    case = (CASES / "07-csta-latin1-bytes-says-utf8.xml").read_bytes().decode("latin-1")
    text = f'<?xml version="1.0" encoding="{declared}"?>{case[case.index("?>") + 2 :]}'

    assert [leg.extension for leg in tried(framed(9999, text.encode(encoding)), "csta_xml").legs] == ["2001"]


def _values(text: bytes) -> set[str]:
    """Return what a trace calls people, numbers, calls and queues."""
    found = re.findall(
        rb"\r\n(?:CallerIDName|CallerIDNum|ConnectedLineName|ConnectedLineNum|MemberName|Uniqueid|Linkedid|Queue)"
        rb": (.+)",
        text,
    )
    return {
        one.decode().strip() for one in found if len(one.strip()) > 3 and one.strip() not in (b"<unknown>", b"PJSIP")
    }


@pytest.mark.parametrize("name", [name for name in traces.NAMES if name[0] in "bcgk"])
def test_an_anonymised_case_names_nobody_and_comes_out_the_same(name: str, tmp_path: Path) -> None:
    raw = traces.trace(name)
    (tmp_path / "trace").write_bytes(raw)
    out = command(
        str(tmp_path / "trace"),
        "--kind",
        "asterisk_ami",
        "--anonymise",
        "--log",
        "--export",
        str(tmp_path / "case.toml"),
    )
    case = (tmp_path / "case.toml").read_text()
    plain = tried(raw)

    leaked = {one for one in _values(raw) if re.search(rf"(?<![\w.+]){re.escape(one)}(?![\w.])", out + case)}
    assert leaked == set()
    assert run(read_transcript(case)) == []
    assert [leg.outcome for leg in plain.legs] == [leg.outcome.value for leg in read_transcript(case).legs]
    assert [sorted(leg.flags) for leg in plain.legs] == [sorted(leg.flags) for leg in read_transcript(case).legs]
