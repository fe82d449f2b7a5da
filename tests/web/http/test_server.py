import asyncio
from collections.abc import Iterable

from skiplens.web.http.server import ResponseTransport


class Written(asyncio.Transport):
    """Records each call that would be a system call."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append(b"".join(list_of_data))


def test_the_head_waits_for_the_first_part_of_the_body() -> None:
    written = Written()
    response = ResponseTransport(written)
    response.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert written.calls == []
    response.write(b"HTTP/1.1 100 is what the body says")
    response.write(b"and more")
    assert written.calls == [
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 100 is what the body says",
        b"and more",
    ]


def test_an_empty_body_sends_the_head() -> None:
    written = Written()
    response = ResponseTransport(written)
    response.write(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    response.write(b"")
    assert written.calls == [b"HTTP/1.1 304 Not Modified\r\n\r\n"]


def test_a_continue_is_sent_at_once() -> None:
    written = Written()
    response = ResponseTransport(written)
    response.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    response.write(b"HTTP/1.1 201 Created\r\n\r\n")
    response.write(b"{}")
    assert written.calls == [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 201 Created\r\n\r\n{}"]
