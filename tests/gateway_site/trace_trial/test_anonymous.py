"""An anonymised trial: what a trace calls people, numbers and the site's own things is not in the result."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from calls.transcript.anonymize import Anonymizer
from calls.transcript.dump import write
from cti.events import AgentData, CallData, LinkData
from cti.sources.csta_xml.framing import framed
from gateway_site.trace_trial.site import default_site
from gateway_site.trace_trial.text import report_lines
from gateway_site.trace_trial.trial import TrialReport, try_trace
from tests.cti.ami.field_pbx import freepbx
from tests.cti.ami.pbx import block
from tests.gateway_site.trace_trial.captures import BEGIN, Wire

NAMESPACE = "http://www.ecma-international.org/standards/ecma-323/csta/ed4"
#: Members of an event's data that no rule looks at and that may be any text: they are left out.
DECIDE_NOTHING = {"sourceTime", "isCanary"}
#: Parts of every name, number and address that the traces below have.
SECRETS = (
    "Carla", "M\xfcller", "M\\u00fc", "Archer", "Baker", "2001", "2002", "4477", "0171", "4711", "example.org", "acme",
    "Refund", "Dr. Smith", "NordTel", "GmbH", "CRM_ID", "CustomerNo", "998877", "Hotline", "sip:", "tel:", "10.0.0.",
)  # fmt: skip


def asterisk() -> bytes:
    """Two queue calls, with names and numbers in variables, channel names, Local channels and forged messages."""
    pbx = freepbx()
    pbx.logs_on("2002", "Bob O'Baker")
    talk = pbx.served("2001", caller_name="Carla M\xfcller (0171-2345678)", number="sip:carla@example.org")
    customer = talk["customer"]
    customer.variables = {"CRM_ID": "K-4711 Carla", "447700900155": "tel:+447700900166", "CUST_Carla": "04,434152"}
    pbx.says("NewCallerid", block(customer))
    pbx.says("UserEvent", UserEvent="AgentWrapup", Agent="2001", CallUniqueid=customer.uid, Code="Refund for Carla")
    pause = {"Interface": "Local/2001@from-queue/n", "Paused": 1, "PausedReason": "Dr. Smith"}
    pbx.says("QueueMemberPause", Queue="600", MemberName="Alice Archer", **pause)
    pbx.ends(talk)
    outside = pbx.calls_in("SIP/Nord/Tel GmbH", "from-trunk-sip-NordTel GmbH", caller_name="Carla M\xfcller")
    near, far = pbx.local("FMGL-447700900199#", "from-internal", outside)
    pbx.dials(outside, near)
    phone = pbx.own_line("2002", outside, peer="PJSIP/alice.archer")
    pbx.rings(far, phone)
    pbx.answers(far, phone, "b5")
    pbx.answers(outside, near, "b6")
    pbx.over(b6=(near, outside), b5=(phone, far))
    pbx.says("Hangup", Channel="PJSIP/carla-0000000a", Uniqueid="carla-4711")
    pbx.says("Newchannel", Channel="Carla M\xfcller", Uniqueid="1.1")
    return pbx.data


def event(name: str, connection: str, call: str, rest: str) -> bytes:
    named = f"<{connection}><callID>{call}</callID><deviceID>N&lt;2001&gt;Alice Archer</deviceID></{connection}>"
    body = f"<monitorCrossRefID>1</monitorCrossRefID>{named}{rest}"
    return f'<?xml version="1.0" encoding="UTF-8"?><{name} xmlns="{NAMESPACE}">{body}</{name}>'.encode()


def csta() -> bytes:
    """A call and messages that are not well-formed, with names in texts, tags and entities."""
    calling = "<callingDevice><deviceIdentifier>{}</deviceIdentifier></callingDevice><cause>normal</cause>"
    own = "<CustomerNo>998877</CustomerNo><Note_M\xfcller>x</Note_M\xfcller>"
    private = f"<extensions><privateData>{own}</privateData></extensions>"
    user = "<userData><string>Kunde=Carla M\xfcller;Tel=01712345</string></userData>"
    uri = "tel:+447700900155;phone-context=acme"
    messages = [
        event("EstablishedEvent", "establishedConnection", "4711-Carla", calling.format(uri) + user + private),
        *(
            event("EstablishedEvent", "establishedConnection", f"4712{place}", calling.format(name))
            for place, name in enumerate(("Carla < M\xfcller", "<Carla M\xfcller>", "Carla &M\xfcller; x"))
        ),
        event("ConnectionClearedEvent", "droppedConnection", "4711-Carla", "<cause>normalClearing</cause>"),
        b"<?xml version='1.0'?><!DOCTYPE Carla><a/>",
        b"<?xml version='1.0' encoding='Carla'?><a/>",
        b"<EstablishedEvent><Carla M></EstablishedEvent>",
    ]
    return b"".join(framed(9999, one) for one in messages)


def http() -> bytes:
    """Requests and events with names in addresses, members that nobody knows, and causes."""
    device = "alice.archer@acme"

    def one(second: int, kind: str, **data: Any) -> dict[str, Any]:
        at = datetime(2026, 3, 2, 9, 30, second, tzinfo=UTC).isoformat()
        head = {"specversion": "1.0", "id": f"carla-{second}", "source": "acme", "type": kind, "time": at}
        return {**head, "data": data}

    caller = {"callingNumber": "sip:carla@example.org", "callerName": "Carla M\xfcller"}
    query = {"Kunde M\xfcller": "Carla M\xfcller", "tel": "sip:carla@example.org"}
    call = {"callId": "Carla-4711"}
    found = [
        one(1, "csta.call.Queued", **call, **caller, deviceId="Hotline M\xfcller", cause="a call from Carla"),
        one(2, "csta.call.Established", **call, deviceId=device, interactionId="M\xfcller 1", queryData=query),
        one(3, "csta.call.Odd M\xfcller", callId="x"),
        one(4, "csta.call.Established", callId=4711, deviceId="Carla"),
        one(5, "csta.call.Held", **call, deviceId=device, localState="M\xfcller"),
        one(6, "gateway.link.Lost", reason="M\xfcller", devices=[device]),
        one(7, "gateway.link.Restored", devices=[device]),
        one(8, "csta.call.ConnectionCleared", **call, deviceId=device),
    ]
    body = json.dumps(found).encode()
    head = b"POST /api/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return b"GET /api/legs?number=447700900155 HTTP/1.1\r\nHost: example.org\r\n\r\n" + head % len(body) + body


def captured(data: bytes) -> bytes:
    wire = Wire()
    wire.open()
    wire.say(data, BEGIN)
    return wire.capture()


TRACES = {
    "asterisk_ami": asterisk(),
    "asterisk_ami, latin-1": asterisk().replace("M\xfcller".encode(), b"M\xfcller"),
    "asterisk_ami, captured": captured(asterisk()),
    "csta_xml": csta(),
    "http": http(),
}


def tried(name: str, *, is_anonymous: bool) -> TrialReport:
    return try_trace(TRACES[name], default_site(name.partition(",")[0]), is_anonymous=is_anonymous)


@pytest.mark.parametrize("name", TRACES)
def test_nothing_of_a_person_or_of_the_site_is_in_an_anonymised_trial(name: str) -> None:
    report = tried(name, is_anonymous=True)
    text = "\n".join([*report_lines(report, has_log=True), write(report.transcript)]).casefold()

    assert [secret for secret in SECRETS if secret.casefold() in text] == []


@pytest.mark.parametrize("name", TRACES)
def test_an_anonymised_trial_has_the_same_legs_calls_and_equal_values(name: str) -> None:
    plain, hidden = tried(name, is_anonymous=False), tried(name, is_anonymous=True)

    assert plain.legs
    assert (hidden.events, hidden.gaps) == (plain.events, plain.gaps)
    assert [shape(leg) for leg in hidden.legs] == [shape(leg) for leg in plain.legs]
    assert equalities(hidden) == equalities(plain)


def shape(leg: Any) -> tuple[Any, ...]:
    return leg.began, leg.ended, leg.outcome, sorted(leg.flags)


def equalities(report: TrialReport) -> list[list[bool]]:
    """Say of every two values of legs whether they are the same; query data is one text, in which keys stand too."""
    values = [
        value
        for leg in report.legs
        for value in (leg.extension, leg.call, *(leg.flags[one] for one in sorted(leg.flags) if "Query" not in one))
    ]
    return [[one == other for other in values] for one in values]


@pytest.mark.parametrize("data", [CallData, AgentData, LinkData])
def test_every_member_of_an_events_data_is_masked_or_kept(data: type[msgspec.Struct]) -> None:
    named = {one.encode_name for one in msgspec.structs.fields(data)}
    texts: dict[str, Any] = {"connections": [], "wrapup": {}, "new": {}, "old": {}, "queryData": {}, "devices": []}
    values = {name: texts.get(name, "x") for name in named}

    assert named - Anonymizer().data(values).keys() == named & DECIDE_NOTHING
