"""Clients: one for single requests, and one that repeats a request as fast as it can."""

import socket
import time
from http.client import HTTPConnection, HTTPResponse

_SECONDS = 30.0
_LARGEST = 1 << 20


class Client:
    """Sends one request after the other on one persistent connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)

    def get(self, address: str) -> tuple[HTTPResponse, bytes]:
        """The body at an address.

        Raises:
            RuntimeError: the answer is not 200.
        """
        return self._ask("GET", address)

    def post_png(self, address: str, content: bytes) -> tuple[HTTPResponse, bytes]:
        """Upload an image; raises like :meth:`get`."""
        return self._ask("POST", address, content, "image/png")

    def post_json(self, address: str, content: bytes) -> tuple[HTTPResponse, bytes]:
        """Send JSON; raises like :meth:`get`."""
        return self._ask("POST", address, content, "application/json")

    def _ask(
        self, method: str, address: str, body: bytes | None = None, kind: str = ""
    ) -> tuple[HTTPResponse, bytes]:
        headers = {"Content-Type": kind} if kind else {}
        self._connection.request(method, address, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status not in {200, 201}:
            raise RuntimeError(f"{method} {address} answers {answer.status}")
        return answer, content


class Crowd:
    """Keeps a few connections busy with one address, so that the server never waits for it.

    Each connection is sent its next request while the server works on those of the others; the
    answers, which are all of one length, are counted and not looked into.

    Args:
        port: of the server, on 127.0.0.1.
        address: to ask for.
        size: number of connections.
    """

    def __init__(self, port: int, address: str, size: int = 8) -> None:
        self._request = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(size)]
        self._buffer = bytearray(_LARGEST)
        for one in self._sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(_SECONDS)
        for one in self._sockets:  # a process that computes it says so in the head
            self._answered(one)
        self._length = self._answered(self._sockets[0])

    def rate(self, seconds: float) -> float:
        """Responses per second, measured for about that long."""
        for one in self._sockets:
            one.sendall(self._request)
        answers = 0
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            for one in self._sockets:
                self._take(one)
                one.sendall(self._request)
            answers += len(self._sockets)
        spent = time.perf_counter() - started
        for one in self._sockets:
            self._take(one)
        return answers / spent

    def _take(self, one: socket.socket) -> None:
        received = 0
        while received < self._length:
            count = one.recv_into(self._buffer, self._length - received)
            if not count:
                raise RuntimeError("the server closed a persistent connection")
            if not received and not self._buffer.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError("the server answers another status than 200")
            received += count

    def _answered(self, one: socket.socket) -> int:
        """Length of a response over a connection, head and body."""
        one.sendall(self._request)
        head, end, body = b"", b"", b""
        while not end:
            head, end, body = (head + end + body + one.recv(_LARGEST)).partition(b"\r\n\r\n")
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(lines[b"content-length"])
        while len(body) < length:
            body += one.recv(_LARGEST)
        return len(head) + len(end) + length

    def close(self) -> None:
        """Close every connection."""
        for one in self._sockets:
            one.close()
