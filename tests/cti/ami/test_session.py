"""The client: login, snapshot, signs of life, and how it ends."""

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cti.events import ConnectionCleared, Established, LoggedOn, SnapshotBegan, SnapshotEnded
from cti.sources.asterisk_ami.session import AmiSession
from cti.sources.port import CertificateUntrusted, LinkError, LoginRefused, NeedsPerson, SourceConfig, Stamp
from tests.cti.ami.folding import Fold
from tests.cti.ami.pbx import Line, Pbx, block, place
from tests.cti.ami.traces import Collected, Server, follow, source, trace


def channels(*shown: tuple[Line, str], bridge: str = "b1") -> bytes:
    """Return the recorded answer to CoreShowChannels: channels in one bridge, and what each executes."""
    own = "ActionID: snap-1-CoreShowChannels\r\n"
    items = [
        f"Event: CoreShowChannel\r\n{own}" + said(block(line) | {"Application": app, "BridgeId": bridge})
        for line, app in shown
    ]
    begin = f"Response: Success\r\n{own}EventList: start\r\n\r\n"
    return "".join([begin, *items, f"Event: CoreShowChannelsComplete\r\n{own}EventList: Complete\r\n\r\n"]).encode()


def said(keys: dict[str, object]) -> str:
    """Write keys as lines."""
    return "".join(f"{key}: {value}\r\n" for key, value in keys.items()) + "\r\n"


@pytest.mark.parametrize("auth", ["plain", "md5"])
def test_a_refused_login_says_whose_and_what_a_person_must_fix(auth: str) -> None:
    """Though the PBX closes the link with the same breath: a link that broke would be tried again at once."""
    outlet, error = asyncio.run(follow(Server(b"", login="Error\r\nMessage: Authentication failed"), auth=auth))

    assert isinstance(error, LoginRefused)
    assert not error.retryable
    assert "refused the login of gateway: Authentication failed. Correct the user name or the secret" in str(error)
    assert "gw-test-secret" not in str(error)
    assert not outlet.is_linked


def test_a_pbx_that_gives_no_challenge_refuses_the_login() -> None:
    server = Server(b"")
    server.answers["Challenge"] = [b"Response: Error\r\nActionID: x\r\nMessage: Must specify AuthType"]
    _, error = asyncio.run(follow(server, auth="md5"))

    assert isinstance(error, LoginRefused)
    assert "Must specify AuthType" in str(error)


def test_a_login_that_is_not_answered_is_worth_a_retry() -> None:
    _, error = asyncio.run(follow(Server(b"", silent=["Login"]), timeout_seconds=0.1))

    assert error is not None
    assert error.retryable


def test_md5_login_sends_no_secret() -> None:
    server = Server(trace("a-agent-states"))
    outlet, _ = asyncio.run(follow(server, auth="md5"))
    login = next(fields for fields in server.asked if fields["Action"] == "Login")

    assert login["Key"] == hashlib.md5(b"1234gw-test-secret").hexdigest()
    assert "Secret" not in login
    assert outlet.is_linked


def test_wrong_options_are_for_a_person_to_fix() -> None:
    with pytest.raises(LinkError, match="trunks") as caught:
        AmiSession(source(trunks=5), Stamp("pbx", "epoch"))

    assert not caught.value.retryable


def test_a_secret_with_a_line_break_is_never_sent() -> None:
    async def run() -> list[dict[str, str]]:
        server = Server(b"")
        config = SourceConfig(
            slug="pbx", kind="asterisk_ami", host="127.0.0.1", port=await server.start(), secret="a\nb"
        )
        with pytest.raises(LinkError, match="line break"):
            await AmiSession(config, Stamp("pbx", "epoch")).run(Collected())
        await server.stop()
        return server.asked

    assert asyncio.run(run()) == []


def test_nobody_there_is_an_error_worth_a_retry() -> None:
    with pytest.raises(LinkError, match="no connection") as caught:
        asyncio.run(AmiSession(source(1), Stamp("pbx", "epoch")).run(Collected()))

    assert caught.value.retryable


@pytest.mark.parametrize("silent", ["QueueStatus", "BridgeList", "CoreShowChannels"])
def test_an_answer_that_does_not_come_holds_nothing_up(silent: str) -> None:
    outlet, _ = asyncio.run(follow(Server(trace("b-queue-caller-hangup"), silent=[silent]), timeout_seconds=0.2))

    assert [one.device for one in Fold(outlet.events).done] == ["2001"]


def test_a_snapshot_without_the_channels_covers_no_device() -> None:
    """Else the open legs of before would be taken for ended."""
    outlet, _ = asyncio.run(
        follow(Server(trace("b-queue-caller-hangup"), silent=["CoreShowChannels"]), timeout_seconds=0.2)
    )
    complete, _ = asyncio.run(follow(Server(trace("b-queue-caller-hangup"))))

    assert [e.data.devices for e in outlet.events if isinstance(e, SnapshotBegan | SnapshotEnded)] == [(), ()]
    assert [e.data.devices for e in complete.events if isinstance(e, SnapshotBegan | SnapshotEnded)] == [None, None]


