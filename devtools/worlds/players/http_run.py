"""`./gateway worlds --http` and `--live`: worlds side by side at the running gateway, in `take_place`'s environment."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from devtools.worlds.judge.expect import Stream, expected_of
from devtools.worlds.judge.generate import generate
from devtools.worlds.judge.http import Gateway, shares, side_by_side
from devtools.worlds.judge.judge import Finding, judge
from devtools.worlds.judge.player import Observed
from devtools.worlds.judge.world import World
from devtools.worlds.players.live import LivePlayer, Taps
from devtools.worlds.players.live_environment import LiveEnvironment
from devtools.worlds.players.live_stack import SOURCE, LiveStack
from devtools.worlds.players.live_wires import LiveWire
from devtools.worlds.players.wire_live import LiveLine, WirePlayer

Make = Callable[[int, Iterable[str]], World]
#: From an event's acceptance to QMS's answer, in seconds: consumer, search worker and SOAP lie between.
ANSWER_SECONDS = 0.6
INTERVAL_SECONDS = 0.25
#: The source's wait for a wrap-up, in seconds: short, so that a run soon ends, unless wrap-ups are played.
SHORT_WRAPUP_WAIT, LONG_WRAPUP_WAIT = 5, 120
#: After the last wait, in seconds, everything is written.
SETTLE_SECONDS = 20.0
#: Kinds that cannot be played side by side: a link is the whole source's, and so is QMS.
ALONE = frozenset({"gap", "part_gap", "qms"})
#: Findings that are shown.
MAXIMUM_SHOWN = 30


class HttpFigures(Struct):
    """Count recordings: `right`; `wrong`: a flag of another call; `lost`: no flags though owed; `incomplete`: some."""

    right: int = 0
    wrong: int = 0
    lost: int = 0
    incomplete: int = 0
    unexplained: int = 0
    worlds: int = 0

    @property
    def recordings(self) -> int:
        """Return how many recordings were judged."""
        return self.right + self.wrong + self.lost + self.incomplete

    @property
    def is_clean(self) -> bool:
        """Say whether every recording is right and explained."""
        return self.right == self.recordings and not self.unexplained

    def sentence(self) -> str:
        """Return the figures as a sentence."""
        return (
            f"{self.recordings} recordings of {self.worlds} worlds: {self.right} right, {self.wrong} wrong, "
            f"{self.lost} lost, {self.incomplete} incomplete; {self.unexplained} unexplained"
        )


def chosen_worlds(
    seed: int, kinds: Iterable[str], recordings: int, longest: float, make: Make = generate
) -> Iterator[World]:
    """Yield worlds of at most `longest` seconds that can be played side by side, up to a number of recordings."""
    found, allowed = 0, [one for one in kinds if one not in ALONE]
    while found < recordings:
        world = make(seed, allowed)
        seed += 1
        if max((one.event.heard for one in world.said), default=longest) < longest and world.truths:
            found += len(world.truths)
            yield replace(
                world, qms=replace(world.qms, answer_seconds=ANSWER_SECONDS, interval_seconds=INTERVAL_SECONDS)
            )


def run_live(
    place: LiveEnvironment,
    seed: int,
    kinds: Sequence[str],
    recordings: int,
    longest: float,
    wire: LiveWire | None = None,
) -> int:
    """Start the gateway, play the worlds, print the figures; status 0 when every recording is right.

    `wire`: the PBX to which the gateway's listener connects; None: events are posted over HTTP.
    """
    make = generate if wire is None else wire.make
    scenario, worlds = side_by_side(list(chosen_worlds(seed, kinds, recordings, longest, make)))
    wait = LONG_WRAPUP_WAIT if "wrapup" in kinds else SHORT_WRAPUP_WAIT
    line = None if wire is None else LiveLine(wire.pbx(scenario), place.pbx_port)
    pbx = None if wire is None else wire.source(SOURCE, place.pbx_port)
    stack = LiveStack(place, scenario.site.devices, INTERVAL_SECONDS, wait, pbx)
    try:
        if line is not None:
            line.start()
        stack.start()
        player = _player(place, stack, wait + SETTLE_SECONDS, line)
        with_watch = _Watch(stack)
        observed = player.play(scenario, None)
        with_watch.end()
        corrected = [player.corrected(one) for one in worlds]
    finally:
        stack.stop()
        if line is not None:
            line.stop()
    figures, findings = judged(corrected, shares(observed, corrected))
    for seed_of, finding in findings[:MAXIMUM_SHOWN]:
        print(f"world {seed_of}: {finding.kind} {finding.recording} {finding.flag}: "
              f"got {finding.got!r}, right {finding.right!r}")  # fmt: skip
    print(figures.sentence())
    if figures.is_clean:
        shutil.rmtree(place.folder, ignore_errors=True)
    else:
        print(f"what the programs wrote is in {place.folder / 'logs'}; the source is {SOURCE}")
    return 0 if figures.is_clean else 1


def _player(place: LiveEnvironment, stack: LiveStack, patience: float, line: LiveLine | None) -> LivePlayer:
    gateway, taps = Gateway(place.web, stack.token), Taps(place.qms)
    if line is None:
        return LivePlayer(gateway, taps, patience)
    line.await_listener()
    return WirePlayer(gateway, taps, patience, line)


def judged(worlds: Sequence[World], parts: Sequence[Observed]) -> tuple[HttpFigures, list[tuple[int, Finding]]]:
    """Judge each world's share of what was observed."""
    figures, findings = HttpFigures(worlds=len(worlds)), list[tuple[int, Finding]]()
    for world, part in zip(worlds, parts, strict=True):
        found = judge(world, part).findings
        findings += [(world.seed, one) for one in found]
        figures.unexplained += sum(1 for one in found if one.kind == "unexplained")
        _count(figures, world, part, found)
    return figures, findings


def _count(figures: HttpFigures, world: World, part: Observed, found: list[Finding]) -> None:
    stream, written = Stream(world), Counter(one.recording for one in part.writes)
    wrong = {one.recording for one in found if one.kind in ("wrong", "double")}
    missing = {one.recording for one in found if one.kind == "missing"}
    for truth in world.truths:
        if truth.guid in wrong:
            figures.wrong += 1
        elif truth.guid not in missing:
            figures.right += 1
        elif not written[truth.guid] and expected_of(stream, truth).duty == "required":
            figures.lost += 1
        else:
            figures.incomplete += 1


class _Watch:
    """Start again what dies, while worlds are played."""

    def __init__(self, stack: LiveStack) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(stack,), daemon=True)
        self._thread.start()

    def _run(self, stack: LiveStack) -> None:
        while not self._over.wait(1.0):
            stack.supervisor.watch()

    def end(self) -> None:
        """Stop watching."""
        self._over.set()
        self._thread.join()
