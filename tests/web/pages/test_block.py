"""The block page: its maps, metrics, charts, table of filters and branch switch."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from skiplens.core.block_metrics import filter_metrics
from skiplens.core.colormaps import PaletteName
from skiplens.core.digit import Digit
from skiplens.core.manifest import AS_TRAINED, BlockInfo, BlockMetrics, FilterMetrics
from skiplens.engine.base import Engine
from skiplens.service.forward import run_network
from skiplens.service.images import FeatureMapTable, block_table
from skiplens.web.links import Links
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from skiplens.web.pages.block import (
    PLOT_HEIGHT,
    ROW_HEIGHT,
    FilterCharts,
    FilterTable,
    Order,
    describe_metrics,
    filter_charts,
    filter_table,
)
from tests.conftest import switched_off
from tests.web.pages.conftest import Look

DIGITS = "/networks/mnist-resnet/digits"


@pytest.fixture
def page(api: TestClient, digit: Digit) -> str:
    """The page of block2."""
    return api.get(f"{DIGITS}/{digit.id}/blocks/block2").text


def test_metrics_are_those_of_the_api(api: TestClient, digit: Digit, page: str) -> None:
    figures = api.get(f"/api/v1{DIGITS}/{digit.id}/blocks/block2").json()
    assert f"{figures['norm_x']:.0f}" in page
    assert fmt.number(figures["ratio"]) in page
    assert f"{100 * figures['relu_zeroed']:.0f}" in page


def test_each_filter_has_charts_and_a_table_row(look: Look, digit: Digit) -> None:
    markup = look(f"{DIGITS}/{digit.id}/blocks/block2")
    charts = [
        element
        for element in markup.all("a")
        if element.get("aria-label", "").startswith("filter ")
    ]
    assert [element["aria-label"].split(":")[0] for element in charts] == [
        f"filter {at}" for at in range(16)
    ]
    rows = [link for link in markup.links() if "/layers/block2.output/filters/" in link]
    assert rows == [item["href"] for item in charts] * 2


def test_a_requested_order_opens_and_sorts_the_table(look: Look, digit: Digit) -> None:
    address = f"{DIGITS}/{digit.id}/blocks/block2"
    closed = next(
        element for element in look(address).all("details") if element.get("id") == "filters"
    )
    assert "open" not in closed
    markup = look(f"{address}?order=norm_residual")
    details = next(element for element in markup.all("details") if element.get("id") == "filters")
    assert "open" in details
    assert [element["aria-sort"] for element in markup.all("th") if "aria-sort" in element] == [
        "descending"
    ]


def test_the_rows_of_maps_are_named(api: TestClient, digit: Digit, page: str) -> None:
    for role in ("x", "F(x)", "sum", "output"):
        assert f">{role}</b>" in page
    assert "one value range for all rows" in page
    assert "projected x" in api.get(f"{DIGITS}/{digit.id}/blocks/block3").text


def test_missing_parts_of_a_block_are_not_mentioned(
    look: Look, engines: Mapping[str, Engine], digit: Digit
) -> None:
    for name, engine in engines.items():
        for block in engine.manifest.blocks:
            markup = look(f"/networks/{name}/digits/{digit.id}/blocks/{block.name}")
            links = markup.links()
            assert (block.gate is not None) == any(
                f"/layers/{block.name}.gate" in link for link in links
            )
            assert (
                f"Switch {text.symbols_of_block(block).f} off" in markup.text
            ) == block.can_disable
            assert ("cosine of " in markup.text) == (block.identity is not None)


def test_the_branch_is_toggled_by_a_link(api: TestClient, digit: Digit, page: str) -> None:
    there = f"{DIGITS}/{digit.id}/blocks/block2?scale=block2:0"
    assert there in page
    off = api.get(there).text
    assert "Switch F(x) on" in off
    assert f'href="{DIGITS}/{digit.id}/blocks/block2"' in off


@pytest.mark.parametrize("where", ["blocks/block2", "depth"])
def test_the_change_of_the_prediction_is_shown(look: Look, digit: Digit, where: str) -> None:
    whole = look(f"{DIGITS}/{digit.id}/{where}")
    switched = look(f"{DIGITS}/{digit.id}/{where}?scale=block2:0")
    assert "Without block2," not in whole.text
    assert "Without block2," in switched.text
    assert "all on" in switched.text
    assert f"{DIGITS}/{digit.id}/{where}" in switched.links()


FIGURES = BlockMetrics("block2", 8.0, 4.0, 9.0, 0.5, -0.5, 0.3589)


@pytest.fixture
def block(engine: Engine) -> BlockInfo:
    """A block that adds."""
    return engine.manifest.blocks[1]


def test_shares_have_two_decimals_and_a_narrow_space(block: BlockInfo) -> None:
    assert "zeroes 35.89\u202f% of" in describe_metrics(FIGURES, block, off=False)


def test_gated_terms_are_not_called_x_or_f(block: BlockInfo) -> None:
    gated = replace(block, merge="highway", gate="block2.gate")
    said = describe_metrics(FIGURES, gated, off=False)
    assert "T·F(x) is 0.500 times as large as (1\u2212T)·x and points" in said
    assert " F(x) is 0.500 times as large as x and" in describe_metrics(FIGURES, block, off=False)


FOUND = (
    FilterMetrics(0, 1.0, 3.0, 4.0, 3.0, -0.5, 0.1),
    FilterMetrics(1, None, 9.0, 9.0, None, None, 0.9),
    FilterMetrics(2, 2.0, 1.0, 2.0, 0.5, 0.75, 0.5),
)

BLOCK = BlockInfo(
    "block1", "add", "x", "x", "block1.residual", None, "block1.sum", "block1.output", True
)


def sorted_table(order: Order) -> FilterTable:
    return filter_table(FOUND, BLOCK, order, Links("net", "digit", switched_off("block2")))


@pytest.mark.parametrize(
    ("order", "filters"),
    [
        ("filter", [0, 1, 2]),
        ("norm_residual", [1, 0, 2]),
        ("ratio", [0, 2, 1]),
        ("cosine", [2, 0, 1]),
    ],
)
def test_rows_are_sorted_largest_first_and_the_undefined_last(
    order: Order, filters: list[int]
) -> None:
    assert [row.filter for row in sorted_table(order).rows] == filters


def test_an_undefined_metric_is_empty() -> None:
    table = sorted_table("filter")
    cells = [metric.text(table.rows[1]) for metric in table.metrics]
    assert cells == ["", "9.00", "9.00", "", "", "90.00\u202f%"]


def test_headings_sort_the_table_and_keep_other_parameters() -> None:
    headings = sorted_table("ratio").headings
    address = "/networks/net/digits/digit/blocks/block1?scale=block2:0"
    assert headings[0].href == f"{address}#filters"
    assert [heading.href for heading in headings if heading.chosen] == [
        f"{address}&order=ratio#filters"
    ]


def test_a_metric_that_no_filter_has_has_no_heading() -> None:
    plain = (FilterMetrics(0, None, 3.0, 3.0, None, None, 0.1),)
    found = filter_table(plain, BLOCK, "filter", Links("net", "digit"))
    assert [heading.text for heading in found.headings] == ["filter", "|F|", "|sum|", "ReLU zeroes"]


@pytest.fixture
def maps(engine: Engine, digit: Digit) -> FeatureMapTable:
    forward = run_network(engine, digit, AS_TRAINED)
    return block_table(forward, engine.manifest.blocks[0], PaletteName.DARK)


def charts(maps: FeatureMapTable, **figures: float | None) -> FilterCharts:
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
    return filter_charts(found, BLOCK, maps, Links("net", "digit"))


def test_every_column_is_below_its_maps(maps: FeatureMapTable) -> None:
    drawn = charts(maps)
    assert drawn.width == maps.geometry.width
    for at, column in enumerate(drawn.columns):
        box = maps.box(maps.rows[0], at)
        assert box
        assert (column.x, column.width) == (box[0], box[2])
        for bar in column.bars:
            assert column.x <= bar.x
            assert bar.x + bar.width <= column.x + column.width
            assert bar.y >= 0
            assert bar.y + bar.height <= drawn.height


def test_bars_are_as_long_as_their_values(maps: FeatureMapTable) -> None:
    x, fx, ratio, cosine, cut = charts(maps).columns[3].bars
    assert (x.tone, fx.tone, ratio.tone) == ("identity", "residual", "")
    assert [x.height, fx.height] == [PLOT_HEIGHT / 2, PLOT_HEIGHT]
    assert ratio.height == pytest.approx(PLOT_HEIGHT / 2 / 3, abs=0.01)  # one octave of three
    assert cosine.height == PLOT_HEIGHT / 2 * 0.5
    assert cut.height == PLOT_HEIGHT * 0.25


def test_above_the_line_is_positive_and_below_it_negative(maps: FeatureMapTable) -> None:
    drawn = charts(maps)
    _, ratios, cosines, _ = drawn.rows
    *_, ratio, cosine, _ = drawn.columns[0].bars
    assert ratio.y + ratio.height == pytest.approx(ratios.axis, abs=0.01)
    assert cosine.y == cosines.axis


def test_ratios_end_at_eight_and_at_an_eighth(maps: FeatureMapTable) -> None:
    for ratio in (1000.0, 0.001):
        bar = charts(maps, ratio=ratio).columns[0].bars[2]
        assert bar.height == PLOT_HEIGHT / 2


def test_an_undefined_metric_has_no_chart(maps: FeatureMapTable) -> None:
    drawn = charts(maps, norm_x=None, ratio=None, cosine=None)
    assert [lane.title for lane in drawn.rows] == ["norm of", "zeroed by ReLU"]
    assert drawn.rows[0].series == (("F(x)", "residual"),)
    assert drawn.height == 2 * ROW_HEIGHT


def test_each_column_describes_and_links_its_filter(engine: Engine, digit: Digit) -> None:
    forward = run_network(engine, digit, AS_TRAINED)
    block = engine.manifest.blocks[1]
    found = filter_metrics(block, forward.activations)
    maps = block_table(forward, block, PaletteName.DARK)
    column = filter_charts(found, block, maps, Links("net", "digit")).columns[7]
    assert column.text.startswith("filter 7: x ")
    assert "ReLU zeroes" in column.text
    assert column.href == "/networks/net/digits/digit/layers/block2.output/filters/7"


def test_a_single_bar_is_centred(maps: FeatureMapTable) -> None:
    column = charts(maps, norm_x=None, ratio=None, cosine=None).columns[5]
    for bar in column.bars:
        middle = bar.x + bar.width / 2
        assert middle == pytest.approx(column.x + column.width / 2, abs=0.05)


def test_long_names_of_gated_terms_fit_a_phone(maps: FeatureMapTable) -> None:
    found = [FilterMetrics(at, 2.0, 4.0, 5.0, 2.0, -0.5, 0.25) for at in range(16)]
    gated = replace(BLOCK, merge="highway", gate="block1.gate")
    sizes, ratios, *_ = filter_charts(found, gated, maps, Links("net", "digit")).rows
    assert sizes.title == ""
    assert [symbol for symbol, _ in sizes.series] == ["|(1\N{MINUS SIGN}T)·x|", "|T·F|"]
    assert ratios.title == "T·F(x) over (1\N{MINUS SIGN}T)·x"
    plain = charts(maps).rows[0]
    assert [plain.title, *(symbol for symbol, _ in plain.series)] == ["norm of", "x", "F(x)"]
