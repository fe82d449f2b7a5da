"""Places, the queue for them, and shares."""

import asyncio

import pytest

from skiplens.errors import BusyError
from skiplens.service.admission import Places, Quota, client_at


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown:7", "unknown:7"),
        ("192.0.2.7:51234", "192.0.2.7"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:51234", "2001:db8:1:2::/64"),
    ],
)
def test_a_client_is_an_address_or_a_network_of_one_owner(address: str, client: str) -> None:
    assert client_at(address) == client


def test_a_share_is_bounded_for_all_and_for_each() -> None:
    share = Quota(4, 0.5, "requests")
    share.take("a", 2)
    with pytest.raises(BusyError, match="at most 2 requests of one client"):
        share.take("a")
    share.take("b", 2)
    with pytest.raises(BusyError, match="at most 4 requests are handled"):
        share.take("c")
    share.give("a", 2)
    with share.one("c"):
        assert share.taken == 3
    assert share.taken == 2


def test_clients_share_what_is_not_reserved() -> None:
    share = Quota(8, 0.5, "bytes")
    share.take("a", 2)
    with share.reserved(4):
        with pytest.raises(BusyError, match="at most 2 bytes of one client"):
            share.take("a")
        with pytest.raises(BusyError, match="at most 8 bytes are handled"), share.reserved(3):
            pass
        assert share.taken == 6
    share.take("a", 2)
    assert share.taken == 4


def test_clients_that_hold_fewest_go_first() -> None:
    async def order() -> list[str]:
        places, went, opened = Places(2, 9, 30, "requests"), [], asyncio.Event()

        async def work(client: str) -> None:
            async with places.place(client):
                went.append(client)
                await opened.wait()

        tasks = [asyncio.create_task(work(client)) for client in ("a", "a", "a", "a", "b")]
        await asyncio.sleep(0)
        assert went == ["a", "a"]
        opened.set()
        await asyncio.gather(*tasks)
        return went

    assert asyncio.run(order())[:3] == ["a", "a", "b"]


def test_one_client_leaves_a_place_for_others() -> None:
    async def order() -> list[str]:
        places, went, opened = Places(3, 9, 30, "requests", each=2), [], asyncio.Event()

        async def work(client: str) -> None:
            async with places.place(client):
                went.append(client)
                await opened.wait()

        tasks = [asyncio.create_task(work(client)) for client in ("a", "a", "a", "b")]
        await asyncio.sleep(0)
        assert went == ["a", "a", "b"]
        opened.set()
        await asyncio.gather(*tasks)
        return went

    assert asyncio.run(order()) == ["a", "a", "b", "a"]


def test_a_queue_is_bounded_in_length_and_time() -> None:
    async def refused() -> list[str]:
        places = Places(1, 1, 0.01, "requests")
        async with places.place():
            tries = [places.place().__aenter__() for _ in range(2)]
            found = await asyncio.gather(*tries, return_exceptions=True)
        async with places.place():
            return [str(one) for one in found]

    late, crowded = asyncio.run(refused())
    assert "no place was free within 0.01 s" in late
    assert "at most 1 waiting requests" in crowded


def test_a_place_that_nobody_waits_for_any_more_is_free() -> None:
    async def cancelled() -> None:
        places = Places(1, 9, 0.01, "requests")
        async with places.place():
            waiting = asyncio.create_task(places.place().__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
        async with places.place():
            pass

    asyncio.run(cancelled())
