"""The pool: one caller at a time for each thing, and a bounded number of waiters."""

import pytest

from skiplens.engine import litert as module
from skiplens.engine.litert import InterpreterPool
from skiplens.errors import BusyError
from tests.engine.threads import PATIENCE, Stages, all_at_once, started


class Counted:
    """Something that must never be used by two at a time."""

    made = 0

    def __init__(self) -> None:
        Counted.made += 1
        self.users = 0

    def use(self) -> int:
        self.users += 1
        users = self.users
        sum(range(100_000))  # long enough for the others to come in between
        self.users -= 1
        return users


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    stages = Stages()
    monkeypatch.setattr(module, "timed", stages)
    return stages


def test_as_many_are_made_as_asked_for() -> None:
    before = Counted.made
    InterpreterPool(Counted, 3, 0)
    assert Counted.made == before + 3


def test_the_one_returned_last_goes_first() -> None:
    pool = InterpreterPool(object, 3, 0)
    with pool.acquire() as first, pool.acquire():
        pass
    with pool.acquire() as again:
        assert again is first


def test_no_two_callers_ever_share() -> None:
    pool = InterpreterPool(Counted, 2, 64)

    def use() -> int:
        with pool.acquire() as thing:
            return thing.use()

    assert all_at_once([use] * 16) == [1] * 16
    assert pool.waiting == 0
    with pool.acquire() as one, pool.acquire() as other:
        assert one is not other


def test_who_waits_gets_what_is_returned(stages: Stages) -> None:
    pool = InterpreterPool(object, 1, 1)

    def take() -> object:
        with pool.acquire() as thing:
            return thing

    with pool.acquire() as only:
        waiter = started(take)
        assert stages.entered.acquire(timeout=PATIENCE)
        assert pool.waiting == 1
        assert not waiter.done()
    assert waiter.result(PATIENCE) is only
    assert pool.waiting == 0


def test_beyond_the_bound_callers_are_refused_and_those_who_wait_are_not(stages: Stages) -> None:
    pool = InterpreterPool(object, 1, 2)

    def take() -> None:
        with pool.acquire():
            pass

    with pool.acquire():
        waiters = [started(take) for _ in range(2)]
        for _ in waiters:
            assert stages.entered.acquire(timeout=PATIENCE)
        with pytest.raises(BusyError, match="2 computations are waiting already; at most 2 may"):
            started(take).result(PATIENCE)
    for waiter in waiters:
        waiter.result(PATIENCE)
    take()


def test_nobody_may_wait_where_the_bound_is_nought() -> None:
    pool = InterpreterPool(object, 1, 0)
    with pool.acquire(), pytest.raises(BusyError, match="0 computations are waiting already"):
        started(pool.acquire().__enter__).result(PATIENCE)
    with pool.acquire():
        pass


def test_what_failed_is_returned_all_the_same() -> None:
    pool = InterpreterPool(object, 1, 0)
    with pytest.raises(ZeroDivisionError), pool.acquire():
        raise ZeroDivisionError
    with pool.acquire():
        pass
