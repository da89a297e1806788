"""Calls that the gateway wants a PBX to make, handed to the source's listener: it alone has the link.

A request that the listener does not take soon is dropped: a call that nobody waits for any more must not be made.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from cti.journal.stream import run_script
from cti.sources.port import CallRequest

#: How long a listener may take to fetch a request, in seconds; its link may be down.
KEPT_SECONDS = 10
#: How long what became of a request is kept, in seconds.
REPORT_SECONDS = 300
HAND = """
redis.call('RPUSH', KEYS[1], ARGV[2])
redis.call('LTRIM', KEYS[1], -40, -1)
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""
TAKE = """
local waiting = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
return waiting
"""
KEEP = "redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[1])"
READ = "return redis.call('GET', KEYS[1])"


class CallWish(msgspec.Struct, frozen=True):
    """What the listener is asked: to make a call, or to end it."""

    act: Literal["make", "end"]
    request: CallRequest


class CallReport(msgspec.Struct, frozen=True):
    """What became of a request: ``call_id`` where the PBX made the call, else why it did not and what to do."""

    call_id: str = ""
    text: str = ""
    todo: str = ""


def ask_for_call(slug: str, request: CallRequest) -> None:
    """Ask the source's listener for a call. Raises ``JournalUnavailable``."""
    _hand(slug, CallWish("make", request))


def ask_to_end_call(slug: str, request: CallRequest) -> None:
    """Ask the source's listener to end a call that it had made. Raises ``JournalUnavailable``."""
    _hand(slug, CallWish("end", request))


def take_call_wishes(slug: str) -> Sequence[CallWish]:
    """Return what the listener was asked, each once. Raises ``JournalUnavailable``."""
    return list(_read(run_script(TAKE, [requests_key(slug)], [])))


def report_call(slug: str, key: str, report: CallReport) -> None:
    """Leave what became of a request. Raises ``JournalUnavailable``."""
    run_script(KEEP, [_report(slug, key)], [REPORT_SECONDS, msgspec.json.encode(report)])


def reported_call(slug: str, key: str) -> CallReport | None:
    """Return what became of a request; None where that is not known yet. Raises ``JournalUnavailable``."""
    found = run_script(READ, [_report(slug, key)], [])
    return msgspec.json.decode(found, type=CallReport) if found else None


def _hand(slug: str, wish: CallWish) -> None:
    run_script(HAND, [requests_key(slug)], [KEPT_SECONDS, msgspec.json.encode(wish)])


def _read(payloads: Sequence[bytes]) -> Iterator[CallWish]:
    for payload in payloads:
        yield msgspec.json.decode(payload, type=CallWish)


def requests_key(slug: str) -> str:
    """Return the key of what the source's listener is asked."""
    return f"calls_wanted:{{{slug}}}"


def _report(slug: str, key: str) -> str:
    return f"call_made:{{{slug}}}:{key}"
