"""The bounds that a process of images sets itself; the pool's tests decode with it."""

import sys

import pytest

from skiplens.core import image_worker

if sys.platform != "linux":
    pytest.skip("others do not bound memory", allow_module_level=True)
import resource

ENDLESS = resource.RLIM_INFINITY


@pytest.mark.parametrize("hard", [ENDLESS, 1 << 20, 1 << 50])
def test_memory_is_bounded_within_the_limit_that_it_was_started_with(
    hard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (ENDLESS, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, given: limits.append(given))
    image_worker._limit_memory(1 << 30)  # noqa: SLF001  # in the process it would bound the tests
    image_worker._limit_memory(None)  # noqa: SLF001
    (bound, kept), after = limits
    assert kept == hard
    assert after == (hard, hard)
    assert bound == hard if hard == 1 << 20 else bound > 1 << 30
