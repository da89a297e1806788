"""The PBXs to which a running gateway can be connected: how worlds are made for them, and how a site declares them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from devtools.worlds.judge.scenario import Scenario
from devtools.worlds.judge.world import World
from devtools.worlds.players.ami import AmiPbx
from devtools.worlds.players.csta import CstaPbx
from devtools.worlds.players.wire_live import LivePbx
from devtools.worlds.wires.ami_worlds import ami_world
from devtools.worlds.wires.csta_worlds import QUEUE_DEVICES, csta_world
from gateway_site.config.declaration import CtiSourceRow


@dataclass(frozen=True)
class LiveWire:
    """Hold what one kind of PBX needs; worlds share its link, so that none of them stalls."""

    kind: str
    make_world: Callable[[int, Iterable[str]], World]
    pbx: Callable[[Scenario], LivePbx]

    def make(self, seed: int, kinds: Iterable[str]) -> World:
        """Make a world that can be played beside others."""
        return self.make_world(seed, [one for one in kinds if one != "stall"])

    def source(self, slug: str, port: int) -> CtiSourceRow:
        """Return the source as a site declares it."""
        row = CtiSourceRow(slug=slug, kind=self.kind, host="127.0.0.1", port=port)
        if self.kind == "csta_xml":
            queues = {number: name for name, number in QUEUE_DEVICES.items()}
            return replace(row, queues=queues, options={"parallel": 64})
        return replace(row, username="gateway", options={"phone_users": False})


CSTA = LiveWire("csta_xml", csta_world, CstaPbx)
AMI = LiveWire("asterisk_ami", ami_world, lambda scenario: AmiPbx(scenario, time.time))
