import pytest

from benchmarks.timing import in_turn, ratio


def test_subjects_have_their_turns_one_after_the_other() -> None:
    called: list[str] = []
    subjects = {name: lambda name=name: called.append(name) for name in ("a", "b")}
    found = in_turn(subjects, 2, {"b": 2})
    assert called == [*"ab", *"abb", *"abb"]
    assert {name: len(times) for name, times in found.items()} == {"a": 2, "b": 2}


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratio([2.0, 30.0, 4.0], [1.0, 10.0, 1.0]) == pytest.approx(3.0)
