"""The draft of a dialect from a WSDL: operations and elements are proposed by their names and by what is in them.

A draft is a beginning: what could not be mapped is listed in it, and "Test connection" shows whether the rest is right.
"""

from collections.abc import Iterator, Mapping

import msgspec
import zeep

from qms.soap.contract import ConnectionSettings, SoapContract, load_wsdl, soap_ports
from qms.soap.dialect import OPERATIONS, SHAPES, Dialect
from qms.soap.documents import WsdlDocuments
from qms.soap.schema import SchemaPart, enumerations, tree_of
from qms.soap.vocabulary import field_rank, licence_of, operation_score

#: An operation is proposed from this score on.
_ENOUGH = 0.6
#: What the shape of an operation is worth where its name says nothing.
_SHAPE_SCORE = 0.3
#: A list is one of users where its items have more than this many of a user's fields.
_USER_FIELDS = 3
_PAIR = len(SHAPES["Flag"])
_OPTIONAL = ("identifier", "pageSize", "pageToken", "nextPageToken", "description", "maxLength", "endedAt", "message")
_OPTIONAL_SCOPED = {
    "FindLiveRecording.notStartedBefore",
    "CreateFlagDefinitionResponse.definition",
    "Recording.extension",
}


class Operation(msgspec.Struct, frozen=True):
    """An operation of theirs: its name, and the trees of its request and its answer."""

    name: str
    request: SchemaPart
    answer: SchemaPart


class Draft(msgspec.Struct, frozen=True):
    """What was proposed, and what was not found.

    :param elements: our "Type.field" -> their path; "" where they seem to have none.
    :param missing: what a person has to map, in words.
    """

    port: str
    ports: tuple[str, ...]
    offered: tuple[Operation, ...]
    operations: dict[str, str]
    elements: dict[str, str]
    send: dict[str, dict[str, str]]
    values: dict[str, dict[str, str]]
    missing: tuple[str, ...]


def draft_of(settings: ConnectionSettings, port: str = "") -> Draft:
    """Read a WSDL and propose a dialect. Raises ``QmsUnavailable``."""
    contract = SoapContract(settings, Dialect(port=port))
    client = load_wsdl(settings)
    offered = tuple(_operations(client, contract.port_name))
    chosen = _assigned(offered)
    return _Drafting(chosen, _listed_values(client)).draft(contract.port_name, tuple(soap_ports(client)), offered)


def _operations(client: zeep.Client, port: str) -> Iterator[Operation]:
    for name, one in sorted(soap_ports(client)[port].all().items()):
        yield Operation(name, tree_of(one.input.body), tree_of(one.output.body))


def _listed_values(client: zeep.Client) -> dict[str, tuple[str, ...]]:
    documents = client.transport
    return enumerations(documents.loaded) if isinstance(documents, WsdlDocuments) else {}


def _assigned(offered: tuple[Operation, ...]) -> dict[str, Operation]:
    """Give each operation of ours the one of theirs that fits best, each once."""
    scores = [(_score(ours, one), ours, one) for ours in OPERATIONS for one in offered]
    found: dict[str, Operation] = {}
    for score, ours, one in sorted(scores, key=lambda entry: (-entry[0], entry[1], entry[2].name)):
        if score >= _ENOUGH and ours not in found and one not in found.values():
            found[ours] = one
    return found


def _score(ours: str, theirs: Operation) -> float:
    """Return how well an operation of theirs fits: its name, and what it asks and answers."""
    if ours == theirs.name:
        return 3.0
    named = operation_score(ours, theirs.name)
    fits = _fits(ours, theirs)
    if fits and ours in ("WriteFlags", "GetFlags", "ListFlagDefinitions"):
        named = max(named, _SHAPE_SCORE)  # Of these the shape says enough, whatever flags are called there.
    return named + (0.5 if fits else -0.5) if named else 0.0


def _fits(ours: str, theirs: Operation) -> bool:
    asked, answered = list(theirs.request.leaves()), list(theirs.answer.walk())
    lists = [part for part in answered if part.is_many]
    names_recording = any(field_rank("recordingGuid", part.name) is not None for part in asked)
    has_pairs = any(part.is_many and len(part.parts) > 1 for part in theirs.request.walk())
    names_extension = any(field_rank("extension", part.name) is not None for part in asked)
    has_recordings = any(_fields_in("Recording", part) > 1 for part in lists)
    is_of_users = any(_fields_in("User", part) > _USER_FIELDS for part in lists)
    return {
        "GetServiceInfo": not asked and not lists,
        "ListUsers": is_of_users,
        "FindLiveRecording": not has_recordings and names_extension,
        "ListFlagDefinitions": bool(lists) and not asked and not is_of_users,
        "CreateFlagDefinition": bool(asked) and not has_pairs and not lists and not names_recording,
        "WriteFlags": has_pairs and names_recording,
        "GetFlags": any(len(part.parts) == len(SHAPES["Flag"]) for part in lists)
        and names_recording
        and len(asked) == 1,
        "ListRecordings": bool(lists) and len(asked) > 1 and not has_pairs and not is_of_users,
    }[ours]


