"""WSDLs as services serve them and people save them: imports, ports, and what is refused."""

import re
import shutil
import socket
from pathlib import Path

import pytest

from qms.port import QmsUnavailable
from qms.soap.contract import OWN_WSDL, SoapContract
from qms.soap.dialect import Dialect
from qms.soap.service import ConnectionSettings
from tests.qms.scripted import Script, http, request, serving

SAVED = Path(__file__).parent / "cases" / "wcf-wsdl-as-iis-gives-it"


def contract(wsdl: str, dialect: Dialect | None = None) -> SoapContract:
    return SoapContract(ConnectionSettings(url="http://127.0.0.1:1/", wsdl=wsdl, login=""), dialect)


def operations(wsdl: str) -> set[str]:
    return set(contract(wsdl)._binding.all())


def iis(asked: list[str], *, other: str = "") -> Script:
    """Serve the documents as IIS does; ``other``: the host that it names in its imports."""

    def script(connection: socket.socket) -> None:
        while True:
            head = request(connection).decode()
            target = head.split(" ")[1]
            asked.append(target)
            name = target.rpartition("=")[2] if "=" in target else "VoiceArchive"
            suffix = "xsd" if name.startswith("xsd") else "wsdl"
            here = re.search(r"Host: (\S+)", head)[1]  # type: ignore[index]
            content = (SAVED / f"{name}.{suffix}").read_text().replace("127.0.0.1:9201", other or here)
            connection.sendall(http(content))

    return script


def test_a_wsdl_saved_with_its_parts_beside_it_is_read_as_it_is() -> None:
    assert len(operations(str(SAVED / "VoiceArchive.wsdl"))) >= 5


def test_a_wsdl_is_read_from_its_server_with_what_it_imports() -> None:
    asked: list[str] = []
    with serving(iis(asked)) as url:
        found = operations(f"{url}/VoiceArchive.svc?wsdl")

    assert found == operations(str(SAVED / "VoiceArchive.wsdl"))
    assert len(asked) == 5


def test_an_import_from_another_host_is_refused_and_single_wsdl_is_named() -> None:
    asked: list[str] = []
    with (
        serving(iis(asked, other="intern.example:80")) as url,
        pytest.raises(QmsUnavailable, match=r"intern\.example:80.*\?singleWsdl"),
    ):
        contract(f"{url}/VoiceArchive.svc?wsdl")


def test_a_part_that_was_not_saved_is_named_with_the_file_to_save(tmp_path: Path) -> None:
    for one in SAVED.iterdir():
        shutil.copy(one, tmp_path)
    (tmp_path / "xsd2.xsd").unlink()

    with pytest.raises(QmsUnavailable, match=r"xsd=xsd2.*xsd2\.xsd.*singleWsdl"):
        contract(str(tmp_path / "VoiceArchive.wsdl"))


@pytest.mark.parametrize("place", ["../outside.xsd", "{outside}", "file://{outside}"])
def test_a_saved_wsdl_leads_to_no_file_outside_of_its_folder(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "wsdl"
    folder.mkdir()
    (tmp_path / "outside.xsd").write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>')
    leading = (
        f'<wsdl:import namespace="urn:x" location="{place.format(outside=tmp_path / "outside.xsd")}"/><wsdl:types>'
    )
    (folder / "a.wsdl").write_text(OWN_WSDL.read_text().replace("<wsdl:types>", leading))

    with pytest.raises(QmsUnavailable, match="outside of its own folder"):
        contract(str(folder / "a.wsdl"))


def test_a_wrong_port_is_answered_with_those_that_exist() -> None:
    with pytest.raises(QmsUnavailable, match="no port 'Nowhere'; the dialect may name RecordingServiceSoap"):
        contract("", Dialect(port="Nowhere"))


def two_ports(tmp_path: Path) -> str:
    """Return our WSDL with a port of SOAP 1.2 before that of 1.1."""
    text = OWN_WSDL.read_text()
    binding = text[text.index("<wsdl:binding") : text.index("</wsdl:binding>") + len("</wsdl:binding>")]
    twelve = binding.replace("RecordingServiceSoap", "Twelve").replace("soap:", "soap12:")
    twelve = twelve.replace(
        'name="Twelve" type', 'name="Twelve" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" type'
    )
    port = (
        '<wsdl:port name="Port12" binding="tns:Twelve"><soap12:address '
        'xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" location="http://127.0.0.1:1/"/></wsdl:port>'
    )
    text = text.replace(binding, twelve + binding).replace("<wsdl:port ", port + "<wsdl:port ", 1)
    (tmp_path / "two.wsdl").write_text(text)
    return str(tmp_path / "two.wsdl")


def test_of_several_ports_one_of_soap_11_is_taken(tmp_path: Path) -> None:
    assert contract(two_ports(tmp_path)).port_name == "RecordingServiceSoap"


def test_a_port_of_soap_12_is_spoken_with_its_own_content_type(tmp_path: Path) -> None:
    one = contract(two_ports(tmp_path), Dialect(port="Port12"))

    kind = dict(one.fields("GetFlags"))["Content-Type"]
    assert kind.startswith('application/soap+xml; charset=utf-8; action="urn:qms')
    assert b"http://www.w3.org/2003/05/soap-envelope" in one.envelope("GetFlags", {"recordingGuid": "G"})
