"""Small charts under a strip: a bar is as long as its figure, and stands under its column."""

from dataclasses import replace

import pytest

from skiplens.core.block_metrics import filter_metrics
from skiplens.core.colormaps import PaletteName
from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED, BlockInfo, FilterMetrics
from skiplens.engine.base import Engine
from skiplens.service.forward import ModelRunner
from skiplens.service.images import FeatureMapTable, block_table
from skiplens.web.links import Links
from skiplens.web.pages.block import PLOT_HEIGHT, ROW_HEIGHT, FilterCharts, filter_charts


@pytest.fixture
def strip(engine: Engine, digit: Digit) -> FeatureMapTable:
    forward = ModelRunner().run(engine, digit, AS_TRAINED)
    return block_table(forward, engine.manifest.blocks[0], PaletteName.DARK)


BLOCK = BlockInfo(
    "block1", "add", "x", "x", "block1.residual", None, "block1.sum", "block1.output", True
)


def charts(strip: FeatureMapTable, **figures: float | None) -> FilterCharts:
    """The charts of filters that are all alike, but that the first is twice as large."""
    known: dict[str, float | None] = {
        "norm_x": 2.0,
        "norm_residual": 4.0,
        "norm_sum": 5.0,
        "ratio": 2.0,
        "cosine": -0.5,
        "relu_zeroed": 0.25,
        **figures,
    }
    found = [FilterMetrics(at, **known) for at in range(16)]  # type: ignore[arg-type]  # all given
    return filter_charts(found, BLOCK, strip, Links("net", "digit"))


def test_every_column_stands_under_its_maps(strip: FeatureMapTable) -> None:
    drawn = charts(strip)
    assert drawn.width == strip.geometry.width
    for at, column in enumerate(drawn.columns):
        box = strip.box(strip.rows[0], at)
        assert box
        assert (column.x, column.width) == (box[0], box[2])
        for bar in column.bars:
            assert column.x <= bar.x
            assert bar.x + bar.width <= column.x + column.width
            assert bar.y >= 0
            assert bar.y + bar.height <= drawn.height


def test_bars_are_as_long_as_their_figures(strip: FeatureMapTable) -> None:
    x, fx, ratio, cosine, cut = charts(strip).columns[3].bars
    assert (x.tone, fx.tone, ratio.tone) == ("identity", "residual", "")
    assert [x.height, fx.height] == [PLOT_HEIGHT / 2, PLOT_HEIGHT]
    assert ratio.height == pytest.approx(PLOT_HEIGHT / 2 / 3, abs=0.01)  # one octave of three
    assert cosine.height == PLOT_HEIGHT / 2 * 0.5
    assert cut.height == PLOT_HEIGHT * 0.25


def test_above_the_line_is_positive_and_below_it_negative(strip: FeatureMapTable) -> None:
    drawn = charts(strip)
    _, ratios, cosines, _ = drawn.rows
    *_, ratio, cosine, _ = drawn.columns[0].bars
    assert ratio.y + ratio.height == pytest.approx(ratios.axis, abs=0.01)
    assert cosine.y == cosines.axis


def test_ratios_end_at_eight_and_at_an_eighth(strip: FeatureMapTable) -> None:
    for ratio in (1000.0, 0.001):
        bar = charts(strip, ratio=ratio).columns[0].bars[2]
        assert bar.height == PLOT_HEIGHT / 2


def test_what_is_undefined_has_no_lane(strip: FeatureMapTable) -> None:
    drawn = charts(strip, norm_x=None, ratio=None, cosine=None)
    assert [lane.title for lane in drawn.rows] == ["norm of", "zeroed by ReLU"]
    assert drawn.rows[0].series == (("F(x)", "residual"),)
    assert drawn.height == 2 * ROW_HEIGHT


def test_each_column_says_its_figures_and_leads_to_its_filter(engine: Engine, digit: Digit) -> None:
    forward = ModelRunner().run(engine, digit, AS_TRAINED)
    block = engine.manifest.blocks[1]
    found = filter_metrics(block, forward.activations)
    strip = block_table(forward, block, PaletteName.DARK)
    column = filter_charts(found, block, strip, Links("net", "digit")).columns[7]
    assert column.text.startswith("filter 7: x ")
    assert "ReLU zeroes" in column.text
    assert column.href == "/networks/net/digits/digit/layers/block2.output/filters/7"


def test_a_bar_that_stands_alone_stands_in_the_middle(strip: FeatureMapTable) -> None:
    column = charts(strip, norm_x=None, ratio=None, cosine=None).columns[5]
    for bar in column.bars:
        middle = bar.x + bar.width / 2
        assert middle == pytest.approx(column.x + column.width / 2, abs=0.05)


def test_a_gates_long_names_leave_out_what_a_phone_has_no_room_for(strip: FeatureMapTable) -> None:
    found = [FilterMetrics(at, 2.0, 4.0, 5.0, 2.0, -0.5, 0.25) for at in range(16)]
    gated = replace(BLOCK, merge="highway", gate="block1.gate")
    sizes, ratios, *_ = filter_charts(found, gated, strip, Links("net", "digit")).rows
    assert sizes.title == ""
    assert [symbol for symbol, _ in sizes.series] == ["|(1\N{MINUS SIGN}T)·x|", "|T·F|"]
    assert ratios.title == "T·F(x) over (1\N{MINUS SIGN}T)·x"
    plain = charts(strip).rows[0]
    assert [plain.title, *(symbol for symbol, _ in plain.series)] == ["norm of", "x", "F(x)"]
