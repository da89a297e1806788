"""``./gateway fuzz``: feed the readers of foreign bytes what nobody would send, and weigh what that costs."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from devtools.fuzz.targets import TARGETS, Target
from devtools.fuzz.weighing import swollen, too_dear

#: What a target may take longer than asked: loading, and the last input.
LEEWAY_SECONDS = 120.0


def main(words: list[str]) -> int:
    """Fuzz each target; 1 where one raised what it must not, hung, or cost too much."""
    asked = _parser().parse_args(words)
    found = [name for name in asked.target or TARGETS if not _is_sound(name, asked.seconds)]
    print(f"fuzz: {', '.join(found)} failed" if found else "fuzz: nothing was found")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./gateway fuzz", description="Fuzz the decoders with atheris.")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target (default 60)")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="only this one; may come twice")
    return parser


def _is_sound(name: str, seconds: int) -> bool:
    folder = Path(tempfile.mkdtemp(prefix=f"gateway-fuzz-{name}-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    print(f"fuzz: {name} for {seconds} s; what it finds is kept in {folder}", flush=True)
    command = [
        sys.executable,
        "-m",
        "devtools.fuzz.child",
        f"devtools.fuzz.targets:TARGETS/{name}",
        str(seconds),
        str(corpus),
    ]
    done = subprocess.run(command, timeout=seconds + LEEWAY_SECONDS, check=False)
    return done.returncode == 0 and _is_cheap(name, TARGETS[name], corpus)


def _is_cheap(name: str, target: Target, corpus: Path) -> bool:
    """Weigh every input that the fuzzer kept, and each made as long as a frame."""
    dear = 0
    for path in sorted(corpus.iterdir()):
        for number, data in enumerate(swollen(path.read_bytes())):
            if (why := too_dear(target.read, data)) is not None:
                dear += 1
                kept = corpus.parent / f"dear-{path.name}-{number}"
                kept.write_bytes(data)
                print(f"fuzz: {name}: {kept} {why}")
    print(f"fuzz: {name}: {len(list(corpus.iterdir()))} inputs weighed, {dear} too expensive")
    return not dear


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
