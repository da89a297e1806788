"""``python -m devtools.attacks slow-clients --port 8000``: attack a running gateway, and print the others' figures."""

import argparse
import sys

from devtools.attacks import slow_clients


def main(words: list[str]) -> int:
    """Attack and print; the exit status is 1 where anybody else was not answered."""
    parser = argparse.ArgumentParser(prog="python -m devtools.attacks", description=__doc__)
    parser.add_argument("attack", choices=("slow-clients",))
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args(words)
    found = slow_clients.attack(asked.host, asked.port, asked.clients, asked.seconds)
    for kind, figures in found.items():
        print(f"{asked.clients} clients that send {kind}:", *figures, sep="\n  ")
    return int(any(one.failed for figures in found.values() for one in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
