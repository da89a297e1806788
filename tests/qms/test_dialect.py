"""Dialects: the names of another WSDL."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree

from qms.port import Flag, FlagDefinition, ListedUser, QmsUnavailable
from qms.soap import answer_mapping
from qms.soap.contract import OWN_WSDL
from qms.soap.dialect import OPERATIONS, SHAPES, Dialect, DialectError, read_dialect
from qms.soap.reading import AnswerNode
from qms.soap.service import ConnectionSettings, SoapRecordingService


def node(operation: str, inner: str, dialect: Dialect = Dialect()) -> AnswerNode:  # noqa: B008  (frozen)
    """Return an answer of an operation with this content."""
    element = etree.fromstring(f"<{operation}Response>{inner}</{operation}Response>")
    return AnswerNode(element, f"{operation}Response", dialect, (operation,))


def test_our_shapes_are_those_of_our_wsdl() -> None:
    """The table of names is a copy; this keeps it true."""
    wsdl = OWN_WSDL.read_text()

    assert not [name for scope, shape in SHAPES.items() for name in (scope, *shape) if f'name="{name}"' not in wsdl]
    assert wsdl.count("<soap:operation ") == len(OPERATIONS)


def test_without_a_dialect_names_stay() -> None:
    assert Dialect().request("FindLiveRecording", {"extension": "1"}) == {"extension": "1"}
    assert answer_mapping.written(node("WriteFlags", "<written>3</written>"), 3) == 3


def test_a_name_within_a_type_goes_before_one_that_is_for_everywhere() -> None:
    dialect = Dialect(elements={"extension": "line", "User.extension": "phone"})

    assert [dialect.element(scope, "extension") for scope in ("User", "Recording")] == ["phone", "line"]


def test_what_they_do_not_have_is_not_sent_and_may_be_assumed() -> None:
    dialect = Dialect(elements={"ListUsers.pageSize": "", "User.licence": ""}, assume={"User.licence": "Unlimited"})

    assert dialect.request("ListUsers", {"pageSize": 500}) == {}
    (user,) = answer_mapping.users(node("ListUsers", "<user><userId>1</userId><active>Y</active></user>", dialect))
    assert isinstance(user, ListedUser)
    assert user.licence == "Unlimited"


def test_a_path_leads_into_wrappers_both_ways() -> None:
    dialect = Dialect(elements={"WriteFlags.flag": "set/flags/flag", "GetFlagsResponse.flag": "set/flag"})

    sent = dialect.request("WriteFlags", {"recordingGuid": "G", "flag": [{"name": "a", "value": "b"}]})
    read = node("GetFlags", "<set><flag><name>a</name><value>b</value></flag></set>", dialect)

    assert sent == {"recordingGuid": "G", "set": {"flags": {"flag": [{"name": "a", "value": "b"}]}}}
    assert answer_mapping.flags(read) == [Flag("a", "b")]
    assert answer_mapping.flags(node("GetFlags", "<set/>", dialect)) == []


def test_a_list_of_plain_strings_is_read_and_sent() -> None:
    elements = {"ListFlagDefinitionsResponse.definition": "return", "FlagDefinition.name": "."}
    dialect = Dialect(elements=elements | {"CreateFlagDefinition.definition": "name"})
    answer = node("ListFlagDefinitions", "<return>AgentId</return><return>QueueName</return>", dialect)

    assert answer_mapping.definitions(answer) == [FlagDefinition("AgentId"), FlagDefinition("QueueName")]
    assert dialect.request("CreateFlagDefinition", {"definition": {"name": "AgentId"}}) == {"name": "AgentId"}


def test_a_type_may_stand_unwrapped_in_its_request() -> None:
    dialect = Dialect(elements={"CreateFlagDefinition.definition": ".", "FlagDefinition.name": "label"})

    assert dialect.request("CreateFlagDefinition", {"definition": {"name": "AgentId"}}) == {"label": "AgentId"}


def test_what_is_sent_besides_gives_way_to_what_we_send() -> None:
    dialect = Dialect(elements={"ListUsers.pageToken": "offset"}, send={"ListUsers": {"offset": "0"}})

    assert dialect.request("ListUsers", {}) == {"offset": "0"}
    assert dialect.request("ListUsers", {"pageToken": "500"}) == {"offset": "500"}


def test_a_time_without_an_offset_needs_a_zone() -> None:
    naive = datetime(2026, 7, 1, 12)  # noqa: DTZ001  that is the point

    with pytest.raises(ValueError, match="offset"):
        Dialect().moment(naive)
    assert Dialect(time_zone="UTC").moment(naive) == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert Dialect(time_zone="Europe/Berlin").moment(naive).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense", "a.toml"),
        ("unknown = 1", "unknown"),
        ('[operations]\nFindLive = "x"', "FindLive"),
        ('[elements]\n"User.phone" = "x"', "User.phone"),
        ('[assume]\n"extension" = "x"', "extension"),
        ('[send.Nothing]\na = "b"', "Nothing"),
        ('[values."User.nothing"]\na = "b"', "User.nothing"),
        ('time_zone = "Mars/Base"', "Mars/Base"),
    ],
)
def test_a_dialect_that_cannot_be_used_says_which_key(text: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)

    with pytest.raises(DialectError, match=named):
        read_dialect(tmp_path / "a.toml")
    with pytest.raises(QmsUnavailable, match=named):
        SoapRecordingService(
            ConnectionSettings(url="http://127.0.0.1:1/", dialect=str(tmp_path / "a.toml"))
        ).service_info()


def test_a_dialect_that_is_not_there_is_said_so() -> None:
    with pytest.raises(QmsUnavailable, match="cannot be read"):
        SoapRecordingService(ConnectionSettings(url="http://127.0.0.1:1/", dialect="/no/such.toml")).service_info()
