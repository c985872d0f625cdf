"""Read HTTP/1.1 requests from a connection (RFC 9112).

Nothing is repaired: a request that the standard does not allow is refused, and its connection is closed. A proxy and a
server that repair the same bytes differently disagree about where a request ends (request smuggling). Python's own
parser repairs, for example it ignores every header after a malformed one.
"""

import re
from dataclasses import dataclass
from io import BufferedIOBase

_MAX_LINE_BYTES = 16 << 10
_MAX_HEADERS = 200
_MAX_BODY_BYTES = 64 << 20
_MAX_LENGTH_DIGITS = 12

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(%s) ([\x21-\x7e]+) HTTP/([0-9]\.[0-9])" % _TOKEN)
_HEADER = re.compile(rb"(%s):([\t\x20-\x7e\x80-\xff]*)" % _TOKEN)
_TARGET = re.compile(r"(?:https?://[^/?#]*)?(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")


class BadRequest(Exception):
    """The request is malformed or too large.

    Attributes:
        status: the status of the response.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body.

    Attributes:
        path: still percent-encoded, never empty.
        version: "1.0" or "1.1".
        headers: names in lower case, in the order of the request. A name may be repeated.
    """

    method: str
    path: str
    query: str
    version: str
    headers: list[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """Return the values of all headers of this name (in lower case)."""
        return [value for header, value in self.headers if header == name]

    @property
    def keeps_connection(self) -> bool:
        """Whether the client may send another request on the connection."""
        options = {option.strip().lower() for value in self.values("connection") for option in value.split(",")}
        return self.version == "1.1" and "close" not in options

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for "100 Continue" before it sends the body."""
        return [value.lower() for value in self.values("expect")] == ["100-continue"]


def receive_head(stream: BufferedIOBase) -> Head | None:
    """Read a request up to its body. Return None if the client sends no more requests.

    Raises:
        BadRequest.
    """
    if not (first := stream.readline(_MAX_LINE_BYTES + 1)):
        return None
    if first == b"\r\n":  # RFC 9112, 2.2: an empty line before a request is ignored
        first = stream.readline(_MAX_LINE_BYTES + 1)
    match = _REQUEST_LINE.fullmatch(_end_of(first, 414))
    if not match:
        raise BadRequest(400, "the request line is malformed")
    method, target, version = (group.decode("ascii") for group in match.groups())
    if version not in ("1.0", "1.1"):
        raise BadRequest(505, "only HTTP/1.0 and HTTP/1.1 are supported")
    parts = _TARGET.fullmatch(target)
    if not parts:
        raise BadRequest(400, "the request target is malformed")
    head = Head(method, parts["path"] or "/", parts["query"] or "", version, _read_headers(stream))
    if len(head.values("host")) != 1 and (version == "1.1" or head.values("host")):
        raise BadRequest(400, "exactly one Host header is needed")
    return head


def receive_body(stream: BufferedIOBase, head: Head) -> bytes:
    """Read the body that follows a head.

    Raises:
        BadRequest.
    """
    lengths, encodings = head.values("content-length"), head.values("transfer-encoding")
    if encodings:
        if [encoding.lower() for encoding in encodings] != ["chunked"] or lengths or head.version == "1.0":
            raise BadRequest(400, "only `Transfer-Encoding: chunked` without Content-Length is supported")
        return _read_chunks(stream)
    if not lengths:
        return b""
    if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
        raise BadRequest(400, "Content-Length must be one number")
    if len(lengths[0]) > _MAX_LENGTH_DIGITS:
        raise _too_large()
    return _read_exactly(stream, int(lengths[0]))


def _end_of(line: bytes, too_long: int) -> bytes:
    """Return a line without its end.

    Args:
        too_long: status of the response to a line that is too long.
    """
    if len(line) > _MAX_LINE_BYTES:
        raise BadRequest(too_long, f"a line has more than {_MAX_LINE_BYTES} bytes")
    if not line.endswith(b"\r\n"):
        raise BadRequest(400, "a line does not end with CR LF")
    return line[:-2]


def _read_headers(stream: BufferedIOBase) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    while line := _end_of(stream.readline(_MAX_LINE_BYTES + 1), 431):
        match = _HEADER.fullmatch(line)
        if not match:
            raise BadRequest(400, "a header is malformed")
        if len(headers) == _MAX_HEADERS:
            raise BadRequest(431, f"there are more than {_MAX_HEADERS} headers")
        headers.append((match[1].decode("ascii").lower(), match[2].strip(b" \t").decode("latin-1")))
    return headers


def _read_chunks(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while True:
        match = _CHUNK_SIZE.fullmatch(_end_of(stream.readline(_MAX_LINE_BYTES + 1), 400))
        if not match:
            raise BadRequest(400, "a chunk has no size")
        size = int(match[1], 16)
        if not size:
            break
        body += _read_exactly(stream, size, len(body))
        if stream.read(2) != b"\r\n":
            raise BadRequest(400, "a chunk is longer than its size")
    _read_headers(stream)  # the trailers, which nothing needs
    return bytes(body)


def _read_exactly(stream: BufferedIOBase, length: int, already_read: int = 0) -> bytes:
    if length > _MAX_BODY_BYTES - already_read:
        raise _too_large()
    data = stream.read(length)
    if len(data) < length:
        raise BadRequest(400, "the body ends too early")
    return data


def _too_large() -> BadRequest:
    return BadRequest(413, f"the body has more than {_MAX_BODY_BYTES} bytes")
