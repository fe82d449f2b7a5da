import pytest

from benchmarks.results import Relation, Result, Target


@pytest.mark.parametrize(
    ("relation", "below", "at", "above"),
    [("<=", True, True, False), ("<", True, False, False), (">=", False, True, True)],
)
def test_a_target_is_met_on_its_own_side(
    relation: Relation, below: bool, at: bool, above: bool
) -> None:
    target = Target(relation, 0.5)
    assert (target.met(0.4), target.met(0.5), target.met(0.6)) == (below, at, above)


def test_a_figure_without_a_target_neither_passes_nor_misses() -> None:
    assert Result("rate", 10.0, "/s").passed is None
    assert Result("ratio", 0.6, target=Target(">=", 0.5)).passed is True


def test_a_figure_is_written_with_its_verdict() -> None:
    written = Result("ratio", 0.4, target=Target(">=", 0.5)).to_dict()
    assert written["passed"] is False
    assert written["target"] == {"relation": ">=", "value": 0.5}
