"""How fast events get into the journal: by HTTP, in batches and one by one, and from the bytes of CSTA and AMI links.

HTTP: from Django's handler to the answer, without web server and network. Links: decoded as the listener does, and each
piece's events appended by its writer at once; the listener's own waiting and sharing out of the CPU are not a part of
it. The floor appends the same payloads by bare pipelined XADD.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import redis
from django.conf import settings
from django.test import Client
from django.test.utils import override_settings

from cti.events import Event
from cti.http_intake.tokens import mint_token
from cti.journal.writer import JournalWriter
from cti.models import CtiSource
from cti.sources.asterisk_ami.pbx_state import PbxState
from cti.sources.asterisk_ami.reading import Heard, Reader
from cti.sources.csta_xml.decoding import Decoder
from cti.sources.csta_xml.framing import CstaFrame, CstaFramer, framed
from cti.sources.csta_xml.options import read_options
from cti.sources.csta_xml.parsing import parse
from cti.sources.port import Stamp
from devtools.bench.options import Load
from devtools.bench.result import Result
from devtools.bench.sources import NOW, PIECE
from tests.cti.ami import traces
from tests.cti.csta.pbx import config

EVENTS, SINGLE, BATCH = 50_000, 2_000, 500
AMI_ROUNDS, CSTA_ROUNDS = 40, 400
FLOOR = "bare pipelined XADD"


def intake(load: Load) -> list[Result]:
    """Measure the four ways in, and the floor."""
    many, few = (max(round(count * load.size), BATCH) for count in (EVENTS, SINGLE))
    floor = _rate(FLOOR, lambda: _bare(many))
    unbounded = {"INTAKE_EVENTS_PER_SECOND": 1_000_000, "INTAKE_BYTES_PER_SECOND": 10**9}
    with override_settings(**unbounded):  # What is measured is not to be held up.
        client = _client()
        ways = [
            _rate(f"HTTP, {BATCH} in a batch", lambda: _post(client, "batch", many, BATCH)),
            _rate("HTTP, one by one", lambda: _post(client, "single", few, 1)),
        ]
    ways += [
        _rate("CSTA XML link", lambda: _csta(max(round(CSTA_ROUNDS * load.size), 1))),
        _rate("AMI link", lambda: _ami(max(round(AMI_ROUNDS * load.size), 1))),
    ]
    return [*(_beside(one, floor) for one in ways), floor]


def _payload(name: str, number: int) -> bytes:
    moment = datetime.now(UTC).isoformat()
    return (
        f'{{"specversion":"1.0","id":"{name}{number}","source":"bench","type":"csta.call.Delivered","time":"{moment}",'
        f'"data":{{"callId":"c{number}","deviceId":"2001","callingNumber":"+491701234567","interactionId":"i{number}"}}}}'
    ).encode()


def _bare(count: int) -> int:
    store = redis.Redis.from_url(settings.JOURNAL_URL)
    payloads = [_payload("bare", number) for number in range(count)]
    for start in range(0, count, BATCH):
        pipeline = store.pipeline(transaction=False)
        for payload in payloads[start : start + BATCH]:
            pipeline.xadd("bench-floor", {"e": payload})
        pipeline.execute()
    return count


def _client() -> Client:
    source = CtiSource.objects.create(slug="bench", kind="http")
    return Client(headers={"host": "127.0.0.1", "Authorization": f"Bearer {mint_token(source).text}"})


def _post(client: Client, name: str, count: int, at_once: int) -> int:
    for start in range(0, count, at_once):
        body = b"\n".join(_payload(name, number) for number in range(start, start + at_once))
        reply = client.post("/api/events", body, content_type="application/x-ndjson").json()
        assert reply["accepted"] == at_once, reply
    return count


def _csta(rounds: int) -> int:
    folder = traces.DATA.parent.parent / "csta" / "data"
    messages = [path.read_bytes() for path in sorted(folder.glob("*/*_s2c_9999_*Event.xml"))]
    data = b"".join(framed(9999, xml) for xml in messages)
    site, writer, reported = config(), JournalWriter("bench-csta", 1), 0
    for _ in range(rounds):
        decoder, framer = Decoder(site, read_options(site), Stamp("pbx", "1")), CstaFramer()
        for piece in _pieces(data):
            frames = [frame for frame in framer.feed(piece) if isinstance(frame, CstaFrame)]
            decoded = [decoder.decode(parse(frame.xml), NOW) for frame in frames]
            reported += _appended(writer, [event for one in decoded for event in one])
    return reported


def _ami(rounds: int) -> int:
    data, writer, reported = traces.trace("m-busy-hour-15"), JournalWriter("bench-ami", 1), 0
    for _ in range(rounds):
        picture = PbxState(traces.source(), Stamp("pbx", "1"))
        reader = Reader(picture)
        for piece in _pieces(data):
            for frame in reader.frames(piece):
                if isinstance(heard := reader.heard(frame), Heard):
                    picture.hear(heard.message, NOW)
            reported += _appended(writer, picture.taken())
    return reported


def _pieces(data: bytes) -> list[bytes]:
    return [data[at : at + PIECE] for at in range(0, len(data), PIECE)]


def _appended(writer: JournalWriter, events: Sequence[Event]) -> int:
    return len(writer.append(events))


def _rate(what: str, append: Callable[[], int]) -> Result:
    began, cpu = time.perf_counter(), time.process_time()
    count = append()
    seconds, busy = time.perf_counter() - began, time.process_time() - cpu
    return Result(
        bench="intake",
        what=what,
        rate=count / seconds,
        unit="events/s",
        cpu_seconds=busy,
        notes=[f"{count / busy:,.0f} events a CPU second of this process"],
    )


def _beside(ours: Result, floor: Result) -> Result:
    return Result(
        bench=ours.bench,
        what=ours.what,
        rate=ours.rate,
        unit=ours.unit,
        cpu_seconds=ours.cpu_seconds,
        notes=ours.notes,
        against=floor.what,
        ratio=ours.rate / floor.rate,
    )
