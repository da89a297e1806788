"""What the manual says of the HTTP interface, the commands, the counters and the bounds, from the code itself."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.management import get_commands, load_command_class

from cti.bounds import BOUNDS
from cti.http_intake.openapi import document
from launcher.__main__ import WORDS
from launcher.paths import ROOT
from telemetry.counters import METRICS

MADE = "<!-- Made from the code by `python -m devtools.manual`. -->"


def parts() -> dict[str, str]:
    """Return the pages that are made from the code, whole or in part, by their names in docs/."""
    return {
        "monitoring.md": _with_part("monitoring.md", "counters", counter_table()),
        "configuration.md": _with_part("configuration.md", "bounds", bounds_table()),
        "api.md": api_page(),
        "commands.md": commands_page(),
    }


def _with_part(page: str, name: str, table: str) -> str:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    begin, end = f"<!-- made from the code: {name} -->", "<!-- end -->"
    made = f"{begin}\n\n{table}\n\n{end}"
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: made, text, flags=re.DOTALL)


def bounds_table() -> str:
    """Return what bounds everything that comes from outside."""
    rows = [f"| `{one.setting}` | {one.default:,} {one.what} | {one.beyond} |" for one in BOUNDS]
    return "\n".join(["| variable | default | beyond it |", "|---|---|---|", *rows])


def counter_table() -> str:
    """Return the counters and histograms with their labels."""
    rows = []
    for one in METRICS:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append(f"| `{one.series[0]}` | {labels} | {one.meaning} |")
    return "\n".join(["| metric | labels | meaning |", "|---|---|---|", *rows])


def commands_page() -> str:
    """Return the page of the words that ``./gateway`` knows, and of the gateway's own management commands."""
    words = [(f"./gateway {name}", word.purpose) for name, word in WORDS.items() if word.purpose]
    lines = ["# Commands", "", MADE, "", "`./gateway WORD --help` names the options of each.", ""]
    lines += [*_command_table(words), "", "## Management commands", ""]
    lines += ["`./gateway manage COMMAND --help` names the options of each.", ""]
    return "\n".join([*lines, *_command_table(_management_commands()), ""])


def _command_table(rows: Iterable[tuple[str, str]]) -> list[str]:
    return ["| command | what it does |", "|---|---|", *(f"| `{name}` | {_line(said)} |" for name, said in rows)]


def _management_commands() -> Iterator[tuple[str, str]]:
    """Yield the gateway's own commands with their help, not those of Django and of libraries."""
    for name, app in sorted(get_commands().items()):
        if isinstance(app, str) and (ROOT / app / "management" / "commands" / f"{name}.py").is_file():
            yield f"./gateway manage {name}", load_command_class(app, name).help


def api_page() -> str:
    """Return the page of the HTTP interface, from its OpenAPI document."""
    found: dict[str, Any] = json.loads(document())
    lines = ["# HTTP interface", "", MADE, ""]
    lines += [
        "The gateway serves this as OpenAPI at `/api/openapi.json`; [posting events](http-intake.md) explains it."
    ]
    for path, methods in found["paths"].items():
        for method, what in methods.items():
            lines += ["", f"## {method.upper()} {path}", "", *_operation(what, found)]
    lines += ["", "## Values", ""]
    for name, schema in found["components"]["schemas"].items():
        lines += _schema(name, schema)
    return "\n".join([*lines, ""])


def _operation(what: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    yield what.get("description") or what.get("summary", "")
    if parameters := [_resolved(one, found) for one in what.get("parameters", [])]:
        yield from ("", "| parameter | in | meaning |", "|---|---|---|")
        yield from (f"| `{one['name']}` | {one['in']} | {_line(one.get('description', ''))} |" for one in parameters)
    yield from ("", "| status | meaning |", "|---|---|")
    for status, answer in what["responses"].items():
        yield f"| {status} | {_line(_resolved(answer, found).get('description', ''))} |"


def _resolved(one: Mapping[str, Any], found: Mapping[str, Any]) -> Mapping[str, Any]:
    for step in one.get("$ref", "").removeprefix("#/").split("/"):
        found = found[step] if step else found
    return found if "$ref" in one else one


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### {name}", "", _line(schema.get("description", "")), "")
    if properties := schema.get("properties"):
        needed = set(schema.get("required", ()))
        yield from ("| field | type | needed | meaning |", "|---|---|---|---|")
        for field, value in properties.items():
            yield f"| `{field}` | {_type(value)} | {'yes' if field in needed else ''} | {_line(_says(value))} |"
        yield ""


def _says(value: Any) -> str:
    return str(value.get("description", "")) if isinstance(value, dict) else ""


def _type(value: Any) -> str:
    if not isinstance(value, dict):
        return "any"
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    kind = value.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
