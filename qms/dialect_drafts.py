"""The draft of a dialect, for those who may not know SOAP's rooms."""

from qms.soap.contract import ConnectionSettings
from qms.soap.dialect_draft import draft_of
from qms.soap.dialect_draft_text import toml_of


def draft_dialect(wsdl: str, port: str = "", ca_file: str = "") -> str:
    """Return the draft of a dialect file for a WSDL. Raises ``QmsUnavailable``."""
    address = wsdl if "://" in wsdl else "http://127.0.0.1/"
    settings = ConnectionSettings(url=address, wsdl=wsdl, login="", ca_file=ca_file)
    return toml_of(draft_of(settings, port), wsdl)
