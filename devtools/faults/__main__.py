"""``./gateway faults``: break the running gateway on purpose, and prove that nothing is lost, doubled or wrong."""

import sys

import django

from devtools.faults.environment import LOOPBACK, take_place
from devtools.faults.options import options
from devtools.faults.two_hosts import HostNetwork


def main(words: list[str]) -> int:
    """Run it and return the exit status."""
    asked = options(words)
    network = HostNetwork() if asked.hosts > 1 else None
    place = take_place(asked, network.address if network else LOOPBACK)
    django.setup()
    from devtools.faults.run import FaultRun  # noqa: PLC0415  (needs the environment that was just made)

    return FaultRun(place, asked, network).go()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
