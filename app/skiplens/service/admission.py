"""Admission control: a fair queue for compute slots, and quotas of each client."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import IPv6Address
from typing import Final

from skiplens.core.timing import timed
from skiplens.errors import BusyError

ANYONE: Final = ""  # the client where nobody in particular is served
_NETWORK_BYTES: Final = 8  # of an IPv6 address; its owner chooses the rest


_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+")


def client_at(address: str) -> str:
    """The client at an address, for its share: of IPv6 addresses, all of one /64 network are one,
    as whoever has one of them has all. A port, which some proxies add, does not count. What is no
    address is a name of its own.
    """
    if found := _WITH_PORT.fullmatch(address):
        address = found[1] or found[2]
    if ":" not in address:
        return address
    try:
        given = IPv6Address(address)
    except ValueError:
        return address
    if given.ipv4_mapped is not None:
        return str(given.ipv4_mapped)
    return f"{IPv6Address(given.packed[:_NETWORK_BYTES] + bytes(_NETWORK_BYTES))}/64"


class Quota:
    """An amount of something, of which each client can have a part.

    Args:
        amount: of all clients together.
        share: of one client, 0 to 1.
        what: the plural for messages, such as "requests being received".
    """

    def __init__(self, amount: int, share: float, what: str) -> None:
        self._amount = amount
        self._share = share
        self._what = what
        self._taken: Counter[str] = Counter()
        self._reserved = 0
        self.taken = 0

    def take(self, client: str, amount: int = 1) -> None:
        """Take some for a client, who gives it back.

        Raises:
            BusyError: there is not enough left, for anyone or for this client.
        """
        self._check(amount)
        each = max(1, int((self._amount - self._reserved) * self._share))
        if self._taken[client] + amount > each:
            raise BusyError(f"at most {each:,} {self._what} of one client are handled at a time")
        self.taken += amount
        self._taken[client] += amount

    def give(self, client: str, amount: int = 1) -> None:
        """Give some back."""
        self.taken -= amount
        self._taken[client] -= amount
        if not self._taken[client]:
            del self._taken[client]

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Take one for the length of a ``with`` block."""
        self.take(client)
        try:
            yield
        finally:
            self.give(client)

    @contextmanager
    def reserved(self, amount: int) -> Iterator[None]:
        """Keep some from all clients, who share the rest, for the length of a ``with`` block.

        Raises:
            BusyError: there is not enough left.
        """
        self._check(amount)
        self.taken += amount
        self._reserved += amount
        try:
            yield
        finally:
            self.taken -= amount
            self._reserved -= amount

    def _check(self, amount: int) -> None:
        if self.taken + amount > self._amount:
            raise BusyError(f"at most {self._amount:,} {self._what} are handled at a time")


class Places:
    """Places to work in, and a queue for them in which clients who hold fewest go first.

    Args:
        count: places.
        waiting: requests that may wait for one.
        seconds: that a request may wait.
        what: works in a place, for messages.
        share: of the queue that one client may take, 0 to 1.
        each: places that one client may have at a time; all by default.
    """

    def __init__(
        self,
        count: int,
        waiting: int,
        seconds: float,
        what: str,
        share: float = 1.0,
        each: int | None = None,
    ) -> None:
        self._free = count
        self._each = count if each is None else each
        self._seconds = seconds
        self._what = what
        self._waiting = Quota(waiting, share, f"waiting {what}")
        self._held: Counter[str] = Counter()
        self._queue: list[tuple[str, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def place(self, client: str = ANYONE) -> AsyncIterator["Place"]:
        """A place for the length of a ``with`` block.

        Raises:
            BusyError: too many are waiting, or none was free in time.
        """
        place = Place(self, client)
        await place.take()
        try:
            yield place
        finally:
            place.give()

    async def take(self, client: str) -> None:
        """Wait for a place; see :meth:`place`."""
        if self._free and self._held[client] < self._each:
            self._free -= 1
            self._held[client] += 1
        else:
            with self._waiting.one(client), timed("wait"):
                await self._wait(client)

    async def _wait(self, client: str) -> None:
        entry = (client, asyncio.get_running_loop().create_future())
        self._queue.append(entry)
        try:
            async with asyncio.timeout(self._seconds):
                await entry[1]
        except BaseException as error:
            if entry in self._queue:
                self._queue.remove(entry)
            else:  # the place came too late
                self.give(client)
            if isinstance(error, TimeoutError):
                raise BusyError(
                    f"no place was free within {self._seconds:g} s; other {self._what} take long"
                ) from error
            raise

    def give(self, client: str) -> None:
        """Leave the place to the next."""
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]
        self._pass_on()

    def _pass_on(self) -> None:
        waiting = [
            entry
            for entry in self._queue
            if not entry[1].done() and self._held[entry[0]] < self._each
        ]
        if not waiting:
            self._free += 1
            return
        entry = min(waiting, key=lambda one: self._held[one[0]])
        self._queue.remove(entry)
        self._held[entry[0]] += 1
        entry[1].set_result(None)


class Place:
    """A place that may be held."""

    def __init__(self, places: Places, client: str) -> None:
        self._places = places
        self._client = client
        self._held = False

    async def take(self) -> None:
        """Wait for the place; see :meth:`Places.place`."""
        await self._places.take(self._client)
        self._held = True

    def give(self) -> None:
        """Leave it, if it is held."""
        if self._held:
            self._held = False
            self._places.give(self._client)
