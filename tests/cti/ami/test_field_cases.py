"""Cases reported by people who run Asterisk give the legs that are right for them, through decoder and core."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agents.core.matching import Directory, Instance
from calls.core.source_state import SiteSettings
from calls.core.state import LegState
from calls.transcript.replay import Recorder, Replay, ReplayContext
from tests.cti.ami.pbx import START
from tests.cti.ami.traces import Played, play

CASES = Path(__file__).parent / "data" / "cases"
NAMES = sorted(path.name.split(".")[0] for path in CASES.glob("*.expected.json"))
TOO_OLD = "asterisk-11-queue-call"


def played(name: str) -> Played:
    return play((CASES / f"{name}.ami").read_bytes())


def expected(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((CASES / f"{name}.expected.json").read_text())["expected_legs"]
    return found


def legs_of(events: list[Any]) -> list[LegState]:
    """Fold events through the core of a site that lists no devices; the PBX's clock is the gateway's."""
    settings = SiteSettings(settle_seconds=0, has_source_times=False)
    replay = Replay(ReplayContext(settings, Directory([], [Instance(1)])), Recorder())
    return replay.play([replace(one, gatewaytime=one.time) for one in events], rest=timedelta(seconds=30)).legs


def shown(leg: LegState) -> dict[str, Any]:
    """Return a leg in the words of the expected results; times in whole seconds of the case."""
    assert leg.disconnected_source_at is not None
    facts = leg.facts
    return {
        "extension": leg.device_id,
        "agent": leg.agent_name,
        "queue": facts.queue_name,
        "call": leg.call_id,
        "interaction": facts.interaction_id,
        "caller_name": facts.caller_name,
        "direction": facts.direction,
        "start": round(leg.connected_source_at.timestamp() - START),
        "end": round(leg.disconnected_source_at.timestamp() - START),
    }


def is_right(leg: dict[str, Any], right: dict[str, Any]) -> bool:
    wanted = {key: value for key, value in right.items() if key != "agent_or"}
    found = {key: leg[key] for key in wanted}
    if "agent_or" in right and not leg["agent"]:
        wanted["agent"] = ""
    return found == wanted


@pytest.mark.parametrize("name", NAMES)
def test_a_case_gives_its_legs_and_no_other(name: str) -> None:
    legs = [shown(leg) for leg in legs_of(played(name).events)]
    right = expected(name)

    assert len(legs) == len(right)
    assert [one for one in right if not any(is_right(leg, one) for leg in legs)] == []


@pytest.mark.parametrize("name", [name for name in NAMES if name != TOO_OLD])
def test_nothing_of_a_case_is_refused(name: str) -> None:
    assert played(name).refused == []


def test_an_asterisk_that_is_too_old_is_refused_once_and_says_nothing_of_forgery() -> None:
    (refusal,) = played(TOO_OLD).refused

    assert refusal.error == "Asterisk older than 13 is not supported: this one speaks AMI 1.3"
