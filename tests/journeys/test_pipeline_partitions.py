"""The same journal and the same answers give the same legs, reasons and flags, however the consumer is given them.

Through the real consumer and database (rule 15): what a batch saves must decide nothing that the same batch may change.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
import redis as redis_client
from pytest_django import Settings

from calls.models import Leg, RecordingSearch, SearchState
from calls.storage.codec import leg_number, read_leg
from flags.models import FlagWrite
from tests.journeys.stack import GatewayStack

pytestmark = [pytest.mark.storage, pytest.mark.django_db]

EXTENSIONS = ("2001", "2002")
#: Each recording search of a burst is answered in the next one: whoever folds a burst at once has every answer to it.
BURSTS = (0.0, 1.2, 4.0, 9.0, 22.0, 40.0, 60.0)
#: A moment at which everything is over.
END = 700.0
Item = tuple[float, str, str, str]


def _journal(seed: int) -> list[Item]:
    """Return events of calls that follow each other closely at two extensions, each with a moment of its own."""
    rng = Random(seed)
    items: list[Item] = []
    for extension in EXTENSIONS:
        at = 0.0
        for number in range(rng.randint(2, 6)):
            call, length = f"{extension}-{number}", rng.choice((0.2, 0.6, 1.1, 2.5, 6.0, 14.0))
            items.append((at, "Established", call, extension))
            items.append((at + length, "ConnectionCleared", call, extension))
            at += rng.choice((length + 0.05, length + 0.7, length + 4.0, max(length - 0.4, 0.3), 1.3, 1.9))
    items.sort()
    return [(round(at + number / 1000, 4), *rest) for number, (at, *rest) in enumerate(items) if at < BURSTS[-2]]  # type: ignore[misc]


class _Run:
    """A gateway of its own that is given a journal in parts. Its recordings have names of their own."""

    def __init__(self, seed: int, name: str) -> None:
        self.seed, self.name = seed, name
        self.gateway = GatewayStack(name)
        self._answers: list[tuple[float, int, dict[str, Any]]] = []

    def play(self, journal: Sequence[Item], cuts: Sequence[float]) -> None:
        """Fold a journal at each of these moments, and at the end of each burst."""
        for begin, end in pairwise((*BURSTS, END)):
            for moment in (*(cut for cut in cuts if begin < cut < end), end):
                self._fold([item for item in journal if begin <= item[0] < moment], moment)
                journal = [item for item in journal if item[0] >= moment]
            self._answer(end, BURSTS[min(BURSTS.index(begin) + 2, len(BURSTS) - 1)])

    def _fold(self, items: Sequence[Item], moment: float) -> None:
        gateway = self.gateway
        for at, kind, call, extension in items:
            gateway.hears(gateway.event(kind, at=at, callId=call, deviceId=extension, interactionId=call))
        gateway.time = self._at(moment)
        for _, key, answer in [one for one in self._answers if one[0] <= moment]:
            RecordingSearch.objects.filter(pk=key, state=SearchState.OPEN).update(**answer)
        self._answers = [one for one in self._answers if one[0] > moment]
        gateway.fold()

    def _answer(self, begin: float, end: float) -> None:
        """Let QMS answer, between two moments, what it was asked before."""
        known = {key for _, key, _ in self._answers}
        for row in RecordingSearch.objects.filter(source=self.gateway.source, state=SearchState.OPEN):
            if row.pk not in known:
                rng = Random(f"{self.seed} {leg_number(row.leg_id)} {row.ordinal}")
                at = round(begin + rng.uniform(0, max(end - begin, 5.0)), 4) + 0.00005
                self._answers.append((at, row.pk, self._answered(rng, row, at)))

    def _answered(self, rng: Random, row: RecordingSearch, at: float) -> dict[str, Any]:
        answer = {"answered_at": self._at(at), "asked_at": self._at(at - 0.05), "attempts": 1}
        if rng.random() < 0.15:
            return answer | {"state": SearchState.MISSED, "why": rng.choice(("none", "same", "late"))}
        began = (row.connected_at - self.gateway.begin).total_seconds() + rng.choice((0.0, 0.1, 0.6, 1.1, 1.4))
        guid = f"{self.name}-{row.extension}-{rng.choice((1, 1, 2))}"
        return answer | {"state": SearchState.FOUND, "recording_guid": guid, "recording_started_at": self._at(began)}

    def _at(self, seconds: float) -> datetime:
        return self.gateway.begin + timedelta(seconds=seconds)

    def result(self) -> tuple[list[Any], list[Any]]:
        """Return the legs as they are stored, with their traces, and the flag writes."""
        own = Leg.objects.filter(source=self.gateway.source).order_by("id")
        legs = [read_leg(*row) for row in own.values_list("facts", "trace")]
        plain = msgspec.json.decode(msgspec.json.encode(legs).replace(self.name.encode(), b"run"))
        writes = FlagWrite.objects.filter(source_id=self.gateway.source.pk).order_by("id")
        return plain, sorted((leg_number(one.leg_id), one.part, one.recording_guid[len(self.name) :]) for one in writes)


def _cuts(seed: int, name: str, journal: Sequence[Item]) -> list[float]:
    """Return the moments at which a run folds: never within a burst, after each event, or by chance."""
    moments = [round(at + 0.00002, 5) for at, *_ in journal]
    moments += [round(number * 0.5 + 0.0003, 5) for number in range(1, 160)]
    chosen = {"whole": 0.0, "single": 1.0}
    rng = Random(f"{seed} {name}")
    share = chosen.get(name, rng.choice((0.1, 0.3, 0.6)))
    return sorted(moment for moment in moments if rng.random() < share)


def _played(seed: int, name: str) -> tuple[list[Any], list[Any]]:
    run = _Run(seed, f"{name}{seed}")
    journal = _journal(seed)
    run.play(journal, _cuts(seed, name, journal))
    return run.result()


def _judge(seed: int, settings: Settings) -> None:
    legs, writes = _played(seed, "single")

    assert len(legs) > 3, "too few legs to say anything"
    assert _played(seed, "whole") == (legs, writes)
    settings.LEGS_IN_MEMORY = 1
    assert _played(seed, "some") == (legs, writes)


@pytest.mark.parametrize("seed", [133, 139])
def test_any_batches_give_the_same_legs_reasons_and_flags(
    redis: redis_client.Redis, settings: Settings, seed: int
) -> None:
    """Of these journals answers were taken otherwise where the next leg of the extension was in the same batch."""
    _judge(seed, settings)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(12))
def test_any_batches_of_other_journals_do_too(redis: redis_client.Redis, settings: Settings, seed: int) -> None:
    _judge(seed, settings)
