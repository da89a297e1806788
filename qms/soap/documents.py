"""The documents of a WSDL: the entry and what it imports, from one host, or from files beside each other.

An import leads neither to another server, which a WSDL could use to look into our network, nor from a server to our
files. A WSDL that was saved from IIS names its parts by address (``Vault.svc?xsd=xsd0``); they are found beside it
(``xsd0.xsd``). Number, size and time of the documents are bounded.
"""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from zeep.transports import Transport

from qms.port import QmsUnavailable
from qms.soap.envelopes import BadShape, check_shape
from qms.soap.http import HttpConnection, HttpExchangeError, NotReached
from qms.soap.reading import AnswerTooLate

#: Maximum number of documents of a WSDL.
MAXIMUM_DOCUMENTS = 50
#: Maximum length of all of them, in bytes.
MAXIMUM_BYTES = 8 * 1024 * 1024
#: Timeout for all documents together, in seconds.
TIMEOUT_SECONDS = 60.0
_SINGLE = "Where the service is .NET, give the address with ?singleWsdl: one document without imports"


class WsdlDocuments(Transport):
    """Read the documents of one WSDL for zeep."""

    def __init__(
        self, entry: str, connect: Callable[[str], HttpConnection], fields: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """``connect`` makes a connection to a URL; ``fields``: of HTTP, sent with each request (a login)."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._entry, self._connect, self._fields = entry, connect, fields
        self._is_remote = urlsplit(entry).scheme in ("http", "https")
        self._loaded: dict[str, bytes] = {}
        self._deadline = time.monotonic() + TIMEOUT_SECONDS

    @property
    def loaded(self) -> Mapping[str, bytes]:
        """Return the documents that were read, by their addresses."""
        return self._loaded

    def load(self, url: str) -> bytes:
        """Return a document; raises ``QmsUnavailable`` with code ``Configuration`` for what is not read."""
        if url not in self._loaded:
            if len(self._loaded) >= MAXIMUM_DOCUMENTS:
                raise _refused(f"The WSDL imports more than {MAXIMUM_DOCUMENTS} documents.")
            content = self._fetched(url) if self._is_remote else self._read(url)
            self._loaded[url] = self._checked(content)
        return self._loaded[url]

    def _checked(self, content: bytes) -> bytes:
        if sum(map(len, self._loaded.values())) + len(content) > MAXIMUM_BYTES:
            raise _refused(f"The WSDL and what it imports are longer than {MAXIMUM_BYTES} bytes.")
        try:
            check_shape(content, self._deadline)
        except AnswerTooLate:
            raise _refused("The WSDL and what it imports took too long to read.") from None
        except BadShape as error:
            raise _refused(f"A document of the WSDL cannot be read: {error}.") from None
        return content

    def _fetched(self, url: str) -> bytes:
        if _origin(url) != _origin(self._entry):
            place = urlsplit(url).netloc or "a local file"
            raise _refused(f"The WSDL imports a document from {place}; only those of its own host are read. {_SINGLE}.")
        try:
            connection = self._connect(url)
            try:
                reply = connection.exchange(connection.head("GET", *self._fields))
            finally:
                connection.close()
        except NotReached as error:
            raise QmsUnavailable(f"The WSDL cannot be fetched. {error}") from error
        except HttpExchangeError as error:
            raise QmsUnavailable(f"The WSDL cannot be fetched. {error}") from error
        if reply.status_code != HTTPStatus.OK:
            raise QmsUnavailable(f"The WSDL cannot be fetched (HTTP {reply.status_code}).")
        return reply.content

    def _read(self, url: str) -> bytes:
        entry = _path(self._entry)
        try:
            if url == self._entry:
                return entry.read_bytes()
            return self._beside(entry, url).read_bytes()
        except OSError as error:
            raise _refused(f"The WSDL cannot be read: {error.strerror}.") from error

    def _beside(self, entry: Path, url: str) -> Path:
        """Return the file of an import: within the folder of the entry."""
        folder = entry.parent.resolve()
        if urlsplit(url).scheme in ("http", "https"):
            found = (folder / name for name in _saved_names(url))
            file = next((one for one in found if one.is_file()), None)
            if file is None:
                names = " or ".join(dict.fromkeys(_saved_names(url)))
                raise _refused(f"The WSDL imports {url}: save it beside the WSDL as {names}. {_SINGLE}.")
        else:
            file = _path(urljoin(self._entry, url) if not Path(url).is_absolute() else url)
        if not file.resolve().is_relative_to(folder):
            raise _refused("The WSDL imports a file outside of its own folder.")
        return file


def _refused(message: str) -> QmsUnavailable:
    return QmsUnavailable(message, code="Configuration")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path) if url.startswith("file://") else url)


def _saved_names(url: str) -> list[str]:
    """Return the names under which an imported document may have been saved, the likely ones first."""
    parts = urlsplit(url)
    kind, _, value = parts.query.partition("=")
    last = Path(unquote(parts.path)).name
    if kind.lower() not in ("wsdl", "xsd") or not value or "/" in value or "\\" in value:
        return [last] if last else []
    ending = kind.lower()
    stem = last.rpartition(".")[0] or last
    return [f"{value}.{ending}", f"{ending}{value}.{ending}", f"{stem}_schema{value}.xsd", value]