def agents_told(server: Server) -> list[bool | None]:
    """Return whether each snapshot of a session named all agents."""
    outlet, _ = asyncio.run(follow(server, timeout_seconds=0.2))
    return [event.data.agents_told for event in outlet.events if isinstance(event, SnapshotEnded)]


def test_a_snapshot_names_all_agents_where_members_and_pool_were_listed() -> None:
    assert agents_told(Server(trace("n-connect-mid-call"))) == [True]
    assert agents_told(Server(trace("n-connect-mid-call"), silent=["QueueStatus"])) == [None]


def test_a_snapshot_names_all_agents_where_the_pbx_has_no_pool_but_not_where_it_does_not_say() -> None:
    server = Server(trace("n-connect-mid-call"))
    server.answers["Agents"] = [
        b"Response: Error\r\nActionID: x\r\nMessage: Invalid/unknown command: Agents. Use Action"
    ]
    assert agents_told(server) == [True]

    server = Server(trace("n-connect-mid-call"))
    server.answers["Agents"] = [b"Response: Error\r\nActionID: x\r\nMessage: Permission denied"]
    assert agents_told(server) == [None]


def test_members_are_known_before_the_calls_in_progress() -> None:
    outlet, _ = asyncio.run(follow(Server(trace("n-connect-mid-call"))))
    kinds = [type(event) for event in outlet.events]

    assert kinds.index(SnapshotBegan) < kinds.index(LoggedOn) < kinds.index(Established) < kinds.index(SnapshotEnded)
    assert {e.data.agent_id: e.data.agent_name for e in outlet.events if isinstance(e, LoggedOn)}.items() >= {
        "2001": "Alice Archer",
        "2002": "Bob Baker",
    }.items()


def test_a_call_keeps_its_id_through_a_reconnect() -> None:
    """By a snapshot a call gets the id that it had, so that its leg is found again; also one that was dialled out."""
    pbx = Pbx()
    agent = pbx.phone("2001", "Alice", exten="9447")
    trunk = pbx.line("PJSIP/trunk", agent, context="from-trunk")
    pbx.dials(agent, trunk, "447@trunk")
    pbx.enters("b1", trunk, agent)
    live, _ = asyncio.run(follow(Server(pbx.data)))
    again, _ = asyncio.run(follow(Server(channels((agent, "Dial"), (trunk, "AppDial")))))

    first, second = (next(e for e in one.events if isinstance(e, Established)) for one in (live, again))
    assert (first.data.call_id, first.data.device_id) == (second.data.call_id, second.data.device_id)
    assert second.data.cause == "snapshot"
    assert second.data.direction == "outbound"


def test_who_is_in_a_bridge_that_the_list_of_channels_does_not_name_is_asked_for() -> None:
    """As after a transfer between the two answers; the items of BridgeInfo do not repeat the bridge."""
    pbx = Pbx()
    agent = pbx.phone("2001", "Alice", exten="9447")
    trunk = pbx.line("PJSIP/trunk", agent, context="from-trunk")
    for line in (agent, trunk):
        line.state = 6
    server = Server(channels((agent, "Dial"), (trunk, "AppDial"), bridge=""))
    server.answers["BridgeList"] = listed("BridgeList", place("b7") | {"BridgeNumChannels": 2}, item="BridgeListItem")
    server.answers["BridgeInfo"] = listed("BridgeInfo", block(agent), block(trunk), item="BridgeInfoChannel")
    server.last = "BridgeInfo"
    outlet, _ = asyncio.run(follow(server, timeout_seconds=0.2))

    established = [one.data for one in outlet.events if isinstance(one, Established)]
    assert {(one.device_id, one.call_id, one.cause) for one in established} == {("2001", agent.uid, "snapshot")}
    assert [one["BridgeUniqueid"] for one in server.asked if one["Action"] == "BridgeInfo"] == ["b7"]


def listed(action: str, *items: dict[str, object], item: str) -> list[bytes]:
    """Return the answer to an action: its items, and the event that ends it."""
    texts = ["Response: Success\r\nActionID: x\r\nEventList: start\r\n\r\n"]
    texts += [f"Event: {item}\r\nActionID: x\r\n" + said(one) for one in items]
    texts += [f"Event: {action}Complete\r\nActionID: x\r\nEventList: Complete\r\n\r\n"]
    return [one.encode().removesuffix(b"\r\n\r\n") for one in texts]


def test_a_shutdown_is_an_orderly_end() -> None:
    pbx = Pbx()
    customer, agent = pbx.queue_call()
    pbx.hangs_up(agent, customer)
    pbx.says("Shutdown", Shutdown="Cleanly", Restart="False")
    outlet, error = asyncio.run(follow(Server(pbx.data)))

    assert error is None
    assert [one.device for one in Fold(outlet.events).done] == ["2001"]


