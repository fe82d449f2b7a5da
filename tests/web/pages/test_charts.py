"""Histograms, and gradients by path on a logarithmic scale."""

import math

import numpy as np
import pytest

from skiplens.service.analysis import BlockGradient, GradientByPath
from skiplens.web.pages.charts import (
    GRADIENT_WIDTH,
    HEIGHT,
    WIDTH,
    GradientChart,
    describe_gradients,
    gradient_chart,
    histogram,
)


def test_a_flat_map_has_no_histogram() -> None:
    assert histogram(np.full((4, 4), 2.0, np.float32)) is None


def test_columns_count_what_is_not_zero() -> None:
    values = np.array([[0, 0, 0, 1], [1, 1, 2, 4]], np.float32)
    found = histogram(values)
    assert found is not None
    assert (found.low, found.high, found.zero) == ("0", "4.00", None)
    assert found.zeros == (
        "37.50\u202f% of the values are exactly zero, 3 of 8; they are not shown"
    )
    assert found.tallest == "3 values"
    assert [column.height for column in found.columns] == [HEIGHT, 40.0, 40.0]
    assert found.columns[0].text.startswith("3 values from 1.00")


def test_zero_is_marked_where_values_are_signed() -> None:
    found = histogram(np.array([[-1.0, 3.0]], np.float32))
    assert found is not None
    assert found.zero == WIDTH / 4
    assert found.zeros is None


RESIDUAL = GradientByPath(
    3, (BlockGradient("block1", 0.5, 0.4, 0.1, 0.0), BlockGradient("block2", 5.0, 3.0, 4.0, 0))
)

PLAIN = GradientByPath(3, (BlockGradient("block1", 0.001, None, 0.001, None),) * 2)


def drawn(
    gradients: GradientByPath, beside: tuple[str, GradientByPath] | None = None
) -> GradientChart:
    found = gradient_chart("This", gradients, beside)
    assert found
    return found


def test_both_networks_are_drawn_on_one_scale() -> None:
    chart = drawn(RESIDUAL, ("Other", PLAIN))
    assert [(line.tone, line.beside) for line in chart.lines] == [
        ("total", False),
        ("identity", False),
        ("residual", False),
        ("total", True),
    ]
    assert [text for _, text in chart.ticks] == ["0.001", "0.01", "0.1", "1", "10"]
    assert chart.lines[3].dots[0].y == chart.ticks[0][0]


def test_a_dot_is_as_high_as_its_logarithm() -> None:
    chart = drawn(RESIDUAL)
    bottom, top = chart.ticks[0][0], chart.ticks[-1][0]
    for line, value in zip(chart.lines, (0.5, 0.4, 0.1), strict=True):
        share = (math.log10(value) + 1) / 2  # from 0.1 to 10
        assert line.dots[0].y == pytest.approx(bottom + share * (top - bottom), abs=0.02)
        assert 0 < line.dots[0].x < line.dots[1].x < GRADIENT_WIDTH


def test_a_disabled_path_has_no_dot() -> None:
    off = GradientByPath(3, (BlockGradient("block1", 0.5, 0.5, 0.0, 0.0), *RESIDUAL.blocks[1:]))
    residual = next(line for line in drawn(off).lines if line.tone == "residual")
    assert [dot.text for dot in residual.dots] == ["This, block2: 4.00 through F"]


def test_without_any_gradient_there_is_nothing_to_draw() -> None:
    still = GradientByPath(3, (BlockGradient("block1", 0.0, 0.0, 0.0, 0.0),))
    assert gradient_chart("This", still, None) is None
    assert "Every gradient is zero" in describe_gradients([("This", still)])


def test_the_description_says_how_the_gradient_changes() -> None:
    said = describe_gradients([("This", RESIDUAL), ("Other", PLAIN)])
    assert "in This it shrinks to 0.100 of its size" in said
    assert "in Other it grows to 1.00 times its size" in said
