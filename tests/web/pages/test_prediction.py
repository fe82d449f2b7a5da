"""The prediction, compared with that of every block on."""

import pytest

from skiplens.core.branch_scales import AS_TRAINED
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.service.forward import run_network
from skiplens.web.pages import prediction
from skiplens.web.pages.prediction import compare_predictions
from tests.conftest import switched_off

ALL = ("block1", "block2", "block3", "block4", "block5", "block6")


def test_probabilities_sum_to_one_and_the_largest_is_predicted(
    engine: Engine, digit: Digit
) -> None:
    whole = run_network(engine, digit, AS_TRAINED)
    found = compare_predictions(whole, whole)
    assert sum(chance.share for chance in found.classes) == pytest.approx(1, abs=1e-5)
    (first,) = [chance for chance in found.classes if chance.first]
    assert (first.label, first.share) == (found.label, found.share)
    assert found.scaled is None
    assert found.sentence is None


def test_a_changed_prediction_is_described(engine: Engine, digit: Digit) -> None:
    whole = run_network(engine, digit, AS_TRAINED)
    answer = engine.manifest.classes[whole.label]
    for off in (("block4",), ALL):
        found = compare_predictions(run_network(engine, digit, switched_off(*off)), whole)
        assert found.sentence is not None
        assert ("still" in found.sentence) == (found.label == answer)
        baseline = {chance.label: chance.baseline for chance in found.classes}
        assert baseline[answer] == pytest.approx(float(whole.probabilities.max()))


def test_of_many_classes_the_likeliest_are_told_and_any_can_be_searched(
    engine: Engine, digit: Digit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "MOST_CLASSES", 5)
    monkeypatch.setattr(prediction, "LIKELIEST", 3)
    whole = run_network(engine, digit, AS_TRAINED)
    found = compare_predictions(whole, whole, "4")
    assert found.classes[0].label == found.label
    assert len(found.classes) == 3
    assert found.has_more
    assert [(chance.label, chance.share) for chance in found.found] == [
        ("4", float(whole.probabilities[4]))
    ]
    assert not compare_predictions(whole, whole).found
    assert not compare_predictions(whole, whole, "cat").found
