"""The WSDL of the WCF-like service, split as IIS serves it: ``?wsdl``, ``?wsdl=wsdl0``, ``?xsd=xsd0`` to ``xsd2``."""

from .shapes import Part, named_type, wrapper
from .xml import tag

CONTRACT = "http://schemas.contoso-voice.example/2019/vault"
DATA = "http://schemas.datacontract.org/2004/07/Contoso.Vault.Contracts"
SERIALIZATION = "http://schemas.microsoft.com/2003/10/Serialization/"
TEMPURI = "http://tempuri.org/"
PATH, PATH12 = "/Vault.svc", "/Vault.svc/soap12"
INTERFACE = f"{CONTRACT}/IVault"
FAULT_ACTION = "VaultErrorFault"

_HEAD = '<?xml version="1.0" encoding="utf-8"?>'
_TEXT = {"is_nillable": True}

OPERATIONS: dict[str, tuple[tuple[Part, ...], str | None]] = {
    "About": ((), "q1:About"),
    "GetAccounts": ((), "q1:ArrayOfAccount"),
    "GetActiveCall": ((Part("line", "xs:string", **_TEXT),), "q1:CallInfo"),
    "GetTagNames": ((), "q1:ArrayOfTagName"),
    "AddTagName": ((Part("tag", "q1:TagName", **_TEXT),), None),
    "TagCall": ((Part("callId", "ser:guid"), Part("tags", "q1:ArrayOfTag", **_TEXT)), "xs:int"),
    "GetTags": ((Part("callId", "ser:guid"),), "q1:ArrayOfTag"),
    "GetCalls": ((Part("since", "xs:dateTime"), Part("until", "xs:dateTime")), "q1:ArrayOfTaggedCall"),
}

#: In the order of the alphabet, as a DataContract without an Order has it.
TYPES: dict[str, tuple[Part, ...]] = {
    "About": (Part("Database", "xs:string", **_TEXT), Part("Server", "xs:string", **_TEXT),
              Part("Version", "xs:string", **_TEXT)),
    "Account": (Part("AgentCode", "xs:string", **_TEXT), Part("Department", "xs:string", **_TEXT),
                Part("Enabled", "xs:boolean"), Part("GivenName", "xs:string", **_TEXT), Part("Id", "xs:int"),
                Part("License", "tns:LicenseKind"), Part("Line", "xs:string", **_TEXT),
                Part("Login", "xs:string", **_TEXT), Part("Recorder", "xs:string", **_TEXT),
                Part("Surname", "xs:string", **_TEXT)),
    "CallInfo": (Part("CallId", "ser:guid"), Part("Line", "xs:string", **_TEXT), Part("Started", "xs:dateTime"),
                 Part("Stopped", "xs:dateTime")),
    "Tag": (Part("Key", "xs:string", **_TEXT), Part("Text", "xs:string", **_TEXT)),
    "TagName": (Part("Key", "xs:string", **_TEXT), Part("MaxLength", "xs:int", **_TEXT)),
    "TaggedCall": (Part("Call", "tns:CallInfo", **_TEXT), Part("Tags", "tns:ArrayOfTag", **_TEXT)),
    "VaultError": (Part("Code", "xs:string", **_TEXT), Part("Subject", "xs:string", **_TEXT),
                   Part("Text", "xs:string", **_TEXT)),
}  # fmt: skip
LISTED = ("Account", "Tag", "TagName", "TaggedCall")
LICENCES = {"None": "NoLicense", "Unlimited": "Permanent", "OnDemand": "PerCall"}

_HEX = "[\\da-fA-F]"
_PATTERN = tag("xs:pattern", value=f"{_HEX}{{8}}(-{_HEX}{{4}}){{3}}-{_HEX}{{12}}")
_GUID = (
    tag("xs:simpleType", tag("xs:restriction", _PATTERN, base="xs:string"), name="guid")
    + tag("xs:element", name="guid", nillable="true", type="tns:guid")
)  # fmt: skip


def documents(address: str) -> dict[str, str]:
    """Return every document by its query."""
    return {
        "wsdl": _service(address, is_single=False),
        "singlewsdl": _service(address, is_single=True),
        "wsdl=wsdl0": _HEAD + _contract(_imports(address)),
        "xsd=xsd0": _HEAD + _wrappers(address),
        "xsd=xsd1": _HEAD + _serialization(),
        "xsd=xsd2": _HEAD + _data(address),
    }


def _import(address: str | None, query: str, namespace: str) -> str:
    place = {} if address is None else {"schemaLocation": f"{address}{PATH}?{query}"}
    return tag("xs:import", **place, namespace=namespace)


def _imports(address: str) -> str:
    places = (("xsd=xsd0", CONTRACT), ("xsd=xsd1", SERIALIZATION), ("xsd=xsd2", DATA))
    inner = "".join(_import(address, *one) for one in places)
    return tag("xs:schema", inner, targetNamespace=f"{CONTRACT}/Imports", xmlns__xs="http://www.w3.org/2001/XMLSchema")


def _schema(namespace: str, *content: str) -> str:
    return tag(
        "xs:schema", *content, elementFormDefault="qualified", targetNamespace=namespace, xmlns__tns=namespace,
        xmlns__xs="http://www.w3.org/2001/XMLSchema", xmlns__q1=DATA, xmlns__ser=SERIALIZATION,
    )  # fmt: skip


