"""A recorder as .NET WCF on IIS answers: data contracts in alphabetical order, nil for nothing, ``s:`` and ``a:``."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID
from xml.etree import ElementTree as ET

from . import wcf_wsdl as wsdl
from .archive import Field, Person, Recorded, Refusal, Refused, guid_of
from .misbehaviour import Misbehaviour, Operation
from .service import Act, ForeignService, Reply, Request
from .xml import SOAP11, SOAP12, XSI, child, children, leaf, tag, text

DISPATCHER = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"
MIN_VALUE = "0001-01-01T00:00:00"
EMPTY_GUID = "00000000-0000-0000-0000-000000000000"

CODES = {
    Refusal.NO_RECORDING: "CallUnknown", Refusal.NO_FIELD: "TagUnknown", Refusal.FIELD_EXISTS: "TagExists",
    Refusal.OTHER_VALUE: "TagIsSet", Refusal.TOO_LONG: "TextTooLong", Refusal.BAD_REQUEST: "BadArgument",
    Refusal.NOT_ALLOWED: "Denied", Refusal.BUSY: "TryLater",
}  # fmt: skip


@dataclass(frozen=True)
class WcfOptions:
    """How this installation answers.

    - ``login``: what IIS asks for; only Basic can be passed, with ``user`` and ``password``. ``guards_documents``: the
      WSDL is behind the same login.
    - ``guid_form``: how GUIDs are written. ``no_call``: what stands for "no recording".
    - ``shows_exceptions``: includeExceptionDetailInFaults, which adds a detail to the fault of an exception.
    """

    login: Literal["none", "basic", "ntlm", "negotiate", "digest"] = "none"
    user: str = "gateway"
    password: str = "secret"
    guards_documents: bool = False
    guid_form: Literal["plain", "upper", "braces", "no dashes"] = "plain"
    no_call: Literal["nil", "absent", "empty guid"] = "nil"
    shows_exceptions: bool = False


_CHALLENGES = {
    "basic": ('Basic realm="vault"',), "ntlm": ("NTLM",), "negotiate": ("Negotiate", "NTLM"),
    "digest": ('Digest realm="vault", qop="auth", nonce="0f3a5c", algorithm=MD5',),
}  # fmt: skip


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _moment(text_: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text_)
    except ValueError as error:
        raise Refused(Refusal.BAD_REQUEST, text_[:40]) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _optional(name: str, value: str) -> str:
    return leaf(f"a:{name}", value) if value else tag(f"a:{name}", i__nil="true")


@dataclass
class WcfService(ForeignService):
    """The WCF-like service; ``wsdl`` is the address of its WSDL."""

    options: WcfOptions = field(default_factory=WcfOptions)

    @property
    def wsdl(self) -> str:
        """Return the address of the split WSDL."""
        return f"{self.address}{wsdl.PATH}?wsdl"

    def document(self, path: str, query: str) -> str | None:
        """Return a WSDL or a schema; IIS does not mind the case of the query."""
        return wsdl.documents(self.address).get(query.lower()) if path == wsdl.PATH else None

    def is_spoken_at(self, path: str, content_type: str, is_soap12: bool) -> bool:
        """Say whether the port at the path speaks this version, by the envelope and by the type of the content."""
        kind = "application/soap+xml" if is_soap12 else "text/xml"
        return path == (wsdl.PATH12 if is_soap12 else wsdl.PATH) and content_type.lower().startswith(kind)

    def http_login(self, headers: dict[str, str], is_document: bool) -> Reply | None:
        """Challenge as IIS does, before the service is reached."""
        wanted = self.options.login
        if wanted == "none" or (is_document and not self.options.guards_documents):
            return None
        pair = base64.b64encode(f"{self.options.user}:{self.options.password}".encode()).decode()
        if wanted == "basic" and headers.get("authorization", "") == f"Basic {pair}":
            return None
        words = tuple(("WWW-Authenticate", one) for one in _CHALLENGES[wanted])
        return Reply(b"<html><body><h2>401</h2></body></html>", 401, "text/html", words)

    def login(self, request: Request) -> None:
        """Ask for nothing more: IIS has done it."""

    def acts(self) -> dict[str, tuple[Operation, Act]]:
        """Return what does each operation."""
        return {
            "About": (Operation.GET_SERVICE_INFO, self._about),
            "GetAccounts": (Operation.LIST_USERS, self._accounts),
            "GetActiveCall": (Operation.FIND_LIVE_RECORDING, self._active_call),
            "GetTagNames": (Operation.LIST_FLAG_DEFINITIONS, self._tag_names),
            "AddTagName": (Operation.CREATE_FLAG_DEFINITION, self._add_tag_name),
            "TagCall": (Operation.WRITE_FLAGS, self._tag_call),
            "GetTags": (Operation.GET_FLAGS, self._tags),
            "GetCalls": (Operation.LIST_RECORDINGS, self._calls),
        }

    def _result(self, name: str, *content: str, **attributes: str) -> str:
        inner = tag(f"{name}Result", *content, xmlns__a=wsdl.DATA, xmlns__i=XSI, **attributes)
        return tag(f"{name}Response", inner, xmlns=wsdl.CONTRACT)

    def _guid(self, guid: UUID, what: Misbehaviour) -> str:
        if what.guid_length:
            return (str(guid) * (what.guid_length // 36 + 1))[: what.guid_length]
        forms = {"plain": str(guid), "upper": str(guid).upper(), "braces": f"{{{guid}}}".upper(), "no dashes": guid.hex}
        return forms[self.options.guid_form]

    def _about(self, _: ET.Element, what: Misbehaviour) -> str:
        return self._result("About", leaf("a:Database", "VAULT01"), leaf("a:Server", "10.0.0.5"),
                            leaf("a:Version", "4.2.0.17"))  # fmt: skip

    def _accounts(self, _: ET.Element, what: Misbehaviour) -> str:
        accounts = [self._account(one) for one in self.archive.people()]
        return self._result("GetAccounts", *accounts, *self._bad_account(what), *_nil("Account", what))

    def _account(self, one: Person) -> str:
        return tag(
            "a:Account", _optional("AgentCode", one.agent_id), _optional("Department", one.department),
            leaf("a:Enabled", str(one.is_active).lower()), leaf("a:GivenName", one.first_name),
            leaf("a:Id", one.number),
            leaf("a:License", wsdl.LICENCES[one.licence]), leaf("a:Line", one.extension), leaf("a:Login", one.login),
            leaf("a:Recorder", one.server), leaf("a:Surname", one.last_name),
        )  # fmt: skip

    def _bad_account(self, what: Misbehaviour) -> list[str]:
        odd = (leaf("a:Enabled", "perhaps"), leaf("a:Id", 17), leaf("a:License", "Trial"), leaf("a:Line", "2099"))
        return [tag("a:Account", *odd)] if what.bad_user else []

    def _call_info(self, one: Recorded, what: Misbehaviour) -> str:
        ended = _when(one.ended) if one.ended else MIN_VALUE
        return (leaf("a:CallId", self._guid(one.guid, what)) + leaf("a:Line", one.extension)
                + leaf("a:Started", _when(one.began)) + leaf("a:Stopped", ended))  # fmt: skip

    def _active_call(self, asked: ET.Element, what: Misbehaviour) -> str:
        found = self.archive.live(text(asked, "line"))
        if found is not None:
            return self._result("GetActiveCall", self._call_info(found, what))
        if self.options.no_call == "nil":
            return self._result("GetActiveCall", i__nil="true")
        if self.options.no_call == "absent":
            return tag("GetActiveCallResponse", xmlns=wsdl.CONTRACT)
        none = leaf("a:CallId", EMPTY_GUID) + tag("a:Line", i__nil="true") + leaf("a:Started", MIN_VALUE)
        return self._result("GetActiveCall", none, leaf("a:Stopped", MIN_VALUE))

    def _tag_names(self, _: ET.Element, what: Misbehaviour) -> str:
        names = [tag("a:TagName", leaf("a:Key", one.name), _optional("MaxLength", str(one.length or "")))
                 for one in self.archive.fields()]  # fmt: skip
        return self._result("GetTagNames", *names, *_nil("TagName", what))

    def _add_tag_name(self, asked: ET.Element, what: Misbehaviour) -> str:
        wanted = child(asked, "tag")
        self.archive.create_field(Field(text(wanted, "Key"), int(text(wanted, "MaxLength") or 0)))
        return tag("AddTagNameResponse", xmlns=wsdl.CONTRACT)

    def _tag_call(self, asked: ET.Element, what: Misbehaviour) -> str:
        values = {text(one, "Key"): text(one, "Text") for one in children(child(asked, "tags"))}
        guid = guid_of(text(asked, "callId"))
        written = 0 if what.writes_nothing else self.archive.write(guid, values)
        return tag("TagCallResponse", leaf("TagCallResult", written), xmlns=wsdl.CONTRACT)

    def _tag_list(self, values: dict[str, str], what: Misbehaviour) -> list[str]:
        tags = [tag("a:Tag", leaf("a:Key", name), leaf("a:Text", value)) for name, value in values.items()]
        return [*tags, *_nil("Tag", what)]

    def _tags(self, asked: ET.Element, what: Misbehaviour) -> str:
        values = self.archive.read(guid_of(text(asked, "callId")))
        return self._result("GetTags", *self._tag_list(values, what))

    def _calls(self, asked: ET.Element, what: Misbehaviour) -> str:
        found = self.archive.between(_moment(text(asked, "since")), _moment(text(asked, "until")))
        calls = [tag("a:TaggedCall", tag("a:Call", self._call_info(one, what)),
                     tag("a:Tags", *self._tag_list(self.archive.flags(one.guid), what))) for one in found]  # fmt: skip
        return self._result("GetCalls", *calls, *_nil("TaggedCall", what))

    def envelope(self, request: Request, body: str, status: int = 200) -> Reply:
        """Write an envelope without a declaration, as WCF does."""
        space, kind = (SOAP12, "application/soap+xml") if request.is_soap12 else (SOAP11, "text/xml")
        whole = tag("s:Envelope", tag("s:Body", body), xmlns__s=space)
        return Reply(whole.encode(), status, f"{kind}; charset=utf-8")

    def _fault(self, request: Request, code: str, words: str, detail: str = "", is_ours: bool = True) -> Reply:
        """Write a fault with HTTP 500; a dispatcher's code (``a:``) stands below the general one in 1.2."""
        if not request.is_soap12:
            inner = leaf("faultcode", code, xmlns__a=DISPATCHER) + leaf("faultstring", words, xml__lang="en-US")
            return self.envelope(request, tag("s:Fault", inner, tag("detail", detail) if detail else ""), 500)
        general = leaf("s:Value", "s:Receiver" if is_ours else "s:Sender")
        special = tag("s:Subcode", leaf("s:Value", code, xmlns__a=DISPATCHER)) if code.startswith("a:") else ""
        inner = tag("s:Code", general, special) + tag("s:Reason", leaf("s:Text", words, xml__lang="en-US"))
        return self.envelope(request, tag("s:Fault", inner, tag("s:Detail", detail) if detail else ""), 500)

    def refusal(self, request: Request, refused: Refused) -> Reply:
        """Write a FaultException of the declared type."""
        code, subject = CODES[refused.reason], _plain("Subject", refused.subject)
        detail = leaf("Code", code) + subject + leaf("Text", refused.reason)
        error = tag("VaultError", detail, xmlns=wsdl.DATA, xmlns__i=XSI)
        return self._fault(request, "s:Client", f"Vault: {refused.reason}", error, is_ours=False)

    def crash(self, request: Request) -> Reply:
        """Write the fault of an unhandled exception, which says nothing unless the installation is set to."""
        shown = leaf("Message", "Object reference") + leaf("Type", "System.NullReferenceException")
        space = "http://schemas.datacontract.org/2004/07/System.ServiceModel"
        detail = tag("ExceptionDetail", shown, xmlns=space) if self.options.shows_exceptions else ""
        return self._fault(request, "a:InternalServiceFault", "The service failed.", detail)

    def unknown(self, request: Request) -> Reply:
        """Write the fault of an action that no contract has."""
        return self._fault(request, "a:ActionNotSupported", "No such action.", is_ours=False)

    def unreadable(self, content_type: str) -> Reply:
        """Refuse a wrong type of content, which is how a port says that it speaks the other version of SOAP."""
        if content_type.lower().startswith(("text/xml", "application/soap+xml")):
            return Reply(b"", 415, "text/plain")
        return Reply(b"", 400, "text/plain")


def _plain(name: str, value: str) -> str:
    return leaf(name, value) if value else tag(name, i__nil="true")


def _nil(name: str, what: Misbehaviour) -> list[str]:
    return [tag(f"a:{name}", i__nil="true")] if what.nil_item else []
