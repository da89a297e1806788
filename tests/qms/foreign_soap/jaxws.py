"""A recorder as Java JAX-WS answers: ``S:`` and ``ns2:``, children without a namespace, nothing for null."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID
from xml.etree import ElementTree as ET

from . import jaxws_wsdl as wsdl
from .archive import Field, Person, Recorded, Refusal, Refused, guid_of
from .misbehaviour import Misbehaviour, Operation
from .service import Act, Faulty, ForeignService, Reply, Request
from .wsse import SECURITY, UTILITY, Gate, Trouble
from .xml import SOAP11, SOAP12, XSI, children, leaf, tag, text

CODES = {
    Refusal.NO_RECORDING: "RECORDING_NOT_FOUND", Refusal.NO_FIELD: "UNKNOWN_LABEL",
    Refusal.FIELD_EXISTS: "LABEL_EXISTS", Refusal.OTHER_VALUE: "LABEL_LOCKED", Refusal.TOO_LONG: "VALUE_TOO_LONG",
    Refusal.BAD_REQUEST: "ILLEGAL_ARGUMENT", Refusal.NOT_ALLOWED: "FORBIDDEN", Refusal.BUSY: "BUSY",
}  # fmt: skip
_WORDS = {
    Trouble.FAILED_AUTHENTICATION: "No such user, or another password.",
    Trouble.INVALID_SECURITY: "The security header is missing or wrong.",
    Trouble.MESSAGE_EXPIRED: "The message is too old.",
}
_PAGE = 500


@dataclass(frozen=True)
class JaxWsOptions:
    """How this installation answers.

    - ``security``: the UsernameToken that must come, with ``user`` and ``password``; ``wants_timestamp`` beside it.
    - ``truth_words``: how yes and no are written, in ``active`` of an agent and in the answer to a write.
    - ``writes_empty``: values that are not there are written as empty elements, among them the end of a recording.
    - ``no_recording``: what stands for "no recording".
    """

    security: Literal["none", "text", "digest"] = "none"
    user: str = "gateway"
    password: str = "secret"
    wants_timestamp: bool = True
    truth_words: Literal["true/false", "1/0", "Y/N", "True/False"] = "true/false"
    writes_empty: bool = False
    no_recording: Literal["absent", "empty", "nil"] = "absent"


def _when(moment: datetime) -> str:
    """Write a time as XMLGregorianCalendar does, with milliseconds and an offset."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _moment(written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise Refused(Refusal.BAD_REQUEST, written[:40]) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(asked: ET.Element, name: str, otherwise: int) -> int:
    try:
        return int(text(asked, name) or otherwise)
    except ValueError as error:
        raise Refused(Refusal.BAD_REQUEST, name) from error


