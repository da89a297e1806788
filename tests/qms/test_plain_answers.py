"""A plain answer of HTTP is read at once, and as ``http.client`` reads it."""

import io
from http.client import HTTPResponse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qms.soap.plain_answers import MAXIMUM_FIELDS, plain_head

ANSWER = b"HTTP/1.1 200 OK\r\nServer: QMS\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: 4\r\n\r\n<a/>"
NAMES = st.sampled_from(
    ["Server", "Date", "content-type", "X-1", "Connection", "Transfer-Encoding", "Set-Cookie", "From"]
)
VALUES = st.text(st.sampled_from(' \t":;=,-azAZ09\x7f\x0b\x85\xe9'), max_size=12) | st.sampled_from(
    ["close", "keep-alive", "Keep-Alive", "chunked", "a\r\n folded"]
)
STATUSES = st.sampled_from(["200 OK", "200", "500 Internal Server Error", "404 Not Found", "204 No Content", "2000"])


class _Socket:
    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self.answer)


@given(
    STATUSES,
    st.lists(st.tuples(NAMES, VALUES), max_size=5),
    st.sampled_from(["4", "0", "-1", "4, 4", "+4", "four", ""]),
)
def test_what_is_read_at_once_is_what_http_client_reads(
    status: str, fields: list[tuple[str, str]], length: str
) -> None:
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields), f"Content-Length: {length}"]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    plain = plain_head(head + b"<a/>")
    if plain is None:
        return
    response = HTTPResponse(_Socket(head + b"<a/>"))  # type: ignore[arg-type]
    response.begin()
    assert (plain.status, plain.length) == (response.status, response.length)
    assert plain.headers.items() == response.headers.items()
    assert not response.will_close
    assert not response.chunked
    assert head[plain.size :] == b""


def test_an_answer_as_qms_gives_it_is_plain() -> None:
    plain = plain_head(ANSWER)
    assert plain is not None
    assert (plain.status, plain.length, ANSWER[plain.size :]) == (200, 4, b"<a/>")
    assert plain.headers.get("content-TYPE") == "text/xml; charset=utf-8"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        ANSWER[:60],
        ANSWER.replace(b"1.1", b"1.0"),
        ANSWER.replace(b"200 OK", b"100 Continue"),
        ANSWER.replace(b"200 OK", b"204 No Content"),
        ANSWER.replace(b"Server: QMS", b"Connection: close"),
        ANSWER.replace(b"Server: QMS", b"Transfer-Encoding: chunked"),
        ANSWER.replace(b"Server: QMS", b"Content-Length: 5"),
        ANSWER.replace(b"Server: QMS", b"Server: Q\r\n MS"),
        ANSWER.replace(b"Server: QMS", b"Server : QMS"),
        ANSWER.replace(b"Server: QMS", b"Server: QMS\n"),
        ANSWER.replace(b"Length: 4", b"Length: 4 "),
        ANSWER.replace(b"Content-Length: 4\r\n", b""),
        ANSWER.replace(b"Server", b"\r\n".join(b"X-%d: 1" % one for one in range(MAXIMUM_FIELDS)) + b"\r\nServer"),
    ],
)
def test_what_is_not_plain_is_left_to_http_client(answer: bytes) -> None:
    assert plain_head(answer) is None
