"""The head of a plain HTTP answer, read at once: nearly every answer of QMS has one.

``http.client`` reads the headers with the parser for e-mail, which takes longer than all else of an exchange. What
is not plain is left to it: headers that are folded, repeated or not in ASCII, a body in chunks, a connection that ends,
another status, and a head that is not yet all there.
"""

import re
from http.client import HTTPMessage

import msgspec

#: The start line and the headers; each a token, a colon, and printable ASCII.
_HEAD = re.compile(rb"HTTP/1\.1 (200|500)(?: [ -~]*)?\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)+)\r\n")
_FIELD = re.compile(r"([^:]+):[\t ]*([^\r]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,15}")
#: ``http.client`` refuses a hundred headers.
MAXIMUM_FIELDS = 90


class PlainHead(msgspec.Struct, frozen=True):
    """The head of an answer whose body is ``length`` bytes, after which the connection goes on."""

    size: int
    status: int
    headers: HTTPMessage
    length: int


def plain_head(begin: bytes) -> PlainHead | None:
    """Read the head of an answer from the bytes that came first; None: it is not plain, or not all there."""
    found = _HEAD.match(begin)
    if found is None:
        return None
    fields = _FIELD.findall(found[2].decode("ascii"))
    by_name = {name.lower(): value for name, value in fields}
    length = by_name.get("content-length", "")
    goes_on = by_name.get("connection", "keep-alive").lower() == "keep-alive" and "transfer-encoding" not in by_name
    if len(by_name) < len(fields) or len(fields) > MAXIMUM_FIELDS or not goes_on or not _LENGTH.fullmatch(length):
        return None
    headers = HTTPMessage()
    for name, value in fields:
        headers.set_raw(name, value)
    return PlainHead(found.end(), int(found[1]), headers, int(length))
