"""How fast admin pages and /api/legs answer with ten million legs: the whole request in this process, from the
handler to the last byte of the page, each time with other values. Without a web server and a network.
"""

import random
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.ui.leg_search import Cursor
from cti.http_intake.tokens import mint_token
from cti.models import CtiSource, Scope
from devtools.bench.filling import Filled, Numbered, fill, key_of, source_of
from devtools.bench.options import Load
from devtools.bench.result import Result, latency
from gateway_site.ops import worker_heartbeat

LEGS, QUICK_LEGS = 10_000_000, 3_000
ROUNDS, QUICK_ROUNDS = 40, 2
#: What 95 of 100 requests of each page should not take longer than.
AIM_SECONDS = 0.3


class BenchPage(msgspec.Struct, frozen=True):
    """A page by name, and how to ask for it with the values of some leg."""

    name: str
    ask: Callable[[Numbered], HttpResponseBase]


class Visitor:
    """Asks for pages as an administrator, and for /api/legs with the main source's token."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.admin = Client(SERVER_NAME="localhost")
        self.admin.force_login(User.objects.create_superuser("bench", password="bench"))  # noqa: S106  (its own database)
        self.token = mint_token(CtiSource.objects.get(pk=filled.sources[0]), Scope.READ).text

    def page(self, name: str, **asked: Any) -> HttpResponseBase:
        """Ask for a page of the admin."""
        return self.admin.get(reverse(name), asked)

    def legs(self, **asked: Any) -> HttpResponseBase:
        """Ask for the list of legs."""
        return self.page("admin:calls_leg_changelist", **asked)

    def api(self, **asked: Any) -> HttpResponseBase:
        """Ask for /api/legs."""
        return Client(SERVER_NAME="localhost").get(
            "/api/legs", asked, headers={"Authorization": f"Bearer {self.token}"}
        )

    def leg(self, one: Numbered) -> HttpResponseBase:
        """Ask for a leg's page."""
        key = key_of(one, self.filled.sources)
        return self.admin.get(reverse("admin:calls_leg_change", args=[key]))


def pages(load: Load) -> list[Result]:
    """Fill the database and ask for every page again and again."""
    filled = fill(load.legs or (QUICK_LEGS if load.is_quick else LEGS))
    for queue in worker_heartbeat.QUEUES:
        cache.set(f"pulse:{queue}", timezone.now().isoformat(), timeout=3600)
    visitor = Visitor(filled)
    rounds = QUICK_ROUNDS if load.is_quick else ROUNDS
    return [_result(filled, {page.name: _times(page, filled, rounds) for page in _pages(visitor)})]


def _pages(visitor: Visitor) -> list[BenchPage]:
    return [*_of_today(visitor), *_lists(visitor), *_searches(visitor), *_reports(visitor), *_api(visitor)]


def _of_today(visitor: Visitor) -> list[BenchPage]:
    return [
        BenchPage("dashboard", lambda _: visitor.page("admin:index")),
        BenchPage("dashboard: fragment", lambda _: visitor.page("dashboard-fragment")),
        BenchPage("live calls", lambda _: visitor.page("live-calls")),
        BenchPage("live calls: fragment", lambda _: visitor.page("live-calls-fragment")),
        BenchPage("metrics", lambda _: visitor.page("metrics")),
        BenchPage("leg", visitor.leg),
    ]


def _lists(visitor: Visitor) -> list[BenchPage]:
    def below(one: Numbered) -> str:
        return str(Cursor(one.connected_at, key_of(one, visitor.filled.sources)))

    return [
        BenchPage("legs: newest", lambda _: visitor.legs()),
        BenchPage("legs: below any leg of the year", lambda one: visitor.legs(before=below(one))),
        BenchPage("legs: today", lambda _: visitor.legs(when="today")),
        BenchPage("legs: from a day", lambda one: visitor.legs(connected_at_to_0=f"{one.connected_at:%Y-%m-%d}")),
        BenchPage("legs: flagged", lambda _: visitor.legs(outcome__exact="flagged")),
        BenchPage("legs: refused (1 in 100,000)", lambda _: visitor.legs(outcome__exact="refused")),
        BenchPage("legs: given up (none)", lambda _: visitor.legs(outcome__exact="given_up")),
        BenchPage("legs: a reason", lambda _: visitor.legs(outcome__exact="not_recorded", reason="several")),
        BenchPage(
            "legs: a reason, today", lambda _: visitor.legs(outcome__exact="not_recorded", reason="none", when="today")
        ),
        BenchPage("legs: of the smaller source", lambda _: visitor.legs(source=visitor.filled.sources[1])),
        BenchPage("legs: in progress", lambda _: visitor.legs(phase="open")),
        BenchPage("legs: over, not settled (none)", lambda _: visitor.legs(phase="closed")),
        BenchPage("recording searches", lambda _: visitor.page("admin:calls_recordingsearch_changelist")),
        BenchPage("gaps", lambda _: visitor.page("admin:calls_gap_changelist")),
        BenchPage("agents", lambda _: visitor.page("admin:agents_agent_changelist")),
    ]


def _searches(visitor: Visitor) -> list[BenchPage]:
    return [
        BenchPage("search: extension", lambda one: visitor.legs(q=one.extension)),
        BenchPage("search: agent", lambda one: visitor.legs(q=one.agent)),
        BenchPage("search: call reference", lambda one: visitor.legs(q=f"C{one.number}")),
        BenchPage("search: interaction", lambda one: visitor.legs(q=f"I{one.number // 2}")),
        BenchPage("search: GUID", lambda one: visitor.legs(q=one.guid)),
        BenchPage("search: queue", lambda one: visitor.legs(q=one.queue)),
        BenchPage("search: caller's number", lambda one: visitor.legs(q=one.calling)),
        BenchPage("search: caller's name", lambda one: visitor.legs(q=f"Caller {one.calling}")),
        BenchPage("search: what nobody has", lambda one: visitor.legs(q=f"nobody {one.number}")),
        BenchPage(
            "search: extension, not recorded", lambda one: visitor.legs(q=one.extension, outcome__exact="not_recorded")
        ),
        BenchPage("search: queue, last 7 days", lambda one: visitor.legs(q=one.queue, when="week")),
    ]


