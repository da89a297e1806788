"""What a channel stands for: phones and trunks as distributions name them, and as they behave."""

from pathlib import Path
from typing import Any

import pytest

from cti.sources.asterisk_ami import classification
from cti.sources.asterisk_ami.channel_names import Peer, peer_of
from cti.sources.asterisk_ami.classification import Birth, PeerClassifier
from cti.sources.asterisk_ami.options import AmiOptionsError, read_options
from cti.sources.asterisk_ami.presets import PRESETS, PresetName
from cti.sources.asterisk_ami.values import ChannelKind
from tests.cti.ami.traces import source

ROOT = Path(__file__).resolve().parents[3]
CUSTOMER = "447700900100"
EXTENSION, OUTSIDE = ChannelKind.EXTENSION, ChannelKind.OUTSIDE


def classifier(devices: tuple[str, ...] = (), **options: Any) -> PeerClassifier:
    return PeerClassifier(devices, read_options(source(**options)))


@pytest.mark.parametrize(
    ("channel", "peer"),
    [
        ("PJSIP/2001-0000000a", Peer("PJSIP", "2001")),
        ("SIP/Nord Tel-00000000", Peer("SIP", "Nord Tel")),
        ("SIP/büro-west-0000001f", Peer("SIP", "büro-west")),
        ("IAX2/office-b-1234", Peer("IAX2", "office-b")),
        ("DAHDI/i1/447700900100-1f", Peer("DAHDI", "i1")),
        ("DAHDI/i2/-5ab", Peer("DAHDI", "i2")),
        ("DAHDI/5-1", Peer("DAHDI", "5")),
        ("Dongle/dongle0-01000000ab", Peer("Dongle", "dongle0")),
        ("PJSIP/trunk-00000003<ZOMBIE>", Peer("PJSIP", "trunk")),
    ],
)
def test_a_channel_is_its_peers(channel: str, peer: Peer) -> None:
    assert peer_of(channel) == peer


@pytest.mark.parametrize(
    "context",
    [
        "from-trunk",
        "from-trunk-sip-nordtel",
        "from-trunk-iax2-office",
        "from-pstn-toheader",
        "from-digital",
        "from-analog",
        "from-dahdi",
        "from-sip-external",
        "from-extern",
        "from-outside-acme",
    ],
)
def test_a_channel_of_a_context_for_calls_from_outside_is_a_trunks(context: str) -> None:
    assert classifier().kind("SIP/4711-00000001", Birth(context, CUSTOMER, "4")) is OUTSIDE


@pytest.mark.parametrize(
    "channel",
    [
        "DAHDI/i1/447700900100-1f",
        "Dongle/dongle0-01000000ab",
        "SIP/192.0.2.5-0000001a",
        "PJSIP/anonymous-0000001a",
        "SIP/447700900100-0000001a",
        "SIP/nordtel-0000001a",
        "IAX2/office-b-77",
    ],
)
def test_a_line_without_any_setting_is_no_extension(channel: str) -> None:
    assert classifier().kind(channel, Birth("incoming", CUSTOMER, "4")) is OUTSIDE


@pytest.mark.parametrize("channel", ["PJSIP/2001-0000000a", "SCCP/2001-0000000a", "PJSIP/alice-0000000a", "DAHDI/5-1"])
def test_a_phone_without_any_setting_is_an_extension(channel: str) -> None:
    assert classifier().kind(channel, Birth("internal", "2001", "4")) is EXTENSION


@pytest.mark.parametrize(
    ("channel", "dial_string"),
    [
        ("SIP/nordtel-0000001a", "nordtel/00447700900200"),
        ("PJSIP/nordtel-0000001a", "00447700900200@nordtel"),
        ("IAX2/office-b-77", "office-b/3001"),
        ("DAHDI/5-1", "g0/00447700900200"),
        ("SIP/49891234-0000001a", "49891234/00447700900200"),
    ],
)
def test_a_peer_through_which_a_number_is_dialled_is_a_trunk_from_then_on(channel: str, dial_string: str) -> None:
    peers = classifier()
    peers.kind(channel, Birth("x", "2001", "0"))
    peers.dialled(channel, dial_string)

    assert peers.kind(channel, Birth("x", "2001", "0")) is OUTSIDE


@pytest.mark.parametrize("dial_string", ["lobby", "lobby/sip:lobby@192.0.2.1:5060"])
def test_a_peer_that_is_dialled_by_its_own_name_is_a_phone(dial_string: str) -> None:
    peers = classifier()
    before = peers.kind("PJSIP/lobby-0000001a", Birth("x", "", "0"))

    assert (before, peers.dialled("PJSIP/lobby-0000001a", dial_string)) == (OUTSIDE, EXTENSION)


def test_a_phone_that_is_dialled_by_its_contact_stays_an_extension() -> None:
    peers = classifier()
    peers.kind("PJSIP/2001-0000000a", Birth("internal", "2001", "0"))

    assert peers.dialled("PJSIP/2001-0000000a", "2001/sip:2001@192.0.2.1:5060") is None
    assert peers.kind("PJSIP/2001-0000000b") is EXTENSION