class _Drafting:
    """Map the elements of the operations that were assigned."""

    def __init__(self, operations: Mapping[str, Operation], listed: Mapping[str, tuple[str, ...]]) -> None:
        self.operations, self.listed = operations, listed
        self.elements: dict[str, str] = {}
        self.send: dict[str, dict[str, str]] = {}
        self.values: dict[str, dict[str, str]] = {}
        self.missing: list[str] = []

    def draft(self, port: str, ports: tuple[str, ...], offered: tuple[Operation, ...]) -> Draft:
        """Return the whole draft."""
        for ours in OPERATIONS:
            if ours not in self.operations:
                self.missing.append(f"operation {ours}")
                continue
            self._map(ours, self.operations[ours].request)
            self._map(f"{ours}Response", self.operations[ours].answer)
            self._send_besides(ours)
        names = {ours: one.name for ours, one in self.operations.items()}
        return Draft(
            port, ports, offered, names, self.elements, self.send, self.values, tuple(dict.fromkeys(self.missing))
        )

    def _map(self, scope: str, outer: SchemaPart) -> None:
        """Map the fields of a type of ours to what is in an element of theirs."""
        taken: set[str] = set()
        for field, inner in SHAPES[scope].items():
            key = f"{scope}.{field}"
            found = self._type_in(inner, outer) if inner else _leaf(field, outer, taken)
            if found is None:
                self._is_missing(key, field)
                continue
            taken.add(found.path)
            self._note(key, found.below(outer))
            if inner:
                self._map_inner(inner, found)
            else:
                self._map_values(key, found)

    def _map_inner(self, inner: str, found: SchemaPart) -> None:
        """Map a type once, where it is first met."""
        if not found.parts:
            self._note(f"{inner}.name", ".")
            for field in SHAPES[inner]:
                self.elements.setdefault(f"{inner}.{field}", "")
        elif not any(key.startswith(f"{inner}.") for key in self.elements):
            self._map(inner, found)

    def _type_in(self, inner: str, outer: SchemaPart) -> SchemaPart | None:
        """Return the element that has most of a type's fields; a list of texts may stand for a type with a name."""
        if self.elements.get(f"{inner}.name") == ".":  # It is a plain text: here too.
            return _leaf("name", outer, set())
        best = max((outer, *outer.walk()), key=lambda part: (_fields_in(inner, part), part.is_many), default=outer)
        enough = 1 if len(SHAPES[inner]) < 4 else 2
        if _fields_in(inner, best) >= enough:
            return best
        texts = [part for part in outer.walk() if not part.parts and (part.is_many or inner == "FlagDefinition")]
        return texts[0] if len(texts) == 1 and "name" in SHAPES[inner] else None

    def _is_missing(self, key: str, field: str) -> None:
        self._note(key, "")
        if key == "WriteFlagsResponse.written" and not self.operations["WriteFlags"].answer.parts:
            return  # An answer without content confirms all.
        if field not in _OPTIONAL and key not in _OPTIONAL_SCOPED:
            self.missing.append(f"element {key}")

    def _note(self, key: str, path: str) -> None:
        self.elements.setdefault(key, path)

    def _map_values(self, key: str, found: SchemaPart) -> None:
        values = self.listed.get(found.type_name, ())
        if key == "User.licence":
            self.values[key] = {value: licence_of(value) for value in values}
            if not values or not all(self.values[key].values()):
                self.missing.append('their words for a licence, in [values."User.licence"]')

    def _send_besides(self, ours: str) -> None:
        """List what else a request of theirs must have; paging begins at 0."""
        operation = self.operations[ours]
        mapped = {self.elements[key] for key in self.elements if key.startswith(f"{ours}.")}
        for part in operation.request.parts:
            if part.is_required and not part.parts and part.path not in mapped:
                self.send.setdefault(ours, {})[part.name] = ""
                self.missing.append(f"the value of {part.name}, which {operation.name} wants, in [send.{ours}]")
        token = self.elements.get(f"{ours}.pageToken", "")
        if any(part.path == token and part.is_required for part in operation.request.parts):
            self.send.setdefault(ours, {})[token] = "0"


def _leaf(field: str, outer: SchemaPart, taken: set[str]) -> SchemaPart | None:
    """Return the text whose name stands for a field: the likeliest, then the outermost; none that is taken."""
    ranked = [
        (rank, part.path.count("/"), part.path, part)
        for part in outer.leaves()
        if part.path not in taken and (rank := field_rank(field, part.name)) is not None
    ]
    if not ranked and field == "written":
        only = list(outer.leaves())
        return only[0] if len(only) == 1 else None
    return min(ranked, key=lambda one: one[:3])[3] if ranked else None


def _fields_in(inner: str, part: SchemaPart) -> int:
    """Return how many fields of a type an element has directly in it."""
    count = 0
    for field, nested in SHAPES[inner].items():
        if nested:
            count += any(_fields_in(nested, one) > 1 for one in (part, *part.parts))
        else:
            count += any(not one.parts and field_rank(field, one.name) is not None for one in part.parts)
    return count