@dataclass
class JaxWsService(ForeignService):
    """The JAX-WS-like service; ``wsdl`` is the address of its WSDL."""

    options: JaxWsOptions = field(default_factory=JaxWsOptions)

    def __post_init__(self) -> None:
        """Make the gate for the options."""
        options = self.options
        self._gate = Gate(options.user, options.password, options.security == "digest", options.wants_timestamp)

    @property
    def wsdl(self) -> str:
        """Return the address of the WSDL."""
        return f"{self.address}{wsdl.PATH}?wsdl"

    def document(self, path: str, query: str) -> str | None:
        """Return the WSDL or its schema."""
        return wsdl.documents(self.address).get(query.lower()) if path == wsdl.PATH else None

    def is_spoken_at(self, path: str, content_type: str, is_soap12: bool) -> bool:
        """Say whether it is SOAP 1.1 at the one port."""
        return path == wsdl.PATH and not is_soap12 and content_type.lower().startswith("text/xml")

    def http_login(self, headers: dict[str, str], is_document: bool) -> Reply | None:
        """Ask for nothing: who asks stands in the envelope."""
        return None

    def login(self, request: Request) -> None:
        """Check the UsernameToken; raises ``Faulty`` with a code of WS-Security."""
        trouble = None if self.options.security == "none" else self._gate.trouble(request.header)
        if trouble is not None:
            raise Faulty(self._security_fault(request, trouble))

    def _security_fault(self, request: Request, trouble: Trouble) -> Reply:
        """Write the fault; the code of an expired message is of the other of the two namespaces."""
        prefix, space = ("wsu", UTILITY) if trouble is Trouble.MESSAGE_EXPIRED else ("wsse", SECURITY)
        code = leaf("faultcode", f"{prefix}:{trouble}", **{f"xmlns__{prefix}": space})
        return self._fault(request, code, _WORDS[trouble])

    def acts(self) -> dict[str, tuple[Operation, Act]]:
        """Return what does each operation."""
        return {
            "getServerStatus": (Operation.GET_SERVICE_INFO, self._status),
            "listAgents": (Operation.LIST_USERS, self._agents),
            "findCurrentRecording": (Operation.FIND_LIVE_RECORDING, self._current),
            "listLabels": (Operation.LIST_FLAG_DEFINITIONS, self._labels),
            "createLabel": (Operation.CREATE_FLAG_DEFINITION, self._create_label),
            "applyLabels": (Operation.WRITE_FLAGS, self._apply),
            "readLabels": (Operation.GET_FLAGS, self._read),
            "searchRecordings": (Operation.LIST_RECORDINGS, self._search),
        }

    def _answer(self, name: str, *content: str) -> str:
        return tag(f"ns2:{name}Response", *content, xmlns__ns2=wsdl.NAMESPACE)

    def _truth(self, is_so: bool) -> str:
        return self.options.truth_words.split("/")[0 if is_so else 1]

    def _maybe(self, name: str, value: str) -> str:
        if value:
            return leaf(name, value)
        return tag(name) if self.options.writes_empty else ""

    def _guid(self, guid: UUID, what: Misbehaviour) -> str:
        return (str(guid) * (what.guid_length // 36 + 1))[: what.guid_length] if what.guid_length else str(guid)

    def _status(self, _: ET.Element, what: Misbehaviour) -> str:
        inner = leaf("serverName", "tonband-1") + leaf("storage", "/srv/audio") + leaf("release", "7.1.3")
        return self._answer("getServerStatus", tag("return", inner))

    def _agents(self, asked: ET.Element, what: Misbehaviour) -> str:
        people, offset = self.archive.people(), _number(asked, "offset", 0)
        end = offset + min(_number(asked, "limit", _PAGE) or _PAGE, _PAGE)
        agents = [self._agent(one) for one in people[offset:end]]
        rest = leaf("nextOffset", end) if end < len(people) else self._maybe("nextOffset", "")
        return self._answer("listAgents", tag("return", *agents, *_bad_agent(what), *_nil("agents", what), rest))

    def _agent(self, one: Person) -> str:
        return tag(
            "agents", leaf("id", one.number), leaf("login", one.login), leaf("firstName", one.first_name),
            leaf("lastName", one.last_name), leaf("phone", one.extension), self._maybe("agentNumber", one.agent_id),
            self._maybe("team", one.department), leaf("node", one.server), leaf("active", self._truth(one.is_active)),
            leaf("licence", wsdl.LICENCES[one.licence]),
        )  # fmt: skip

    def _recording(self, name: str, one: Recorded, what: Misbehaviour, with_labels: bool) -> str:
        ended = self._maybe("end", _when(one.ended) if one.ended else "")
        labels = self._label_list("labels", self.archive.flags(one.guid)) if with_labels else []
        guid = leaf("id", self._guid(one.guid, what))
        return tag(name, guid, leaf("phone", one.extension), leaf("start", _when(one.began)), ended, *labels)

    def _current(self, asked: ET.Element, what: Misbehaviour) -> str:
        found = self.archive.live(text(asked, "extension"))
        if found is not None:
            return self._answer("findCurrentRecording", self._recording("return", found, what, with_labels=False))
        nothing = {"absent": "", "empty": tag("return"), "nil": tag("return", xmlns__xsi=XSI, xsi__nil="true")}
        return self._answer("findCurrentRecording", nothing[self.options.no_recording])

    def _labels(self, _: ET.Element, what: Misbehaviour) -> str:
        names = [leaf("return", one.name) for one in self.archive.fields()]
        return self._answer("listLabels", *names, *_nil("return", what))

    def _create_label(self, asked: ET.Element, what: Misbehaviour) -> str:
        self.archive.create_field(Field(text(asked, "name")))
        return self._answer("createLabel")

    def _apply(self, asked: ET.Element, what: Misbehaviour) -> str:
        values = {text(one, "name"): text(one, "value") for one in children(asked, "label")}
        guid = guid_of(text(asked, "recordingId"))
        written = 0 if what.writes_nothing else self.archive.write(guid, values)
        return self._answer("applyLabels", leaf("return", self._truth(bool(written))))

    def _label_list(self, name: str, values: dict[str, str]) -> list[str]:
        return [tag(name, leaf("name", one), leaf("value", value)) for one, value in values.items()]

    def _read(self, asked: ET.Element, what: Misbehaviour) -> str:
        values = self.archive.read(guid_of(text(asked, "recordingId")))
        return self._answer("readLabels", *self._label_list("return", values), *_nil("return", what))

    def _search(self, asked: ET.Element, what: Misbehaviour) -> str:
        found = self.archive.between(_moment(text(asked, "from")), _moment(text(asked, "to")))
        recordings = [self._recording("return", one, what, with_labels=True) for one in found]
        return self._answer("searchRecordings", *recordings, *_nil("return", what))

    def envelope(self, request: Request, body: str, status: int = 200) -> Reply:
        """Write an envelope with a declaration in single quotes, as Metro does."""
        whole = "<?xml version='1.0' encoding='UTF-8'?>" + tag("S:Envelope", tag("S:Body", body), xmlns__S=SOAP11)
        return Reply(whole.encode(), status, "text/xml; charset=utf-8")

    def _fault(self, request: Request, code: str, words: str, detail: str = "") -> Reply:
        inner = code + leaf("faultstring", words) + (tag("detail", detail) if detail else "")
        return self.envelope(request, tag("S:Fault", inner, xmlns__ns4=SOAP12), 500)

    def refusal(self, request: Request, refused: Refused) -> Reply:
        """Write the fault of a declared exception: the code of the fault is Server, whoever is to blame."""
        inner = leaf("code", CODES[refused.reason]) + leaf("message", refused.reason)
        inner += self._maybe("subject", refused.subject)
        detail = tag("ns2:RecorderException", inner, xmlns__ns2=wsdl.NAMESPACE)
        return self._fault(request, leaf("faultcode", "S:Server"), str(refused.reason), detail)

    def crash(self, request: Request) -> Reply:
        """Write the fault of a RuntimeException."""
        return self._fault(request, leaf("faultcode", "S:Server"), "java.lang.NullPointerException")

    def unknown(self, request: Request) -> Reply:
        """Write the fault of an element that no method is for."""
        return self._fault(request, leaf("faultcode", "S:Client"), f"No method for {request.body.tag}")

    def unreadable(self, content_type: str) -> Reply:
        """Refuse what is no SOAP 1.1."""
        return Reply(b"", 415, "text/plain")


def _bad_agent(what: Misbehaviour) -> list[str]:
    odd = (
        leaf("id", 17)
        + leaf("login", "")
        + leaf("phone", "2099")
        + leaf("active", "perhaps")
        + leaf("licence", "Trial")
    )
    return [tag("agents", odd)] if what.bad_user else []


def _nil(name: str, what: Misbehaviour) -> list[str]:
    return [tag(name, xmlns__xsi=XSI, xsi__nil="true")] if what.nil_item else []
