"""Arithmetic in lines: the numbers of a line come to what stands behind its last sign."""

from dataclasses import replace

import numpy as np
import pytest

from skiplens.core.manifest import FORMAT, BlockInfo, LayerInfo, Manifest
from skiplens.core.unit_explanation import Convolution, Merge, Unit
from skiplens.web.links import Links
from skiplens.web.pages.unit import InputLabels, Step, Term, convolution_steps, merge_steps
from tests.web.pages.units.conftest import Explain, number


def lines_of(explain: Explain, layer: str, at: str = "9,20", **options: object) -> tuple[Step, ...]:
    working = explain(layer, 3, at, **options).explanation
    assert working is not None
    return working.lines


def terms_of(line: Step) -> list[Term]:
    return [token for token in line.tokens if isinstance(token, Term)]


def values_of(line: Step) -> list[float]:
    return [number(term.value) for term in terms_of(line)]


def tiny(layers: tuple[LayerInfo, ...], *blocks: BlockInfo) -> Manifest:
    """A network of these layers."""
    return Manifest(
        format=FORMAT,
        id="tiny",
        title="Tiny",
        summary="A tiny network.",
        input_shape=(28, 28, 1),
        classes=("0", "1"),
        parameters=3,
        layers=layers,
        blocks=blocks,
        graphs={},
        test_accuracy=None,
        evaluation=None,
        training=None,
        files={},
    )


def test_a_batch_norm_goes_on_from_line_to_line(explain: Explain) -> None:
    first, second, third = map(values_of, lines_of(explain, "block1.norm1"))
    assert first[0] - first[1] == pytest.approx(first[2], abs=1e-2)
    assert second[0] == first[2]
    assert second[0] / second[1] == pytest.approx(second[2], rel=1e-2)
    assert third[0] == second[2]
    assert third[0] * third[1] + third[2] == pytest.approx(third[3], rel=1e-2)


def test_a_sum_has_the_two_colours_and_leads_to_both(explain: Explain) -> None:
    (line,) = lines_of(explain, "block1.sum")
    x, fx, total = terms_of(line)
    assert (x.tone, fx.tone, total.tone) == ("identity", "residual", "")
    assert (x.label, fx.label) == ("x: stem.output", "F(x): block1.residual")
    assert "/layers/stem.output/filters/3?at=9,20#unit" in (x.href or "")
    assert number(x.value) + number(fx.value) == pytest.approx(number(total.value), abs=1e-2)


def test_a_projected_x_is_still_x(explain: Explain) -> None:
    (line,) = lines_of(explain, "block3.sum", "9,10")
    assert terms_of(line)[0].label == "x: block3.identity"


def test_relu_says_what_it_does(explain: Explain) -> None:
    results = []
    for at in ("9,20", "20,12"):
        (line,) = lines_of(explain, "block1.relu1", at)
        given, result = values_of(line)
        assert result == max(given, 0)
        assert line.text.startswith("Above zero" if result else "Not above zero")
        results.append(result)
    assert results[0] > results[1] == 0


def test_a_branch_that_is_off_is_multiplied_by_nothing(explain: Explain) -> None:
    (on,) = lines_of(explain, "block1.residual")
    given, result = values_of(on)
    assert given == result
    (off,) = lines_of(explain, "block1.residual", scale="block1:0")
    assert [term.label for term in terms_of(off)] == ["block1.norm2", "branch off", "F(x)"]
    assert values_of(off)[1:] == [0, 0]


def test_a_highway_takes_shares_of_both() -> None:
    names = ("stem.output", "block1.residual", "block1.gate")
    merged = LayerInfo("block1.sum", "Highway", "sum", "block1", (2, 2, 1), inputs=names)
    given = [replace(merged, name=name, role="conv", kind="Conv2D") for name in names]
    x, fx, gate = names
    block = BlockInfo("block1", "highway", x, x, fx, gate, merged.name, merged.name, True)
    manifest = tiny((*given, merged), block)
    found = Merge("highway", (8.0, 4.0, 0.25))
    unit = Unit(merged, 0, (1, 1), 7.0, found)
    lines = merge_steps(found, InputLabels(unit, manifest, Links("tiny", "0" * 16)))
    assert [values_of(line) for line in lines] == [[0.25, 4, 1], [0.75, 8, 6], [1, 6, 7]]
    tones = [[term.tone for term in terms_of(line)] for line in lines]
    assert tones[0] == ["", "residual", "residual"]
    assert tones[1] == ["", "identity", "identity"]
    assert terms_of(lines[0])[0].label == "T(x): block1.gate"


def test_a_missing_bias_is_put_down_to_a_batch_norm_only_where_one_follows() -> None:
    conv = LayerInfo("stem.conv", "Conv2D", "conv", None, (2, 2, 1), inputs=("input",))
    norm = LayerInfo(
        "stem.norm", "BatchNormalization", "norm", None, (2, 2, 1), inputs=(conv.name,)
    )
    relu = replace(norm, name="stem.relu", kind="ReLU", role="activation")
    one = np.ones((1, 1, 1), np.float32)
    found = Convolution(one, np.ones((1, 1), bool), one, None, (0, 0), (1, 1), 0, None)
    unit = Unit(conv, 0, (0, 0), 1.0, found)
    words = []
    for behind in ((norm,), (relu,), (relu, replace(norm, inputs=(relu.name,)))):
        sources = InputLabels(unit, tiny((conv, *behind)), Links("tiny", "0" * 16))
        words.append(convolution_steps(found, [0], sources)[0].text)
    assert [one.partition("; ")[2] for one in words] == [
        "this layer has no bias, because the batch normalisation after it has one.",
        "this layer has no bias.",
        "this layer has no bias.",
    ]
