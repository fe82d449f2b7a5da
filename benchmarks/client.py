"""Clients: one for single requests, one that repeats a request as fast as it can, and many who each
ask for something else.
"""

import selectors
import socket
import time
from collections.abc import Callable
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
        self._request = get_request(port, address)
        self._sockets: list[socket.socket] = []
        self._buffer = bytearray(_LARGEST)
        for _ in range(size):
            self._sockets.append(_connected(port))
            self._answered(self._sockets[-1])  # a process that computes it says so in the head
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
        length = _content_length(head)
        while len(body) < length:
            body += one.recv(_LARGEST)
        return len(head) + len(end) + length

    def close(self) -> None:
        """Close every connection."""
        for one in self._sockets:
            one.close()


class Many:
    """Many who ask at once, over connections of their own: each sends its next request when it has
    an answer. One thread serves them all, so that they take little of the cores of the server.

    Args:
        port: of the server, on 127.0.0.1.
        request: what to send, different for every number.
        size: number of connections.
    """

    def __init__(self, port: int, request: Callable[[int], bytes], size: int) -> None:
        self._request = request
        self._sent = 0
        self._left: dict[socket.socket, int] = {}  # bytes to come of an answer that has begun
        self._sockets = []
        for _ in range(size):  # one after the other: one process could accept all of a burst
            one = _connected(port)
            self._sockets.append(one)
            self._send(one)
            while not self._has_answer(one):
                pass

    def rate(self, seconds: float) -> float:
        """Answers a second, for about that long."""
        answers, waiting = 0, set(self._sockets)
        started = time.perf_counter()
        with selectors.DefaultSelector() as selector:
            for one in self._sockets:
                selector.register(one, selectors.EVENT_READ, one)
                self._send(one)
            while waiting:
                for key, _ in selector.select(_SECONDS):
                    if self._has_answer(key.data):
                        answers += 1
                        if time.perf_counter() - started < seconds:
                            self._send(key.data)
                        else:
                            waiting.discard(key.data)
        return answers / (time.perf_counter() - started)

    def _send(self, one: socket.socket) -> None:
        one.sendall(self._request(self._sent))
        self._sent += 1

    def _has_answer(self, one: socket.socket) -> bool:
        """Take what has come; whether that completes an answer.

        Raises:
            RuntimeError: it is not 200, or the connection ends.
        """
        content = one.recv(_LARGEST)
        if one not in self._left:
            head, end, content = content.partition(b"\r\n\r\n")
            if not end or not head.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"the server answers {head[:40]!r}")
            self._left[one] = _content_length(head)
        elif not content:
            raise RuntimeError("the server closed a persistent connection")
        self._left[one] -= len(content)
        if self._left[one]:
            return False
        del self._left[one]
        return True

    def close(self) -> None:
        """Close every connection."""
        for one in self._sockets:
            one.close()


def get_request(port: int, address: str) -> bytes:
    """What asks a server on 127.0.0.1 for an address."""
    return f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), _SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _content_length(head: bytes) -> int:
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return int(lines[b"content-length"])
