"""Find the words that this project avoids: ``python -m devtools.wording.check [PATH ...]``.

Python files are read for their docstrings, comments and strings; Markdown and templates as they are, without code.
The names that production code defines are read too, word by word: ``_tell_health`` and ``FailuresTold`` are found.
"""

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
READ = (".py", ".md", ".html")
#: Records of the past stay as they were written; the list itself names what it forbids.
EXCLUDED = ("CHANGELOG.md", "docs/decisions/", "devtools/wording/", "LICENSE")
#: Where names are read. Tests and development programs name things for themselves.
PRODUCTION = tuple(
    f"{one.parent.name}/" for one in sorted(ROOT.glob("*/__init__.py")) if one.parent.name not in ("devtools", "tests")
)
#: Files whose own names are read besides those of modules.
NAMED_FILES = (".html", ".js", ".css")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
CODE = re.compile(r"```.*?```|``.*?``|`[^`]*`|\{[{%].*?[}%]\}|<(?:script|style).*?</(?:script|style)>", re.DOTALL)


@dataclass(frozen=True)
class WordFinding:
    """A word to avoid: where it stands and what to write instead."""

    place: str
    word: str
    instead: str


def main(paths: Sequence[str]) -> int:
    """Print every finding; return 1 when there is one."""
    findings = list(find(paths))
    for one in findings:
        print(f"{one.place}: {one.word!r}: write {one.instead}")
    print(f"{len(findings)} words to avoid" if findings else "No words to avoid.")
    return 1 if findings else 0


def find(paths: Sequence[str]) -> Iterator[WordFinding]:
    """Yield the findings in the files of the repository below the paths (none: everywhere)."""
    table = _table()
    words = table["words"]
    for name in _files(paths):
        if name.endswith(READ):
            for line, text in _prose(ROOT / name):
                yield from (_finding(f"{name}:{line}", found, words) for found in _pattern(words).finditer(text))
        if name.startswith((*PRODUCTION, "templates/")):
            yield from _names_to_avoid(name, table["names"], table["kept_names"])


def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads((Path(__file__).parent / "words.toml").read_text())


def _names_to_avoid(file: str, words: dict[str, str], kept: dict[str, str]) -> Iterator[WordFinding]:
    """Yield the file's name and the names defined in it of which a word is to be avoided, each once."""
    pattern, seen = re.compile("|".join(words)), set(kept)
    defined = _defined(ast.parse((ROOT / file).read_text())) if file.endswith(".py") else ()
    for line, name in [(1, Path(file).stem), *defined]:
        if name in seen:
            continue
        seen.add(name)
        for word in WORD.findall(name):
            if pattern.fullmatch(word.lower()):
                instead = next(text for key, text in words.items() if re.fullmatch(key, word.lower()))
                yield WordFinding(f"{file}:{line}", name, instead)


def _defined(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield what a module defines: functions, classes, parameters, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr


def _pattern(words: dict[str, str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{'|'.join(words)})(?![\w-])", re.IGNORECASE)


def _finding(place: str, found: re.Match[str], words: dict[str, str]) -> WordFinding:
    said = found.group()
    instead = next(text for word, text in words.items() if re.fullmatch(word, said, re.IGNORECASE))
    return WordFinding(place, said, instead)


def _files(paths: Sequence[str]) -> list[str]:
    git = shutil.which("git") or "git"
    listed = subprocess.run([git, "ls-files", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.splitlines() if name.endswith((*READ, *NAMED_FILES))]
    is_read = [name for name in names if not name.startswith(EXCLUDED) and "/migrations/" not in name]
    return [name for name in is_read if (ROOT / name).exists()]


def _prose(path: Path) -> list[tuple[int, str]]:
    """Return each piece of prose with the number of its line."""
    if not path.exists():
        return []
    text = path.read_text()
    if path.suffix == ".py":
        return [(line, _without_code(piece)) for line, piece in _python_prose(text)]
    return [(number, line) for number, line in enumerate(_without_code(text).split("\n"), 1)]


def _python_prose(text: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.isidentifier():
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _without_code(text: str) -> str:
    """Blank out code, keeping the lines."""
    return CODE.sub(lambda found: "\n" * found.group().count("\n"), text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