def _wrappers(address: str | None) -> str:
    inner = [_import(address, "xsd=xsd1", SERIALIZATION), _import(address, "xsd=xsd2", DATA)]
    for name, (arguments, result) in OPERATIONS.items():
        is_text = result is not None and result.startswith("q1:")
        answer = () if result is None else (Part(f"{name}Result", result, is_nillable=is_text),)
        inner += [wrapper(name, arguments, "xs"), wrapper(f"{name}Response", answer, "xs")]
    return _schema(CONTRACT, *inner)


def _serialization() -> str:
    return _schema(SERIALIZATION, _GUID)


def _data(address: str | None) -> str:
    values = (tag("xs:enumeration", value=one) for one in LICENCES.values())
    licence = tag("xs:simpleType", tag("xs:restriction", *values, base="xs:string"), name="LicenseKind")
    types = [named_type(name, parts, "xs") for name, parts in TYPES.items()]
    lists = [named_type(f"ArrayOf{one}", (Part(one, f"tns:{one}", is_many=True, is_nillable=True),), "xs")
             for one in LISTED]  # fmt: skip
    elements = [tag("xs:element", name=one, nillable="true", type=f"tns:{one}")
                for one in (*TYPES, *(f"ArrayOf{one}" for one in LISTED))]  # fmt: skip
    return _schema(DATA, _import(address, "xsd=xsd1", SERIALIZATION), licence, *types, *lists, *elements)


def _messages() -> str:
    pairs = [(f"IVault_{name}_{end}Message", f"tns:{name}{suffix}") for name in OPERATIONS
             for end, suffix in (("Input", ""), ("Output", "Response"))]  # fmt: skip
    pairs.append(("IVault_VaultError_FaultMessage", "q1:VaultError"))
    return "".join(
        tag("wsdl:message", tag("wsdl:part", name="parameters" if "Fault" not in name else "detail", element=element),
            name=name)
        for name, element in pairs
    )  # fmt: skip


def _port_type() -> str:
    return tag("wsdl:portType", *(_abstract(name) for name in OPERATIONS), name="IVault")


def _abstract(name: str) -> str:
    action = f"{INTERFACE}/{name}"
    return tag(
        "wsdl:operation",
        tag("wsdl:input", wsaw__Action=action, message=f"tns:IVault_{name}_InputMessage"),
        tag("wsdl:output", wsaw__Action=f"{action}Response", message=f"tns:IVault_{name}_OutputMessage"),
        tag("wsdl:fault", wsaw__Action=f"{action}{FAULT_ACTION}", name=FAULT_ACTION,
            message="tns:IVault_VaultError_FaultMessage"),
        name=name,
    )  # fmt: skip


def _definitions(*content: str, name: str, namespace: str) -> str:
    return tag(
        "wsdl:definitions", *content, name=name, targetNamespace=namespace, xmlns__tns=namespace, xmlns__q1=DATA,
        xmlns__i0=CONTRACT, xmlns__wsdl="http://schemas.xmlsoap.org/wsdl/",
        xmlns__wsaw="http://www.w3.org/2006/05/addressing/wsdl", xmlns__soap="http://schemas.xmlsoap.org/wsdl/soap/",
        xmlns__soap12="http://schemas.xmlsoap.org/wsdl/soap12/",
    )  # fmt: skip


def _contract(schemas: str) -> str:
    return _definitions(tag("wsdl:types", schemas), _messages(), _port_type(), name="Vault", namespace=CONTRACT)


def _binding(prefix: str, name: str, port_type: str) -> str:
    use = tag(f"{prefix}:body", use="literal")
    operations = (
        tag("wsdl:operation", tag(f"{prefix}:operation", soapAction=f"{INTERFACE}/{one}", style="document"),
            tag("wsdl:input", use), tag("wsdl:output", use),
            tag("wsdl:fault", tag(f"{prefix}:fault", use="literal", name=FAULT_ACTION), name=FAULT_ACTION), name=one)
        for one in OPERATIONS
    )  # fmt: skip
    transport = tag(f"{prefix}:binding", transport="http://schemas.xmlsoap.org/soap/http")
    return tag("wsdl:binding", transport, *operations, name=name, type=port_type)


def _ports(address: str) -> str:
    ports = (
        tag("wsdl:port", tag(f"{prefix}:address", location=f"{address}{path}"), name=name, binding=f"tns:{name}")
        for prefix, path, name in (("soap", PATH, "Basic_IVault"), ("soap12", PATH12, "Soap12_IVault"))
    )
    return tag("wsdl:service", *ports, name="Vault")


def _service(address: str, is_single: bool) -> str:
    """Write the outer document; in one piece it has the contract's namespace, since WSDL has one for each document."""
    bindings = _binding("soap", "Basic_IVault", "i0:IVault"), _binding("soap12", "Soap12_IVault", "i0:IVault")
    if is_single:
        types = tag("wsdl:types", _serialization(), _data(None), _wrappers(None))
        inner = [types, _messages(), _port_type()]
    else:
        inner = [tag("wsdl:import", namespace=CONTRACT, location=f"{address}{PATH}?wsdl=wsdl0"), tag("wsdl:types")]
    namespace = CONTRACT if is_single else TEMPURI
    return _HEAD + _definitions(*inner, *bindings, _ports(address), name="Vault", namespace=namespace)
