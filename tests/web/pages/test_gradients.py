"""Gradients by path on a logarithmic scale, and what is said of them."""

import math

import pytest

from skiplens.service.gradients import BlockGradient, GradientByPath
from skiplens.web.pages.charts import LineChart
from skiplens.web.pages.gradients import describe_gradients, gradient_chart

RESIDUAL = GradientByPath(
    3, (BlockGradient("block1", 0.5, 0.4, 0.1, 0.0), BlockGradient("block2", 5.0, 3.0, 4.0, 0))
)

PLAIN = GradientByPath(3, (BlockGradient("block1", 0.001, None, 0.001, None),) * 2)


def drawn(gradients: GradientByPath, beside: tuple[str, GradientByPath] | None = None) -> LineChart:
    found = gradient_chart("This", gradients, beside)
    assert found
    return found


def test_both_networks_are_drawn_on_one_scale() -> None:
    chart = drawn(RESIDUAL, ("Other", PLAIN))
    assert [(line.tone, line.name) for line in chart.lines] == [
        ("ink", "total"),
        ("identity", "through the identity"),
        ("residual", "through F"),
        ("dashed", "dashed: Other, total"),
    ]
    assert [text for _, text in chart.y_ticks] == ["0.001", "0.01", "0.1", "1", "10"]
    assert chart.lines[3].dots[0].y == chart.y_ticks[0][0]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.27, 1.45, ["0.2", "0.5", "1", "2"]),
        (0.1, 5, ["0.1", "0.2", "0.5", "1", "2", "5"]),
        (1, 1, ["1", "10"]),
        (0.002, 3, ["0.001", "0.01", "0.1", "1", "10"]),
        (
            3e-12,
            2,
            ["1e\u221212", "1e\u221210", "1e\u22128", "1e\u22126", "1e\u22124", "0.01", "1", "100"],
        ),
    ],
)
def test_ticks_enclose_all_values(low: float, high: float, ticks: list[str]) -> None:
    norms = (low, high)
    blocks = tuple(BlockGradient(f"block{at}", n, None, n, None) for at, n in enumerate(norms, 1))
    chart = drawn(GradientByPath(3, blocks))
    assert [text for _, text in chart.y_ticks] == ticks
    for dot in chart.lines[0].dots:
        assert chart.y_ticks[-1][0] <= dot.y <= chart.y_ticks[0][0]


def test_of_many_blocks_some_numbers_are_written() -> None:
    blocks = tuple(BlockGradient(f"block{at}", 1.0, None, 1.0, None) for at in range(1, 28))
    chart = drawn(GradientByPath(3, blocks))
    assert [name for _, name in chart.x_ticks] == [str(at) for at in range(1, 28, 3)]
    assert [x for x, _ in chart.x_ticks] == [dot.x for dot in chart.lines[0].dots[::3]]


def test_a_dot_is_as_high_as_its_logarithm() -> None:
    chart = drawn(RESIDUAL)
    bottom, top = chart.y_ticks[0][0], chart.y_ticks[-1][0]
    for line, value in zip(chart.lines, (0.5, 0.4, 0.1), strict=True):
        share = math.log10(value / 0.1) / math.log10(5 / 0.1)
        assert line.dots[0].y == pytest.approx(bottom + share * (top - bottom), abs=0.02)
        assert 0 < line.dots[0].x < line.dots[1].x < 100


def test_a_disabled_path_has_no_dot() -> None:
    off = GradientByPath(3, (BlockGradient("block1", 0.5, 0.5, 0.0, 0.0), *RESIDUAL.blocks[1:]))
    residual = next(line for line in drawn(off).lines if line.tone == "residual")
    assert [dot.text for dot in residual.dots] == ["This, block2: 4.00 through F"]


def test_without_any_gradient_there_is_nothing_to_draw() -> None:
    still = GradientByPath(3, (BlockGradient("block1", 0.0, 0.0, 0.0, 0.0),))
    assert gradient_chart("This", still, None) is None
    assert "Every gradient is zero" in describe_gradients([("This", still)])


def test_the_gradient_of_a_single_block_does_not_change() -> None:
    single = GradientByPath(3, RESIDUAL.blocks[:1])
    assert describe_gradients([("This", single)]) == ""
    said = describe_gradients([("This", single), ("Other", PLAIN)])
    assert "in Other it grows" in said
    assert "in This" not in said


def test_a_network_without_blocks_is_not_described() -> None:
    flat = ("Flat", GradientByPath(3, ()))
    assert describe_gradients([("This", PLAIN), flat]) == describe_gradients([("This", PLAIN)])


def test_the_description_says_how_the_gradient_changes() -> None:
    said = describe_gradients([("This", RESIDUAL), ("Other", PLAIN)])
    assert "in This it shrinks to 0.100 of its size" in said
    assert "in Other it grows to 1.00 times its size" in said