def _reports(visitor: Visitor) -> list[BenchPage]:
    def report(**asked: str) -> Callable[[Numbered], HttpResponseBase]:
        return lambda _: visitor.page("reports", **asked)

    return [
        BenchPage("report: yesterday by cause", report(period="yesterday", by="cause")),
        BenchPage("report: yesterday by hour", report(period="yesterday", by="hour")),
        BenchPage("report: this week by agent", report(period="week", by="agent")),
        BenchPage("report: last month by day", report(period="last_month", by="day")),
        BenchPage("report: last month by queue", report(period="last_month", by="queue")),
        BenchPage("report: last month by agent", report(period="last_month", by="agent")),
        BenchPage("report: last month by team", report(period="last_month", by="team")),
        BenchPage("report: last month by extension", report(period="last_month", by="extension")),
        *(_report_of_a_queue(visitor, by) for by in ("agent", "extension", "team")),
        BenchPage(
            "report: last month of an extension",
            lambda one: visitor.page("reports", period="last_month", by="cause", extension=one.extension),
        ),
        BenchPage("objectives", lambda _: visitor.page("objectives")),
        BenchPage("causes", lambda _: visitor.page("causes")),
        BenchPage("find: extension", lambda one: visitor.page("find", q=one.extension, list="1")),
        BenchPage("find: caller's number", lambda one: visitor.page("find", q=one.calling, list="1")),
        BenchPage("legs: not flagged", lambda _: visitor.legs(flagged="no")),
        BenchPage(
            "legs: not flagged, queue, yesterday",
            lambda one: visitor.legs(flagged="no", queue=one.queue, when="yesterday"),
        ),
    ]


def _report_of_a_queue(visitor: Visitor, by: str) -> BenchPage:
    return BenchPage(
        f"report: last month by {by}, of a queue",
        lambda one: visitor.page("reports", period="last_month", by=by, queue=one.queue),
    )


def _api(visitor: Visitor) -> list[BenchPage]:
    def since(one: Numbered) -> str:
        return one.connected_at.isoformat()

    def cursor(one: Numbered) -> int:
        return key_of(one, visitor.filled.sources)

    return [
        BenchPage("/api/legs: newest 100", lambda _: visitor.api()),
        BenchPage("/api/legs: newest 1,000", lambda _: visitor.api(limit=1000)),
        BenchPage("/api/legs: below any leg", lambda one: visitor.api(cursor=cursor(one))),
        BenchPage("/api/legs: call", lambda one: visitor.api(call=f"C{one.number}")),
        BenchPage("/api/legs: extension", lambda one: visitor.api(extension=one.extension)),
        BenchPage("/api/legs: outcome refused", lambda _: visitor.api(outcome="refused")),
        BenchPage("/api/legs: since a moment of the year", lambda one: visitor.api(since=since(one))),
        BenchPage("/api/legs: since a minute ago", lambda _: visitor.api(since=_minute_ago())),
        BenchPage(
            "/api/legs: since, extension, outcome",
            lambda one: visitor.api(since=since(one), extension=one.extension, outcome="not_recorded"),
        ),
    ]


def _minute_ago() -> str:
    return (timezone.now() - timedelta(minutes=1)).isoformat()


def _times(page: BenchPage, filled: Filled, rounds: int) -> list[float]:
    """Ask for a page with the values of other legs each time; another answer than 200 ends the run."""
    chance = random.Random(page.name)
    seconds = []
    for _ in range(rounds):
        one = _of_main(Numbered(chance.randrange(1, filled.legs), filled.legs, filled.end), filled)
        began = time.perf_counter()
        answer = page.ask(one)
        seconds.append(time.perf_counter() - began)
        assert answer.status_code == 200, f"{page.name}: {answer.status_code}"
    return seconds


def _of_main(one: Numbered, filled: Filled) -> Numbered:
    """Return the leg, or its neighbour at the main source, whose token it is."""
    is_main = source_of(one, filled.sources) == filled.sources[0]
    return one if is_main else msgspec.structs.replace(one, number=one.number - 1)


def _result(filled: Filled, times: Mapping[str, list[float]]) -> Result:
    latencies = [latency(name, seconds) for name, seconds in times.items()]
    slow = [f"{one.what} ({one.p95 * 1000:.0f} ms)" for one in latencies if one.p95 > AIM_SECONDS]
    whole = [second for seconds in times.values() for second in seconds]
    return Result(
        bench="pages",
        what=f"{filled.legs:,} legs on {connection.vendor}",
        rate=len(whole) / sum(whole),
        unit="pages/s",
        cpu_seconds=time.process_time(),
        latencies=[*latencies, latency("all", whole)],
        notes=[*_filling(filled), f"p95 above {AIM_SECONDS * 1000:.0f} ms: {', '.join(slow) or 'none'}"],
    )


def _filling(filled: Filled) -> list[str]:
    took = "; ".join(f"{what} {seconds:,.0f} s" for what, seconds in filled.seconds.items())
    sizes = "; ".join(f"{name} {size / 2**20:,.0f} MiB" for name, size in filled.sizes.items())
    return [f"filled: {took}", *([f"sizes: {sizes}"] if sizes else [])]
