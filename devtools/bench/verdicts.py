"""What became of the calls of a watched run: against the PBX's own list, and how long each step took."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from calls.models import Gap, Leg, RecordingSearch
from devtools.faults import observations
from devtools.faults.environment import FaultEnvironment
from devtools.faults.oracle import Judge, OracleVerdict, RunEvidence
from flags.models import FlagWrite
from simulators.pbx.truth_log import LegLine

#: Decision 7: the base flags of a CSTA source wait this long, in seconds, for late events.
SETTLE = timedelta(seconds=1)


@dataclass(frozen=True)
class RunFindings:
    """What a run was. ``latencies``: seconds of each leg of the steady load, by what they measure."""

    verdict: OracleVerdict
    calls_per_second: float
    latencies: dict[str, list[float]]


def judge(place: FaultEnvironment, warm_seconds: float, seconds: float) -> RunFindings:
    """Compare truth, QMS and gateway."""
    truth = observations.truth(place.ledger)
    recordings = observations.held_recordings(place.qms_address)
    gaps = [observations.LinkGap(*row) for row in Gap.objects.values_list("began_at", "ended_at")]
    evidence = RunEvidence(truth, recordings, observations.seen_legs(), gaps, [], observations.flag_specs())
    begin = min(one.connected_at for one in truth)
    first, last = begin + timedelta(seconds=min(warm_seconds, seconds / 2)), begin + timedelta(seconds=seconds)
    steady = [one for one in truth if first <= one.connected_at < last]
    interactions = {one.interaction_id for one in steady}
    guids = {(one.extension, one.started_at): one.guid for one in recordings if one.flags}
    rate = len(interactions) / (last - first).total_seconds()
    return RunFindings(Judge(evidence).judge(), rate, _latencies(steady, guids))


def _latencies(steady: Iterable[LegLine], guids: dict[tuple[str, datetime], str]) -> dict[str, list[float]]:
    asked = dict(RecordingSearch.objects.filter(ordinal=1).values_list("leg_id", "first_asked_at"))
    heard = dict(RecordingSearch.objects.filter(ordinal=1).values_list("leg_id", "connected_at"))
    done = FlagWrite.objects.filter(part="base", state="written").values_list("leg_id", "created_at", "settled_at")
    written = {leg: (created, settled) for leg, created, settled in done if settled is not None}
    legs = dict(Leg.objects.exclude(recording_guid=None).values_list("recording_guid", "id"))
    reported = "Connected to FindLiveRecording sent"
    found: dict[str, list[float]] = {
        reported: [],
        f"{reported}, from its receipt": [],
        "disconnect to flags written": [],
        "disconnect to flags written, without the settle time": [],
        "flag write queued to written": [],
    }
    ask, ask_heard, write, write_settled, deliver = found.values()
    for line in steady:
        leg = legs.get(_plain(guids.get((line.extension, line.connected_at), "")))
        if leg is None or line.disconnected_at is None:
            continue
        if (at := asked.get(leg)) is not None:
            ask.append((at - line.connected_at).total_seconds())
            ask_heard.append((at - heard[leg]).total_seconds())
        if leg in written:
            queued, settled = written[leg]
            deliver.append((settled - queued).total_seconds())
            write.append((settled - line.disconnected_at).total_seconds())
            write_settled.append((settled - line.disconnected_at - SETTLE).total_seconds())
    return found


def _plain(guid: str) -> str:
    return str(UUID(guid)) if guid else ""
