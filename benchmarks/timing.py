"""Times things in turn, so that other load on the machine affects all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

Times = Mapping[str, Sequence[float]]


def in_turn(
    subjects: Mapping[str, Callable[[], object]],
    rounds: int,
    calls: Mapping[str, int] | None = None,
) -> dict[str, list[float]]:
    """Seconds a call, one figure a round, by context.

    Args:
        subjects: what to call.
        rounds: how often each has its turn.
        calls: how often each is called in its turn; its figure is the median of them. Once by
            default.
    """
    for call in subjects.values():  # the first call pays for what is made on demand
        call()
    found: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, call in subjects.items():
            found[name].append(median(_seconds(call) for _ in range((calls or {}).get(name, 1))))
    return found


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of one context's figures over another's, round by round."""
    return median(one / other for one, other in zip(over, under, strict=True))