def test_a_crash_leaves_the_legs_open_and_is_an_error() -> None:
    """When they ended, the next snapshot must say: nobody knows."""
    pbx = Pbx()
    pbx.queue_call()
    outlet, error = asyncio.run(follow(Server(pbx.data)))

    assert isinstance(error, LinkError)
    assert error.retryable
    assert [key[1] for key in Fold(outlet.events).open] == ["2001"]


async def happens(is_so: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - what is waited for is no event of ours
            await asyncio.sleep(0.01)


async def stay(writer: asyncio.StreamWriter) -> None:
    """Keep a link open."""


def test_a_link_that_is_silent_is_given_up() -> None:
    server = Server(b"", silent=["Ping"])
    server.after = stay
    _, error = asyncio.run(follow(server, ping_seconds=0.2, timeout_seconds=0.2))

    assert "silent" in str(error)
    assert "Ping" in [fields["Action"] for fields in server.asked]


def test_a_ping_that_is_answered_keeps_a_quiet_link() -> None:
    async def run() -> int:
        server = Server(b"")
        server.after = stay
        config = source(await server.start(), ping_seconds=0.05, timeout_seconds=0.5, full_boot_seconds=0.1)
        task = asyncio.create_task(AmiSession(config, Stamp("pbx", "epoch")).run(Collected()))
        await happens(lambda: sum(fields["Action"] == "Ping" for fields in server.asked) >= 3)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()
        return len(server.asked)

    assert asyncio.run(run()) > 3


def test_an_end_that_nothing_confirms_is_reported_after_a_moment() -> None:
    """The agent left the bridge, and the PBX says no more of him."""
    pbx = Pbx()
    customer, _ = pbx.queue_call()
    pbx.leaves("b1", customer)

    async def run() -> list[str]:
        server = Server(pbx.data)
        server.after = stay
        outlet = Collected()
        config = source(await server.start(), full_boot_seconds=0.1)
        task = asyncio.create_task(AmiSession(config, Stamp("pbx", "epoch")).run(outlet))
        await happens(lambda: any(isinstance(event, ConnectionCleared) for event in outlet.events))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.stop()
        return [one.device for one in Fold(outlet.events).done]

    assert asyncio.run(run()) == ["2001"]


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Write a certificate of its own authority for a host, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(built.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.mark.parametrize(("host", "is_trusted"), [("localhost", True), ("pbx.example", False)])
def test_tls_checks_the_hosts_name(tmp_path: Path, host: str, is_trusted: bool) -> None:
    async def run() -> Collected:
        cert, key = certificate(tmp_path, host)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        server, outlet = Server(b""), Collected()
        port = await server.start(context)
        config = SourceConfig(
            slug="pbx",
            kind="asterisk_ami",
            host="localhost",
            port=port,
            tls=True,
            ca_file=str(cert),
            secret="s",
            options={"full_boot_seconds": 0.1},
        )
        with pytest.raises(LinkError) as caught:
            await AmiSession(config, Stamp("pbx", "epoch")).run(outlet)
        await server.stop()
        assert isinstance(caught.value, CertificateUntrusted) != is_trusted
        assert is_trusted or "is not trusted: Hostname mismatch" in str(caught.value)
        return outlet

    assert asyncio.run(run()).is_linked == is_trusted


def test_a_ca_file_that_cannot_be_read_is_for_a_person_to_fix() -> None:
    config = SourceConfig(slug="pbx", kind="asterisk_ami", host="127.0.0.1", port=1, tls=True, ca_file="missing.pem")
    with pytest.raises(NeedsPerson, match=r"CA file cannot be read: FileNotFoundError\. Correct"):
        asyncio.run(AmiSession(config, Stamp("pbx", "epoch")).run(Collected()))


def test_no_caller_can_know_what_an_answer_bears() -> None:
    servers = [Server(b""), Server(b"")]
    for server in servers:
        asyncio.run(follow(server))

    first, second = [{fields["ActionID"] for fields in server.asked} for server in servers]
    assert first
    assert first.isdisjoint(second)


def test_nothing_is_read_while_the_listener_takes_no_more_and_all_of_it_comes_after() -> None:
    async def held(monkey: pytest.MonkeyPatch) -> tuple[Collected, LinkError | None]:
        outlet = Collected()
        outlet.is_held = True
        monkey.setattr("tests.cti.ami.traces.Collected", lambda: outlet)
        server = Server(trace("a-agent-states"))
        server.pieces = 500

        async def snapshot_taken() -> None:  # What comes before is read with the snapshot, however much it is.
            await happens(lambda: any(isinstance(event, SnapshotEnded) for event in outlet.events))

        async def release(writer: asyncio.StreamWriter) -> None:
            holds = outlet.holds
            await happens(lambda: outlet.holds > holds + 3)
            outlet.is_held = False
            writer.close()

        server.before, server.after = snapshot_taken, release
        return await follow(server)

    with pytest.MonkeyPatch.context() as monkey:
        outlet, _ = asyncio.run(held(monkey))

    plain, _ = asyncio.run(follow(Server(trace("a-agent-states"))))
    assert (outlet.came_while_held, outlet.paced > 0) == (0, True)
    assert [type(event) for event in outlet.events] == [type(event) for event in plain.events]
