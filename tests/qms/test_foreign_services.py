"""The contract over services as .NET and Java make them, reached by a dialect alone; and what they do wrong."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from devtools.recorder_contract import AGENT, NOON, QUEUE, RecorderContract, UserSetter
from qms.adapters import ConnectionConfig
from qms.port import (
    Flag,
    ListedUser,
    QmsLoginFailed,
    QmsUnavailable,
    QmsUnclear,
    UnreadableUser,
)
from qms.soap.adapter import SoapAdapter
from tests.qms.foreign_soap import (
    Archive,
    JaxWsOptions,
    JaxWsService,
    Misbehaviour,
    Operation,
    Person,
    WcfOptions,
    WcfService,
)
from tests.qms.foreign_soap.service import ForeignService
from vault.fields import Secret

DIALECTS = Path(__file__).parent / "dialects"
ALICE = Person(1, "alice", "Alice", "Ames", "2001", agent_id="A1", department="Sales")
BOB = Person(2, "bob", "Bob", "Bell", "2002", licence="OnDemand")


class ArchiveSide:
    """What happens at a foreign recorder."""

    def __init__(self, server: ForeignService) -> None:
        self.server, self.archive = server, server.archive
        self.now = NOON

    def set_now(self, now: datetime) -> None:
        """Take a time as now."""
        self.now = now

    def begins(self, extension: str) -> None:
        """Begin a recording; one in progress ends."""
        self.ends(extension)
        self.archive.record(extension, self.now)

    def set_users(self, users: Sequence[ListedUser]) -> None:
        """Have these users."""
        self.archive.replace_people([_person(user) for user in users])

    def ends(self, extension: str) -> None:
        """End the recording in progress."""
        live = self.archive.live(extension)
        if live is not None:
            self.archive.end(live.guid, self.now)


def _person(user: ListedUser) -> Person:
    return Person(
        int(user.user_id),
        user.user_name,
        user.first_name,
        user.last_name,
        user.extension,
        agent_id=user.agent_id,
        department=user.department_name,
        server=user.recording_service,
        is_active=user.active,
        licence=user.licence.value,
    )


def config_of(server: ForeignService, dialect: str, **changes: Any) -> ConnectionConfig:
    path = "/Vault.svc" if dialect == "vault" else "/recorder/RecorderService"
    wsdl = f"{server.address}{path}?wsdl"
    settings = {"username": "gateway", "password": Secret("secret"), "login": "none", **changes}
    return ConnectionConfig(
        slug="foreign", url=f"{server.address}{path}", wsdl=wsdl, dialect=str(DIALECTS / f"{dialect}.toml"), **settings
    )


def adapter(server: ForeignService, dialect: str, **changes: Any) -> SoapAdapter:
    return SoapAdapter.from_config(config_of(server, dialect, **changes))


class ForeignContract(RecorderContract):
    """The contract over a foreign service."""

    counts_new_flags = False
    dialect: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}

    @pytest.fixture
    def server(self) -> Iterator[ForeignService]:
        raise NotImplementedError

    @pytest.fixture
    def side(self, server: ForeignService) -> ArchiveSide:
        return ArchiveSide(server)

    @pytest.fixture
    def set_users(self, side: ArchiveSide) -> UserSetter:
        return side.set_users

    @pytest.fixture
    def config(self, side: ArchiveSide) -> ConnectionConfig:
        return config_of(side.server, self.dialect, **self.settings)

    @pytest.fixture
    def away(self, config: ConnectionConfig) -> ConnectionConfig:
        return msgspec.structs.replace(config, url="http://127.0.0.1:1/", timeout_seconds=1)

    @pytest.fixture
    def service(self, config: ConnectionConfig) -> Iterator[SoapAdapter]:
        made = SoapAdapter.from_config(config)
        yield made
        made.close()


class TestWcf(ForeignContract):
    """WCF: split WSDL, nil for nothing, data in a namespace of its own."""

    dialect = "vault"
    options: ClassVar[WcfOptions] = WcfOptions()

    @pytest.fixture
    def server(self) -> Iterator[ForeignService]:
        with WcfService(Archive([ALICE, BOB]), options=self.options) as server:
            yield server


class TestWcfWithBracesAndBasicLogin(TestWcf):
    """The same behind HTTP Basic, GUIDs in braces and upper case, "no recording" as the empty GUID."""

    options = WcfOptions(login="basic", guards_documents=True, guid_form="braces", no_call="empty guid")
    settings: ClassVar[dict[str, Any]] = {"login": "basic"}


class TestWcfThatIsUpdated(TestWcf):
    """Every element has something unknown in it, every list a nil, and "no recording" is nothing at all."""

    options = WcfOptions(guid_form="no dashes", no_call="absent")

    @pytest.fixture
    def server(self) -> Iterator[ForeignService]:
        with WcfService(Archive([ALICE, BOB]), options=self.options) as server:
            server.misbehaviours.set(Misbehaviour(unknown_elements=True, nil_item=True))
            yield server


class TestWcfOverSoap12(TestWcf):
    """The port of SOAP 1.2."""

    @pytest.fixture
    def config(self, side: ArchiveSide, tmp_path: Path) -> ConnectionConfig:
        text = (DIALECTS / "vault.toml").read_text()
        (tmp_path / "vault12.toml").write_text(f'port = "Soap12_IVault"\n{text}')
        address = side.server.address
        return ConnectionConfig(
            slug="foreign",
            url=f"{address}/Vault.svc/soap12",
            wsdl=f"{address}/Vault.svc?wsdl",
            dialect=str(tmp_path / "vault12.toml"),
            login="none",
        )


class TestJaxWs(ForeignContract):
    """JAX-WS: plain strings as flags, a boolean as the answer to a write, nothing for null."""

    dialect = "tonband"
    keeps_lengths = False
    options: ClassVar[JaxWsOptions] = JaxWsOptions()

    @pytest.fixture
    def server(self) -> Iterator[ForeignService]:
        with JaxWsService(Archive([ALICE, BOB]), options=self.options) as server:
            yield server


class TestJaxWsWithWsSecurity(TestJaxWs):
    """The same with a password as text, a Timestamp, Y and N, and empty elements for null."""

    options = JaxWsOptions(security="text", truth_words="Y/N", writes_empty=True, no_recording="empty")
    settings: ClassVar[dict[str, Any]] = {"login": "username_token_timestamp"}


class TestJaxWsWithDigest(TestJaxWs):
    """The same with a digest of the password."""

    options = JaxWsOptions(security="digest", truth_words="True/False", no_recording="nil")
    settings: ClassVar[dict[str, Any]] = {"login": "username_digest"}


@pytest.fixture
def vault() -> Iterator[WcfService]:
    with WcfService(Archive([ALICE, BOB])) as server:
        yield server


@pytest.fixture
def guid(vault: WcfService) -> str:
    service = adapter(vault, "vault")
    for definition in (AGENT, QUEUE):
        service.create_flag_definition(definition)
    return str(vault.archive.record("2001", NOON))


def test_an_exception_of_the_service_is_unclear_and_nothing_is_refused(vault: WcfService, guid: str) -> None:
    for what in (Misbehaviour(crashes=True), Misbehaviour(crashes_late=True)):
        vault.misbehaviours.set(what, Operation.WRITE_FLAGS, once=True)
        with pytest.raises(QmsUnclear):
            adapter(vault, "vault").write_flags(guid, [Flag("AgentId", "1")])


def test_a_write_that_wrote_nothing_says_0(vault: WcfService, guid: str) -> None:
    vault.misbehaviours.set(Misbehaviour(writes_nothing=True), Operation.WRITE_FLAGS)

    assert adapter(vault, "vault").write_flags(guid, [Flag("AgentId", "1"), Flag("QueueName", "2")]) == 0


def test_one_bad_user_is_named_and_the_others_are_listed(vault: WcfService) -> None:
    vault.misbehaviours.set(Misbehaviour(bad_user=True), Operation.LIST_USERS)

    *good, bad = adapter(vault, "vault").users()
    assert [one.user_name for one in good if isinstance(one, ListedUser)] == ["alice", "bob"]
    assert isinstance(bad, UnreadableUser)
    assert "ListUsers: user 17, active (Enabled): 'perhaps' is neither yes nor no" in bad.problem


def test_a_guid_of_300_characters_is_no_answer(vault: WcfService, guid: str) -> None:
    vault.misbehaviours.set(Misbehaviour(guid_length=300), Operation.FIND_LIVE_RECORDING)

    with pytest.raises(QmsUnavailable, match=r"recordingGuid \(CallId\): is longer than 128 characters"):
        adapter(vault, "vault").find_live_recording("2001")


@pytest.mark.parametrize("login", ["ntlm", "negotiate", "digest"])
def test_a_login_that_the_gateway_does_not_speak_is_named(login: Any) -> None:
    with (
        WcfService(Archive([ALICE]), options=WcfOptions(login=login)) as server,
        pytest.raises(QmsLoginFailed, match=f"(?i)it asks for .*{login}"),
    ):
        adapter(server, "vault").service_info()


def test_a_wrong_password_is_a_failed_login_and_refuses_no_write() -> None:
    options = JaxWsOptions(security="digest")
    with JaxWsService(Archive([ALICE]), options=options) as server:
        service = adapter(server, "tonband", login="username_digest", password=Secret("wrong"))
        with pytest.raises(QmsLoginFailed):
            service.write_flags("00000000-0000-4000-8000-000000000000", [Flag("AgentId", "1")])


def test_users_come_page_by_page() -> None:
    people = [Person(number, f"u{number}", "", "", str(number)) for number in range(1, 1204)]
    with JaxWsService(Archive(people)) as server:
        listed = list(adapter(server, "tonband").users())

    assert [one.user_id for one in listed] == [str(number) for number in range(1, 1204)]


def test_the_time_out_bounds_a_service_that_drips(vault: WcfService) -> None:
    vault.misbehaviours.set(Misbehaviour(drip_seconds=0.3, drip_bytes=1))
    began = datetime.now(UTC)
    with pytest.raises(QmsUnavailable):
        adapter(vault, "vault", timeout_seconds=1.0).find_live_recording("2001")

    assert datetime.now(UTC) - began < timedelta(seconds=6)