def test_a_queues_member_is_an_extension_whatever_it_looked_like() -> None:
    peers = classifier()
    before = peers.kind("SIP/447700900100-0000001a", Birth("x", CUSTOMER, "4"))

    assert before is OUTSIDE
    assert peers.member("SIP/447700900100") == [Peer("SIP", "447700900100")]
    assert peers.kind("SIP/447700900100-0000001b", Birth("x", CUSTOMER, "4")) is EXTENSION


def test_a_name_in_the_options_outweighs_everything_that_was_seen() -> None:
    peers = classifier(trunks=["2001"], extensions=["nordtel"])
    peers.member("PJSIP/2001")

    assert peers.kind("PJSIP/2001-0000000a", Birth("internal", "2001", "4")) is OUTSIDE
    assert peers.kind("SIP/nordtel-0000000a", Birth("from-trunk", CUSTOMER, "4")) is EXTENSION


def test_patterns_name_trunks_and_contexts_and_may_name_the_technology() -> None:
    peers = classifier(trunks=["nord*", "DAHDI/*"], trunk_contexts=["tenant-?-in"])

    assert peers.kind("SIP/Nordtel-00000001", Birth("x", "2001", "4")) is OUTSIDE
    assert peers.kind("DAHDI/5-1", Birth("x", "2001", "4")) is OUTSIDE
    assert peers.kind("SIP/2001-00000001", Birth("tenant-7-in", "2001", "4")) is OUTSIDE


def test_a_pattern_of_extensions_may_give_the_number() -> None:
    peers = classifier(extensions={"*-acme": "*", "alice": "2001", "PJSIP/99*": "*"})

    assert [peers.device(one) for one in ("SIP/101-acme-00000001", "SIP/alice-00000001", "PJSIP/992001-00000001")] == [
        "101",
        "2001",
        "2001",
    ]
    assert peers.kind("SIP/101-acme-00000001") is EXTENSION
    assert peers.kind("SIP/trunk-acme-00000001") is OUTSIDE


def test_with_wazos_preset_a_phone_is_known_by_its_caller_number() -> None:
    peers = classifier(preset="wazo")
    kind = peers.kind("PJSIP/a1b2c3d4-00000001", Birth("ctx-acme-internal-1", "1001", "4"))

    assert (kind, peers.device("PJSIP/a1b2c3d4-00000001")) == (EXTENSION, "1001")


def test_a_list_of_devices_decides_alone() -> None:
    peers = classifier(("2001",))

    assert peers.kind("PJSIP/2001-0000000a") is EXTENSION
    assert peers.kind("PJSIP/2002-0000000a") is OUTSIDE


def test_each_peer_has_its_reason() -> None:
    peers = classifier()
    peers.kind("SIP/nordtel-00000001", Birth("from-trunk-sip-nordtel", CUSTOMER, "4"))
    peers.kind("PJSIP/2001-00000001", Birth("internal", "2001", "0"))

    assert {str(peer): verdict.reason for peer, verdict in peers.verdicts().items()} == {
        "SIP/nordtel": "its channels begin in the context from-trunk-sip-nordtel",
        "PJSIP/2001": "its name is a number of 2 to 8 digits",
    }


@pytest.mark.parametrize("options", [{"preset": "elastix"}, {"encoding": "klingon"}, {"extensions": 5}])
def test_an_option_that_is_wrong_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(AmiOptionsError, match=next(iter(options))):
        read_options(source(**options))


@pytest.mark.parametrize("name", PRESETS)
def test_the_manual_names_every_pattern_of_a_preset(name: PresetName) -> None:
    manual = (ROOT / "docs" / "asterisk.md").read_text()

    assert [one for one in (*PRESETS[name].trunks, *PRESETS[name].trunk_contexts) if f"`{one}`" not in manual] == []


@pytest.mark.parametrize(
    ("preset", "context"),
    [
        ("freepbx", "from-trunk-sip-nordtel"),
        ("freepbx", "ext-did-catchall"),
        ("vicidial", "trunkinbound"),
        ("wazo", "ctx-acme-incall-4f2d"),
        ("wazo", "from-extern"),
        ("plain", "from-pstn"),
    ],
)
def test_a_preset_knows_where_its_distribution_receives_calls(preset: str, context: str) -> None:
    assert classifier(preset=preset).kind("PJSIP/a1b2c3d4-00000001", Birth(context, "1001", "4")) is OUTSIDE


def test_callers_whose_number_names_their_channel_are_not_listed() -> None:
    peers = classifier()
    peers.kind("SIP/447700900100-00000001", Birth("default", CUSTOMER, "4"))
    peers.kind("SIP/nordtel-00000001", Birth("default", CUSTOMER, "4"))

    assert [one.device for one in peers.seen()] == ["SIP/nordtel"]


def test_the_memory_of_peers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classification, "MAXIMUM_PEERS", 2)
    peers = classifier()
    for name in ("a", "b", "c"):
        peers.kind(f"SIP/{name}-00000001", Birth("internal", "2001", "4"))

    assert [peer.name for peer in peers.verdicts()] == ["b", "c"]
