"""One token opens calls without end; what it gets for it, and how other sources' calls are flagged meanwhile."""

import http.client
import itertools
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: Legs that began within this before the end may still be on their way.
SETTLING_SECONDS = 15.0


@dataclass(frozen=True)
class FloodTarget:
    """The gateway that is attacked, and the attacker's source with its token."""

    host: str
    port: int
    source: str
    token: str


@dataclass
class FloodFigures:
    """What the attacker got: answers by status, and how many events were accepted."""

    answers: Counter[int] = field(default_factory=Counter)
    accepted: int = 0

    def __str__(self) -> str:
        statuses = ", ".join(f"{count} x {status}" for status, count in sorted(self.answers.items()))
        return f"accepted {self.accepted:,} events; answers: {statuses}"


def flood(target: FloodTarget, seconds: float, threads: int, batch: int) -> FloodFigures:
    """Open a call with each event, as fast as the gateway answers, and ignore its 429."""
    figures, numbers, end = FloodFigures(), itertools.count(), time.monotonic() + seconds
    lock = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=30)
        while time.monotonic() < end:
            body = json.dumps([_opened(target.source, next(numbers)) for _ in range(batch)])
            status, answer = _post(connection, target.token, body)
            with lock:
                figures.answers[status] += 1
                figures.accepted += (
                    int(json.loads(answer).get("accepted", 0)) if status == http.HTTPStatus.ACCEPTED else 0
                )

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    return figures


def flagged_share(target: FloodTarget, since: datetime) -> str:
    """Return how many legs of the target's source that began since then were flagged; needs a token that reads."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=30)
    outcomes: Counter[str] = Counter()
    query = f"source={target.source}&since={since.isoformat().replace('+00:00', 'Z')}&limit=1000"
    following: str | None = ""
    while following is not None:
        path = f"/api/legs?{query}" + (f"&cursor={following}" if following else "")
        connection.request("GET", path, headers={"Authorization": f"Bearer {target.token}"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.HTTPStatus.OK:
            return f"its legs cannot be read: {answer.status} {answer.reason}"
        found = json.loads(text)
        outcomes.update(one["outcome"] for one in found["legs"])
        following = found["next"]
    ended = sum(outcomes.values()) - outcomes["waiting"]
    return f"{outcomes['flagged']} of {ended} legs flagged ({dict(outcomes)})"


def _post(connection: http.client.HTTPConnection, token: str, body: str) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/events", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0, b""


def _opened(source: str, number: int) -> dict[str, object]:
    data = {"callId": f"flood{number}", "deviceId": f"9{number % 100_000:05}"}
    moment = datetime.now(UTC).isoformat()
    event_id = f"flood-{time.time_ns()}-{number}"
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": "csta.call.Established",
        "time": moment,
        "data": data,
    }
