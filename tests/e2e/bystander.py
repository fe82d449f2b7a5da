"""Another client of an attacked server, who draws."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.e2e import attacks
from tests.e2e.server import Connection, Server
from tests.web.images import drawing, encoded

PNG = encoded(drawing())
LIVE = b"/api/v1/networks/mnist-resnet/live"
FRAME = attacks.post(b"image/png", PNG, LIVE)
_FRAMES = 20
_LENGTH = b"content-length: "


class Bystander:
    """A client at an address of its own, as bounds are for each address.

    Args:
        request: what it asks for, again and again.
    """

    def __init__(self, server: Server, address: str = "127.0.0.2", request: bytes = FRAME) -> None:
        self._port, self._address, self._request = server.port, address, request
        self.connection = Connection(server.port, address)
        self.frame()

    def frame(self) -> float:
        """Seconds to the answer to one live frame, which is a good one."""
        started = time.perf_counter()
        self.connection.send(self._request)
        received = self.connection.receive()
        assert received.startswith(b"HTTP/1.1 200 OK\r\n"), received[:500]
        head, _, body = received.partition(b"\r\n\r\n")
        lines = (line for line in head.split(b"\r\n") if line.startswith(_LENGTH))
        length = int(next(lines).removeprefix(_LENGTH))
        while len(body) < length:
            body += self.connection.receive()
        return time.perf_counter() - started

    def during(self, attack: Callable[[], object], attackers: int = 2) -> float:
        """The median while attackers are at it, as a multiple of that before or after: what else
        the machine does may begin or end in between.
        """
        self.close()  # the server may have closed it since
        self.connection = Connection(self._port, self._address)
        before = self.median()
        seconds: list[float] = []
        with ThreadPoolExecutor(attackers) as pool:
            while len(seconds) < _FRAMES:
                tries = [pool.submit(attack) for _ in range(attackers)]
                while not all(one.done() for one in tries):
                    seconds.append(self.frame())
                for one in tries:
                    one.result()
        return statistics.median(seconds) / max(before, self.median())

    def median(self) -> float:
        """Seconds to one of some live frames."""
        return statistics.median(self.frame() for _ in range(_FRAMES))

    def close(self) -> None:
        """Disconnect."""
        self.connection.__exit__()
