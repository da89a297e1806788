"""Answers as .NET and Java services really give them: nil, unknown elements, odd values, faults, and hostile shapes."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qms.port import (
    Flag,
    FlagDefinition,
    FlaggedRecording,
    ListedUser,
    QmsBusy,
    QmsError,
    QmsLoginFailed,
    QmsRejected,
    QmsUnavailable,
    QmsUnclear,
    RecordingNotFound,
    UnreadableRecording,
    UnreadableUser,
)
from qms.soap.dialect import Dialect
from qms.soap.service import ConnectionSettings, Limits, SoapRecordingService
from tests.qms.scripted import ENVELOPE, NS, answering, http, serving

CASES = Path(__file__).parent / "cases"
GUID = "3f2b8c1e-0000-4a11-9d21-00000000aa01"
NIL = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'
STARTED = "<startedAt>2026-11-28T10:00:00Z</startedAt>"


def asked(answer: str | bytes, status: str = "200 OK", dialect: Dialect | None = None, **call: object) -> object:
    """Return what a call comes to whose answer is this envelope."""
    with serving(answering(http(answer, status))) as url:
        service = SoapRecordingService(ConnectionSettings(url=url, login="", limits=Limits(total_seconds=3.0)))
        if dialect is not None:
            service.line.contract.dialect = dialect
        try:
            return next(getattr(service, name)(*arguments) for name, arguments in call.items())  # type: ignore[misc]
        finally:
            service.line.close()


def body(operation: str, inner: str) -> str:
    return ENVELOPE.format(f"<{operation}Response {NS}>{inner}</{operation}Response>")


def found(recording: str, **more: object) -> object:
    return asked(body("FindLiveRecording", recording), find_live_recording=("2001",), **more)  # type: ignore[arg-type]


def recording(*, guid: str = GUID, more: str = "", started: str = STARTED) -> str:
    inner = f"<recordingGuid>{guid}</recordingGuid><extension>2001</extension>{started}{more}"
    return f"<recording>{inner}</recording>"


@pytest.mark.parametrize(
    "nothing",
    [
        "",
        f"<recording {NIL}/>",
        "<recording/>",
        f"<recording {NIL}/><recording/>",
        recording(guid="00000000-0000-0000-0000-000000000000"),
        recording(guid="{00000000-0000-0000-0000-000000000000}"),
        recording(guid=""),
    ],
)
def test_every_way_to_say_no_recording_is_none(nothing: str) -> None:
    assert found(nothing) is None


@pytest.mark.parametrize("guid", ["{3F2B8C1E-0000-4A11-9D21-00000000AA01}", "4711", "G" * 128])
def test_a_guid_is_kept_as_given(guid: str) -> None:
    assert found(recording(guid=guid)).guid == guid  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "more",
    [
        "<channel>3</channel>",
        "<a><b c='d'>x</b></a>",
        "<endedAt>0001-01-01T00:00:00</endedAt>",
        "<endedAt/>",
        f"<endedAt {NIL}/>",
    ],
)
def test_unknown_and_empty_elements_are_ignored_wherever_they_stand(more: str) -> None:
    one = found("<before/>" + recording(more=more) + "<after x='y'/>")

    assert (one.guid, one.ended_at) == (GUID, None)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (recording(started=""), "FindLiveRecording: recording, startedAt: is missing"),
        (recording(started="<startedAt>2026-11-28</startedAt>"), "startedAt: is no date with a time"),
        (recording(started="<startedAt>2026-11-28T10:00:00</startedAt>"), "startedAt: has no offset"),
        (recording(guid="G" * 129), "recordingGuid: is longer than 128"),
        (recording() + recording(), "recording: occurs 2 times"),
        ("<recording><extension>2001</extension></recording>", "recordingGuid: is missing"),
    ],
)
def test_what_cannot_be_read_says_where_and_what(answer: str, says: str) -> None:
    with pytest.raises(QmsUnavailable, match=says):
        found(answer)


def user(number: int, **changes: str) -> str:
    values = {"userId": str(number), "userName": f"u{number}", "extension": str(2000 + number), "active": "true"}
    values |= {"recordingService": "Any", "licence": "Unlimited", **changes}
    return "<user>" + "".join(f"<{name}>{value}</{name}>" for name, value in values.items()) + "</user>"


def listed(*users: str) -> list[ListedUser | UnreadableUser]:
    answer = body("ListUsers", "".join(users))
    with serving(answering(http(answer))) as url:
        return list(SoapRecordingService(ConnectionSettings(url=url, login="")).users())


def test_one_bad_user_does_not_lose_the_list() -> None:
    good, bad, nil, last = listed(
        user(1), user(17, licence="Trial"), f"<user {NIL}/>" + user(3, active="perhaps"), user(4)
    )

    assert isinstance(good, ListedUser)
    assert isinstance(last, ListedUser)
    assert bad == UnreadableUser("ListUsers: user 17, licence: 'Trial' is not mapped by [values]", "17")
    assert nil == UnreadableUser("ListUsers: user 3, active: 'perhaps' is neither yes nor no", "3")


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (recording(guid="g" * 129), "recordingGuid"),
        (recording(started="<startedAt>yesterday</startedAt>"), "startedAt"),
        (recording(started=""), "startedAt"),
        (recording().replace(">2001<", f">{'2' * 256}<"), "extension"),
    ],
)
def test_one_bad_recording_does_not_lose_the_list(bad: str, says: str) -> None:
    good = f"<recording>{recording()}<flag><name>AgentId</name><value>A1</value></flag></recording>"
    answer = body("ListRecordings", f"{good}<recording>{bad}</recording>{good}")
    with serving(answering(http(answer))) as url:
        service = SoapRecordingService(ConnectionSettings(url=url, login=""))
        first, middle, last = service.recordings(datetime(2026, 11, 28, tzinfo=UTC), datetime(2026, 11, 29, tzinfo=UTC))

    assert isinstance(first, FlaggedRecording)
    assert isinstance(last, FlaggedRecording)
    assert first.flags == (Flag("AgentId", "A1"),)
    assert isinstance(middle, UnreadableRecording)
    assert says in middle.problem


@pytest.mark.parametrize(
    ("word", "is_active"), [("True", True), ("Y", True), ("1", True), ("FALSE", False), ("n", False)]
)
def test_active_is_read_as_text(word: str, is_active: bool) -> None:
    (one,) = listed(user(1, active=word))

    assert isinstance(one, ListedUser)
    assert one.active is is_active


@pytest.mark.parametrize("field", ["userId", "userName", "extension", "agentId", "recordingService"])
def test_a_text_that_distinguishes_users_is_never_cut(field: str) -> None:
    (one,) = listed(user(1, **{field: "x" * 256}))

    assert isinstance(one, UnreadableUser)
    assert f"{field}: is longer than 255 characters" in one.problem


@pytest.mark.parametrize(
    ("answer", "count"), [("<written>0</written>", 0), ("<written>2</written>", 2), ("<written>true</written>", 2)]
)
def test_the_count_of_written_flags_is_reported_as_it_is(answer: str, count: int) -> None:
    flags = [Flag("AgentId", "1"), Flag("QueueName", "2")]

    assert asked(body("WriteFlags", answer), write_flags=(GUID, flags)) == count


def test_a_write_whose_count_cannot_be_read_is_unclear() -> None:
    for answer in ("", "<written/>", "<written>many</written>", "<written>1</written><written>1</written>"):
        with pytest.raises(QmsUnclear, match="WriteFlags: written"):
            asked(body("WriteFlags", answer), write_flags=(GUID, [Flag("AgentId", "1")]))


def test_a_service_that_names_no_count_confirms_by_answering() -> None:
    dialect = Dialect(elements={"WriteFlagsResponse.written": ""})

    assert asked(body("WriteFlags", ""), dialect=dialect, write_flags=(GUID, [Flag("AgentId", "1")])) == 1


def fault11(code: str, detail: str = "") -> str:
    inner = f"<faultcode xmlns:a='urn:a'>{code}</faultcode><faultstring>secret words</faultstring>{detail}"
    return ENVELOPE.format(f"<s:Fault>{inner}</s:Fault>")


def fault12(*codes: str, detail: str = "") -> str:
    inner = ""
    for number, code in enumerate(reversed(codes)):
        inner = f"<s:Value>{code}</s:Value>" + (f"<s:Subcode>{inner}</s:Subcode>" if number else "")
    reason = "<s:Reason><s:Text xml:lang='en'>secret words</s:Text></s:Reason>"
    fault = f"<s:Fault><s:Code>{inner}</s:Code>{reason}<s:Detail>{detail}</s:Detail></s:Fault>"
    return ENVELOPE.format(fault).replace(
        "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
    )


DETAIL = "<detail><problem><code>{}</code></problem></detail>"
FAULTS: dict[str, tuple[str, type[QmsError]]] = {
    "WCF's internal fault": (fault11("a:InternalServiceFault"), QmsUnclear),
    "WCF's dispatcher": (fault11("a:DispatcherFault"), QmsUnclear),
    "Server": (fault11("s:Server"), QmsUnclear),
    "Server with an unknown code": (fault11("s:Server", DETAIL.format("E_17")), QmsUnclear),
    "Server with a known code": (fault11("s:Server", DETAIL.format("RecordingNotFound")), RecordingNotFound),
    "Client": (fault11("s:Client"), QmsRejected),
    "Client with an unknown code": (fault11("s:Client", DETAIL.format("E_17")), QmsRejected),
    "Client.Authentication": (fault11("s:Client.Authentication"), QmsLoginFailed),
    "WS-Security": (fault11("a:FailedAuthentication"), QmsLoginFailed),
    "WS-Security, no code before it": (fault11("InvalidSecurity"), QmsLoginFailed),
    "WSS4J": (fault11("a:SecurityError"), QmsLoginFailed),
    "an expired message": (fault11("a:MessageExpired"), QmsLoginFailed),
    "an unknown action": (fault11("a:ActionNotSupported"), QmsUnavailable),
    "a header that is not understood": (fault11("s:MustUnderstand"), QmsUnavailable),
    "SOAP 1.2 Receiver": (fault12("s:Receiver"), QmsUnclear),
    "SOAP 1.2 Receiver with WCF's code": (fault12("s:Receiver", "a:InternalServiceFault"), QmsUnclear),
    "SOAP 1.2 Sender": (fault12("s:Sender"), QmsRejected),
    "SOAP 1.2 Sender of WS-Security": (fault12("s:Sender", "a:InvalidSecurity"), QmsLoginFailed),
    "SOAP 1.2 with a subcode of ours": (fault12("s:Receiver", "q:ServiceBusy"), QmsBusy),
    "SOAP 1.2 with a code of ours": (
        fault12("s:Sender", detail="<x><code>RecordingNotFound</code></x>"),
        RecordingNotFound,
    ),
    "a fault without a code": (ENVELOPE.format("<s:Fault/>"), QmsUnclear),
}


@pytest.mark.parametrize(("answer", "kind"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("status", ["500 Oops", "200 OK", "400 Bad Request"])
def test_only_a_known_code_or_a_blamed_sender_refuses_a_write(answer: str, kind: type[QmsError], status: str) -> None:
    with pytest.raises(QmsError) as raised:
        asked(answer, status, write_flags=(GUID, [Flag("AgentId", "1")]))

    assert type(raised.value) is kind
    assert "secret" not in str(raised.value)


def test_a_dialect_maps_detail_codes_and_fault_codes_alike() -> None:
    dialect = Dialect(faults={"E_GONE": "RecordingNotFound", "VaultError": "ServiceBusy"})
    call = {"write_flags": (GUID, [Flag("AgentId", "1")])}

    with pytest.raises(RecordingNotFound):
        asked(fault11("s:Server", DETAIL.format("E_GONE")), "500 x", dialect=dialect, **call)
    with pytest.raises(QmsBusy):
        asked(fault11("a:VaultError"), "500 x", dialect=dialect, **call)
    with pytest.raises(QmsBusy):
        asked(fault11("a:VaultError", DETAIL.format("E_ELSE")), "500 x", dialect=dialect, **call)


@pytest.mark.parametrize("kind", ["NTLM", "Negotiate", "Digest", "Basic"])
def test_a_service_that_asks_for_another_login_is_reported_by_its_name(kind: str) -> None:
    with serving(answering(http("", "401 Unauthorized", f'WWW-Authenticate: {kind} realm="x"'))) as url:
        service = SoapRecordingService(ConnectionSettings(url=url, login=""))
        with pytest.raises(QmsLoginFailed, match=f"It asks for {kind}"):
            service.flags(GUID)


HOSTILE = {
    "many bytes": body("GetFlags", "<x>" + "y" * 15_000_000 + "</x>"),
    "many attributes": body("ListUsers", "<x " + " ".join(f'a{n}="1"' for n in range(300_000)) + "/>"),
    "many attributes in a short answer": body("GetFlags", "<x " + " ".join(f'a{n}=""' for n in range(6_000)) + "/>"),
    "many children": body("ListUsers", "<x/>" * 1_000_000),
    "great depth": body("ListUsers", "<x>" * 100_000 + "</x>" * 100_000),
    "great depth in a short answer": body("GetFlags", "<x>" * 5_000 + "</x>" * 5_000),
    "a text without end": body("ListUsers", "<user><userId>" + "y" * 5_000_000 + "</userId></user>"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_of_hostile_size_or_shape_costs_little(content: str) -> None:
    call: dict[str, object] = {"flags": (GUID,)} if "GetFlags" in content[:200] else {"users": ()}
    with serving(answering(http(content))) as url:
        service = SoapRecordingService(ConnectionSettings(url=url, login=""))
        began = time.thread_time()
        try:
            for name, arguments in call.items():
                list(getattr(service, name)(*arguments))  # type: ignore[misc]
        except QmsUnavailable:
            pass
        assert time.thread_time() - began < 1.5


def test_a_page_of_500_users_with_long_names_is_read() -> None:
    users = listed(*(user(number, firstName="Ä" * 255, departmentName="é" * 255) for number in range(500)))

    assert len([one for one in users if isinstance(one, ListedUser)]) == 500


def test_the_cases_that_were_handed_over() -> None:
    def case(name: str) -> bytes:
        return (CASES / name).read_bytes()

    with pytest.raises(QmsUnclear):
        asked(case("01-wcf-internal-service-fault.xml"), "500 x", write_flags=(GUID, [Flag("AgentId", "1")]))
    flags = [Flag("AgentId", "1"), Flag("QueueName", "2")]
    assert asked(case("02-written-0.xml"), write_flags=(GUID, flags)) == 0
    assert asked(case("03-nil-recording.xml"), find_live_recording=("2001",)) is None
    one = asked(case("04-extra-element.xml"), find_live_recording=("2001",))
    assert one.guid == GUID  # type: ignore[attr-defined]


def test_a_created_flag_that_is_not_reported_back_is_the_one_asked_for() -> None:
    assert asked(body("CreateFlagDefinition", ""), create_flag_definition=(FlagDefinition("A"),)) == FlagDefinition("A")
