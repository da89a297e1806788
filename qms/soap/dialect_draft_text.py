"""The draft of a dialect as the TOML file that a person goes on with."""

from collections.abc import Iterator, Mapping

from qms.soap.dialect import OPERATIONS
from qms.soap.dialect_draft import Draft
from qms.soap.faults import CODES
from qms.soap.schema import SchemaPart


def toml_of(draft: Draft, wsdl: str) -> str:
    """Return the draft as a dialect file, with comments that say what is left to do."""
    return "\n".join(_lines(draft, wsdl)) + "\n"


def _lines(draft: Draft, wsdl: str) -> Iterator[str]:
    yield f"# A draft from {wsdl}: ours on the left, theirs on the right. docs/dialects.md explains each table."
    yield "# Enter it at the Recording Service as Dialect, and press Test connection."
    yield from _to_do(draft)
    if len(draft.ports) > 1:
        yield f"port = {_quoted(draft.port)}                # of {', '.join(draft.ports)}"
    yield '#time_zone = "Europe/London"        # where their times have no offset'
    yield "\n[operations]"
    for ours in OPERATIONS:
        yield f"{ours} = {_quoted(draft.operations.get(ours, ''))}"
    yield "\n[elements]"
    yield from (f"{_quoted(key)} = {_quoted(path)}" for key, path in draft.elements.items())
    for ours, fields in draft.send.items():
        yield f"\n[send.{ours}]"
        yield from (f"{name} = {_quoted(value)}" for name, value in fields.items())
    yield from _values(draft.values)
    yield "\n[faults]                            # their code = ours: " + ", ".join(CODES)
    yield from _offered(draft)


def _to_do(draft: Draft) -> Iterator[str]:
    if not draft.missing:
        yield "# Everything could be mapped; check each line, and add their fault codes."
        return
    yield "# Could not be mapped; find them in the list at the end:"
    yield from (f"#   - {one}" for one in draft.missing)


def _values(values: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for key, words in values.items():
        yield f"\n[values.{_quoted(key)}]"
        yield from (f"{_quoted(theirs)} = {_quoted(ours or '?')}" for theirs, ours in words.items())
        if not words:
            yield '#FULL = "Unlimited"                  # and "OnDemand", "None"'


def _offered(draft: Draft) -> Iterator[str]:
    yield "\n# What they offer (* many, ! must be sent):"
    taken = {theirs: ours for ours, theirs in draft.operations.items()}
    for one in draft.offered:
        yield f"#   {one.name}" + (f"  -> {taken[one.name]}" if one.name in taken else "  (not used)")
        yield from (f"#     asks     {line}" for line in _tree(one.request))
        yield from (f"#     answers  {line}" for line in _tree(one.answer))


def _tree(part: SchemaPart) -> Iterator[str]:
    for one in part.walk():
        if not one.parts or one.is_many:
            yield f"{one.path}{'*' if one.is_many else ''}{'!' if one.is_required else ''} ({one.type_name})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
