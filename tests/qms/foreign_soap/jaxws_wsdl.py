"""The WSDL of the JAX-WS-like service, with its schema apart: ``?wsdl`` and ``?xsd=1``."""

from .shapes import Part, named_type
from .xml import tag

NAMESPACE = "http://ws.recorder.tonband.example/"
PATH = "/recorder/RecorderService"
_HEAD = "<?xml version='1.0' encoding='UTF-8'?>"

_MANY = {"is_many": True}
#: A nillable item of a list is how JAXB writes a collection that may hold null.
_LIST = {"is_many": True, "is_nillable": True}

OPERATIONS: dict[str, tuple[tuple[Part, ...], tuple[Part, ...]]] = {
    "getServerStatus": ((), (Part("return", "tns:serverStatus"),)),
    "listAgents": ((Part("offset", "xs:int", is_needed=True), Part("limit", "xs:int", is_needed=True)),
                   (Part("return", "tns:agentPage"),)),
    "findCurrentRecording": ((Part("extension", "xs:string"),), (Part("return", "tns:recording"),)),
    "listLabels": ((), (Part("return", "xs:string", **_MANY),)),
    "createLabel": ((Part("name", "xs:string"),), ()),
    "applyLabels": ((Part("recordingId", "xs:string"), Part("label", "tns:label", **_MANY)),
                    (Part("return", "xs:boolean"),)),
    "readLabels": ((Part("recordingId", "xs:string"),), (Part("return", "tns:label", **_LIST),)),
    "searchRecordings": ((Part("from", "xs:dateTime"), Part("to", "xs:dateTime")),
                         (Part("return", "tns:recording", **_LIST),)),
}  # fmt: skip

TYPES: dict[str, tuple[Part, ...]] = {
    "serverStatus": (Part("serverName", "xs:string"), Part("storage", "xs:string"), Part("release", "xs:string")),
    "agentPage": (Part("agents", "tns:agent", **_LIST), Part("nextOffset", "xs:int")),
    "agent": (Part("id", "xs:string"), Part("login", "xs:string"), Part("firstName", "xs:string"),
              Part("lastName", "xs:string"), Part("phone", "xs:string"), Part("agentNumber", "xs:string"),
              Part("team", "xs:string"), Part("node", "xs:string"), Part("active", "xs:string"),
              Part("licence", "xs:string")),
    "recording": (Part("id", "xs:string"), Part("phone", "xs:string"), Part("start", "xs:dateTime"),
                  Part("end", "xs:dateTime"), Part("labels", "tns:label", **_MANY)),
    "label": (Part("name", "xs:string"), Part("value", "xs:string")),
    "RecorderException": (Part("code", "xs:string"), Part("message", "xs:string"), Part("subject", "xs:string")),
}  # fmt: skip
LICENCES = {"None": "NONE", "Unlimited": "FULL", "OnDemand": "ON_DEMAND"}


def documents(address: str) -> dict[str, str]:
    """Return every document by its query."""
    return {"wsdl": _HEAD + _wsdl(address), "xsd=1": _HEAD + _schema()}


def _schema() -> str:
    types = [named_type(name, parts, "xs") for name, parts in TYPES.items()]
    elements = [tag("xs:element", name="RecorderException", type="tns:RecorderException")]
    for name, (arguments, answer) in OPERATIONS.items():
        for one, parts in ((name, arguments), (f"{name}Response", answer)):
            elements.append(tag("xs:element", name=one, type=f"tns:{one}"))
            types.append(named_type(one, parts, "xs"))
    return tag(
        "xs:schema", *elements, *types, xmlns__tns=NAMESPACE, xmlns__xs="http://www.w3.org/2001/XMLSchema",
        version="1.0", targetNamespace=NAMESPACE,
    )  # fmt: skip


def _messages() -> str:
    names = [one for name in OPERATIONS for one in (name, f"{name}Response")]
    parts = [tag("message", tag("part", name="parameters", element=f"tns:{one}"), name=one) for one in names]
    fault = tag("part", name="fault", element="tns:RecorderException")
    return "".join([*parts, tag("message", fault, name="RecorderException")])


def _port_type() -> str:
    operations = (
        tag("operation", tag("input", message=f"tns:{name}"), tag("output", message=f"tns:{name}Response"),
            tag("fault", message="tns:RecorderException", name="RecorderException"), name=name)
        for name in OPERATIONS
    )  # fmt: skip
    return tag("portType", *operations, name="Recorder")


def _binding() -> str:
    use = tag("soap:body", use="literal")
    fault = tag("fault", tag("soap:fault", name="RecorderException", use="literal"), name="RecorderException")
    operations = (
        tag("operation", tag("soap:operation", soapAction=""), tag("input", use), tag("output", use), fault, name=name)
        for name in OPERATIONS
    )
    transport = tag("soap:binding", transport="http://schemas.xmlsoap.org/soap/http", style="document")
    return tag("binding", transport, *operations, name="RecorderPortBinding", type="tns:Recorder")


def _wsdl(address: str) -> str:
    place = tag("xsd:import", namespace=NAMESPACE, schemaLocation=f"{address}{PATH}?xsd=1")
    port = tag("port", tag("soap:address", location=f"{address}{PATH}"), name="RecorderPort",
               binding="tns:RecorderPortBinding")  # fmt: skip
    return tag(
        "definitions", tag("types", tag("xsd:schema", place)), _messages(), _port_type(), _binding(),
        tag("service", port, name="RecorderService"), xmlns="http://schemas.xmlsoap.org/wsdl/", xmlns__tns=NAMESPACE,
        xmlns__xsd="http://www.w3.org/2001/XMLSchema", xmlns__soap="http://schemas.xmlsoap.org/wsdl/soap/",
        targetNamespace=NAMESPACE, name="RecorderService",
    )  # fmt: skip
