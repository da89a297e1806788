"""The client of one Recording Service: its contract, a connection a thread, and every failure made a ``QmsError``."""

import os
import threading
from collections.abc import Callable, Collection
from time import monotonic
from typing import Any, TypeVar

from qms.port import QmsUnavailable
from qms.soap.contract import ConnectionSettings, SoapContract
from qms.soap.faults import from_faultless, lost, unreadable
from qms.soap.http import AnswerLost, HttpConnection, HttpReply, NotReached
from qms.soap.reading import AnswerNode, AnswerTooLate, Unreadable
from telemetry.counters import SOAP_SECONDS

Response = TypeVar("Response")


class _Own(threading.local):
    """What a thread has for itself; a forked child recognises by ``process`` that it is not its own."""

    def __init__(self) -> None:
        self.process = 0
        self.connection: HttpConnection | None = None
        self.heads: dict[str, bytes] = {}


class SoapClient:
    """Send envelopes and read answers. May be shared by threads; a forked child opens connections of its own."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._own = _Own()
        self._loading = threading.Lock()
        self._contract: SoapContract | None = None

    @property
    def contract(self) -> SoapContract:
        """Return the WSDL, loaded once; raises ``QmsUnavailable``."""
        if self._contract is None:
            with self._loading:
                self._contract = self._contract or SoapContract(self._settings)
        return self._contract

    @property
    def clock_offset_seconds(self) -> float | None:
        """Say how far the service's clock is ahead of ours, as this thread last saw it."""
        return self._own.connection.clock_offset_seconds if self._own.connection else None

    def reach(self) -> None:
        """Connect by TCP alone and close again; raises ``QmsUnavailable``."""
        self._tried(HttpConnection.reach)

    def open(self) -> None:
        """Connect, TLS included, without sending; raises ``QmsUnavailable``."""
        self._tried(HttpConnection.open)

    def close(self) -> None:
        """Close this thread's connection; the next call opens it again."""
        if self._own.connection is not None:
            self._own.connection.close()

    def call(
        self,
        operation: str,
        fields: dict[str, Any],
        build: Callable[[AnswerNode], Response],
        *,
        sent: Collection[str] = (),
        is_write: bool = False,
    ) -> Response:
        """Ask by an envelope of zeep's. ``build`` makes the answer; ``sent``: names that an error may repeat."""
        reply = self.send(operation, self.contract.envelope(operation, fields), is_write=is_write)
        return self.read(operation, reply, build, sent=sent, is_write=is_write)

    def send(self, operation: str, envelope: bytes, *, is_write: bool = False) -> HttpReply:
        """Send an envelope and return the reply, whatever it says."""
        began = monotonic()
        result = "not_reached"
        try:
            connection = self._open_connection()
            reply = connection.exchange(
                self._head(connection, operation),
                self.contract.sealed(envelope),
                repeatable=not is_write,
                max_bytes=self.contract.maximum_bytes(operation),
            )
            result = str(reply.status_code)
            return reply
        except NotReached as error:
            raise QmsUnavailable(str(error)) from error
        except AnswerLost as error:
            result = "answer_lost"
            raise lost(str(error), is_write=is_write) from error
        finally:
            SOAP_SECONDS.labels(operation, result).observe(monotonic() - began)

    def read(
        self,
        operation: str,
        reply: HttpReply,
        build: Callable[[AnswerNode], Response],
        *,
        sent: Collection[str] = (),
        is_write: bool = False,
    ) -> Response:
        """Read a reply; raises ``QmsError`` for a fault and for what cannot be read."""
        answer = self.contract.answer(operation, reply, sent, is_write=is_write)
        try:
            return build(answer)
        except Unreadable as error:
            raise unreadable(str(error), is_write=is_write) from None
        except AnswerTooLate:
            raise unreadable("The time-out passed while it was being read", is_write=is_write) from None
        except (ValueError, TypeError, AttributeError, LookupError, OverflowError):
            raise from_faultless(reply.status_code, is_write=is_write) from None  # its text may quote the answer

    def _tried(self, act: Callable[[HttpConnection], None]) -> None:
        try:
            act(self._open_connection())
        except NotReached as error:
            raise QmsUnavailable(str(error)) from error

    def _open_connection(self) -> HttpConnection:
        own = self._own
        if own.connection is None or own.process != os.getpid():
            own.connection = self._settings.connection_to(self._settings.url)
            own.process = os.getpid()
            own.heads = {}
        return own.connection

    def _head(self, connection: HttpConnection, operation: str) -> bytes:
        head = self._own.heads.get(operation)
        if head is None:
            head = self._own.heads[operation] = connection.head("POST", *self.contract.fields(operation))
        return head
